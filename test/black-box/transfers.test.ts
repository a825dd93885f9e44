import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { until } from './condition.ts';
import { balancesOf } from './orders.ts';
import { fresh, fundedAccount, useCluster } from './suite.ts';
import { expectRefused, expectUnanswered, partitionOf, readOf, resultOf } from './wire.ts';

const suite = useCluster();
const protocols = ['tcc', 'saga', '2pc', 'choreography'] as const;

interface Pair {
  readonly payer: string;
  readonly payee: string;
  /** The partition of the payee. */
  readonly away: number;
}

const partitionOfAccount = async (account: string): Promise<number> =>
  partitionOf(await suite.wire.cmd(account, 'deposit', { asset: 'USD', amount: '1' }));

/** A payer with 100.00 USD and a payee with 1.00 in two different partitions, or in the same one. */
async function pair(together = false): Promise<Pair> {
  const payer = await fundedAccount(suite.wire, { USD: '99.00' });
  const home = await partitionOfAccount(payer);
  for (;;) {
    const payee = `account/${fresh('payee')}`;
    const away = await partitionOfAccount(payee);
    if ((home === away) === together) return { payer, payee, away };
  }
}

const idOf = (account: string): string => account.slice('account/'.length);

const usd = (available: string, held = '0.00') => ({ USD: { available, held } });

/** The payee follows without being awaited. */
const balancesBecome = (account: string, wanted: unknown): Promise<unknown> =>
  until(`${account} has ${JSON.stringify(wanted)}`, async () => {
    const balances = await balancesOf(suite.wire, account);
    return JSON.stringify(balances) === JSON.stringify(wanted) ? balances : undefined;
  });

const tableOf = async (account: string, transferId: string): Promise<Record<string, unknown>> =>
  readOf(await suite.wire.read(account, 'transfer', { transferId }));

describe.each(protocols)('a transfer by %s', (protocol) => {
  test.each([
    ['another partition', false],
    ['the same partition', true],
  ])('to %s shows at the payer at once and then at the payee', async (_, together) => {
    const { payer, payee } = await pair(together);
    const body = { to: idOf(payee), asset: 'USD', amount: '30', protocol, reference: 'rent' };
    const transferId = fresh('transfer');
    const first = await suite.wire.cmd(payer, 'transfer', body, transferId);
    expect(resultOf(first)).toEqual({ transferId, status: 'completed' });
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('70.00'));
    await balancesBecome(payee, usd('31.00'));

    const again = await suite.wire.cmd(payer, 'transfer', body, transferId);
    expect(again.text).toBe(first.text);
    const other = await suite.wire.cmd(payer, 'transfer', { ...body, amount: '31' }, transferId);
    expectRefused(other, 'runtime/id-conflict');
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('70.00'));
  });

  test('is published at both sides under the same id', async () => {
    const { payer, payee } = await pair();
    const sent = suite.wire.connection.subscribe(`millrace.evt.account.${idOf(payer)}.>`, {
      max: 1,
    });
    const received = suite.wire.connection.subscribe(`millrace.evt.account.${idOf(payee)}.>`, {
      max: 1,
    });
    await suite.wire.connection.flush();
    const transferId = fresh('transfer');
    const body = { to: idOf(payee), asset: 'USD', amount: '30', protocol, reference: 'rent' };
    resultOf(await suite.wire.cmd(payer, 'transfer', body, transferId));
    const moved = { transferId, asset: 'USD', amount: '30.00', reference: 'rent' };
    for await (const message of sent) {
      expect(message.subject).toMatch(/\.transfer-sent$/);
      expect(message.json()).toMatchObject({ ...moved, to: idOf(payee) });
    }
    for await (const message of received) {
      expect(message.subject).toMatch(/\.transfer-received$/);
      expect(message.json()).toMatchObject({ ...moved, from: idOf(payer) });
    }
  });

  test('without an id gets one, under which it can be looked up', async () => {
    const { payer, payee } = await pair();
    const body = { to: idOf(payee), asset: 'USD', amount: '1', protocol };
    const answer = await suite.wire.cmd(payer, 'transfer', body);
    const { transferId } = resultOf<{ transferId: string }>(answer);
    expect(await tableOf(payer, transferId)).toMatchObject({ protocol, status: 'completed' });
  });

  test.each([
    ['account/frozen', 'freeze'],
    ['account/closed', 'close'],
  ])('is refused with %s by the payee, and all is as before', async (code, command) => {
    const { payer, payee } = await pair();
    await suite.wire.cmd(payee, 'withdraw', { asset: 'USD', amount: '1' });
    resultOf(await suite.wire.cmd(payee, command));
    const transferId = fresh('transfer');
    const body = { to: idOf(payee), asset: 'USD', amount: '30', protocol };
    const refused = await suite.wire.cmd(payer, 'transfer', body, transferId);
    expectRefused(refused, code);
    expect((await suite.wire.cmd(payer, 'transfer', body, transferId)).text).toBe(refused.text);
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('100.00'));
    expect(await balancesOf(suite.wire, payee)).toEqual(usd('0.00'));
    expect(await tableOf(payer, transferId)).toMatchObject({ status: 'refused', code });
  });

  test('to an account that never was is refused, and opens none', async () => {
    const { payer } = await pair();
    const to = fresh('nobody');
    const body = { to, asset: 'USD', amount: '30', protocol };
    expectRefused(await suite.wire.cmd(payer, 'transfer', body), 'account/unknown');
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('100.00'));
    const balance = await suite.wire.get(`account/${to}`, 'balance');
    expect(readOf(balance)).toEqual({ status: 'none', balances: {} });
  });
});

describe('a transfer', () => {
  test.each([
    ['transfer/same-account', { to: 'SELF' }],
    ['account/insufficient-funds', { amount: '100.01' }],
    ['money/too-precise', { amount: '0.001' }],
    ['money/not-positive', { amount: '0' }],
    ['request/malformed', { protocol: '3pc' }],
    ['request/malformed', { to: 'no such.id' }],
  ])('is refused with %s: %j', async (code, change) => {
    const { payer, payee } = await pair();
    const body = { to: idOf(payee), asset: 'USD', amount: '30', ...change };
    if (body.to === 'SELF') body.to = idOf(payer);
    expectRefused(await suite.wire.cmd(payer, 'transfer', body), code);
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('100.00'));
  });

  test('needs an open payer', async () => {
    const { payer, payee } = await pair();
    const body = { to: idOf(payee), asset: 'USD', amount: '30' };
    expectRefused(
      await suite.wire.cmd(`account/${fresh('nobody')}`, 'transfer', body),
      'account/unknown',
    );
    resultOf(await suite.wire.cmd(payer, 'freeze'));
    expectRefused(await suite.wire.cmd(payer, 'transfer', body), 'account/frozen');
  });

  test('shows its phases: by default try, then confirm', async () => {
    const { payer, payee } = await pair();
    const transferId = fresh('transfer');
    const body = { to: idOf(payee), asset: 'USD', amount: '30' };
    resultOf(await suite.wire.cmd(payer, 'transfer', body, transferId));
    const table = await until('the payee has confirmed', async () => {
      const seen = await tableOf(payer, transferId);
      return (seen['times'] as { ended?: number }).ended === undefined ? undefined : seen;
    });
    const answered = (phase: string) => ({ phase, status: 'answered' });
    expect(table).toEqual({
      transferId,
      status: 'completed',
      protocol: 'tcc',
      to: idOf(payee),
      asset: 'USD',
      amount: '30.00',
      decision: 'confirm',
      outOfOrder: false,
      participants: [
        { role: 'payer', first: answered('try'), second: answered('confirm') },
        { role: 'payee', first: answered('try'), second: answered('confirm') },
      ],
      times: {
        begun: expect.any(Number),
        deadline: expect.any(Number),
        decided: expect.any(Number),
        ended: expect.any(Number),
      },
    });
    expectUnanswered(
      await suite.wire.get(payer, 'transfer', { transferId: 'never' }),
      'transfer/unknown',
    );
  });

  test('goes many at a time in both directions, and no money is made or lost', async () => {
    const { payer, payee } = await pair();
    const ends = [payer, payee];
    const all = Array.from({ length: 400 }, (_, n) => {
      const [from = '', to = ''] = n % 2 === 0 ? ends : ends.toReversed();
      const body = { to: idOf(to), asset: 'USD', amount: '0.50', protocol: protocols[n % 4] };
      return suite.wire.insist(from, 'transfer', body, fresh('transfer'));
    });
    const answers = await Promise.all(all);
    const refused = answers.filter(({ reply }) => !reply.ok);
    for (const answer of refused) expectRefused(answer, 'account/insufficient-funds');
    await until('both have what they should', async () => {
      const balances = await Promise.all(ends.map((account) => balancesOf(suite.wire, account)));
      const total = balances
        .map((each) => (each as ReturnType<typeof usd>).USD)
        .reduce((sum, { available }) => sum + Number(available), 0);
      return total === 101 || undefined;
    });
  });
});

describe('a reversal', () => {
  test('corrects a deposit, a withdrawal and a transfer by new entries, each once', async () => {
    const { payer, payee } = await pair();
    const body = { to: idOf(payee), asset: 'USD', amount: '30' };
    const moved = [
      await suite.wire.cmd(payer, 'deposit', { asset: 'USD', amount: '5' }),
      await suite.wire.cmd(payer, 'withdraw', { asset: 'USD', amount: '10' }),
      await suite.wire.cmd(payer, 'transfer', body),
    ];
    const reached = ['60.00', '70.00', '100.00'];
    for (const [n, { reply }] of moved.entries()) {
      const { at: of = '' } = reply;
      const id = fresh('reversal');
      const reversed = await suite.wire.insist(payer, 'reverse', { of, reference: 'wrong' }, id);
      expect(resultOf(reversed)).toEqual({ of, asset: 'USD', ...usd(reached[n] ?? '').USD });
      const again = await suite.wire.cmd(payer, 'reverse', { of, reference: 'wrong' }, id);
      expect(again.text).toBe(reversed.text);
      expectRefused(await suite.wire.cmd(payer, 'reverse', { of }), 'reversal/done');
      expectRefused(await suite.wire.cmd(payee, 'reverse', { of }), 'reversal/unknown');
    }
    expect(await balancesOf(suite.wire, payee)).toEqual(usd('1.00'));
    expectRefused(await suite.wire.cmd(payer, 'reverse', { of: 'x' }), 'request/malformed');
  });
});

test('a reversal is done once though the hosts are killed under it', async () => {
  const pairs = await Promise.all(Array.from({ length: 12 }, () => pair()));
  const transfers = await Promise.all(
    pairs.map(({ payer, payee }) =>
      suite.wire.insist(
        payer,
        'transfer',
        { to: idOf(payee), asset: 'USD', amount: '30' },
        fresh('t'),
      ),
    ),
  );
  const reversals = pairs.map(({ payer }, n) => ({
    payer,
    body: { of: transfers[n]?.reply.at ?? '' },
    id: fresh('reversal'),
  }));
  const half = reversals.length / 2;
  const reverse = ({ payer, body, id }: (typeof reversals)[number]) =>
    suite.wire.insist(payer, 'reverse', body, id);
  const first = Promise.all(reversals.slice(0, half).map(reverse));
  await suite.cluster.killHost('host-1');
  const second = Promise.all(reversals.slice(half).map(reverse));
  await suite.cluster.killHost('host-2');
  const answers = [...(await first), ...(await second)];
  for (const [n, answer] of answers.entries()) {
    const { of = '' } = reversals[n]?.body ?? {};
    expect(resultOf(answer)).toEqual({ of, asset: 'USD', ...usd('100.00').USD });
  }
  const again = await Promise.all(reversals.map(reverse));
  expect(again.map(({ text }) => text)).toEqual(answers.map(({ text }) => text));
  for (const { payer, payee } of pairs) {
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('100.00'));
    expect(await balancesOf(suite.wire, payee)).toEqual(usd('1.00'));
  }
  // Every partition serves again.
  const body = { asset: 'USD', amount: '1' };
  const accounts = Array.from({ length: 300 }, () => `account/${fresh('any')}`);
  await Promise.all(
    accounts.map((account) => suite.wire.insist(account, 'deposit', body, fresh('d'))),
  );
}, 120_000);

// Last: it leaves a partition that is halted.
describe('when the payee is out of reach', () => {
  test('a transfer is pending, then undone by its deadline; a repeat waits for the same reply', async () => {
    const { payer, payee, away } = await pair();
    const redis = new Redis(suite.cluster.redis);
    await redis.xadd(`{mr:${away}}:log`, '999999999-1', 'not', 'ours');
    redis.disconnect();
    const transferId = fresh('transfer');
    const body = { to: idOf(payee), asset: 'USD', amount: '30' };
    expectRefused(await suite.wire.cmd(payer, 'transfer', body, transferId), 'runtime/pending');
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('70.00', '30.00'));
    expect(await tableOf(payer, transferId)).toMatchObject({ status: 'pending', decision: null });
    const answer = await until(
      'the deadline has come',
      async () => {
        const waited = await suite.wire.cmd(payer, 'transfer', body, transferId);
        return waited.errorCode === 'runtime/pending' ? undefined : waited;
      },
      45_000,
    );
    expectRefused(answer, 'transfer/expired');
    expect(await balancesOf(suite.wire, payer)).toEqual(usd('100.00'));
    expect((await suite.wire.cmd(payer, 'transfer', body, transferId)).text).toBe(answer.text);
    expect(await tableOf(payer, transferId)).toMatchObject({
      status: 'refused',
      code: 'transfer/expired',
      decision: 'cancel',
    });
  }, 60_000);
});
