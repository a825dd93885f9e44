import { describe, expect, test } from 'vitest';
import { until } from './condition.ts';
import { balancesOf } from './orders.ts';
import { fresh, fundedAccount, useCluster } from './suite.ts';
import { expectRefused, expectUnanswered, partitionOf, readOf, resultOf } from './wire.ts';

const suite = useCluster();

interface Pair {
  readonly holder: string;
  readonly receiver: string;
}

const partitionOfAccount = async (account: string): Promise<number> =>
  partitionOf(await suite.wire.cmd(account, 'deposit', { asset: 'USD', amount: '1' }));

/** A holder with 100.00 USD and a receiver with 1.00 in two different partitions, or in the same one. */
async function pair(together = false): Promise<Pair> {
  const holder = await fundedAccount(suite.wire, { USD: '99.00' });
  const home = await partitionOfAccount(holder);
  for (;;) {
    const receiver = `account/${fresh('receiver')}`;
    if ((home === (await partitionOfAccount(receiver))) === together) return { holder, receiver };
  }
}

const idOf = (account: string): string => account.slice('account/'.length);
const usd = (available: string, held = '0.00') => ({ USD: { available, held } });

/** Holds 30.00 for the receiver, unless said otherwise. */
async function hold({ holder, receiver }: Pair, body: object = {}): Promise<string> {
  const holdId = fresh('hold');
  const asked = { holdId, asset: 'USD', amount: '30', to: idOf(receiver), ...body };
  expect(resultOf(await suite.wire.cmd(holder, 'hold', asked))).toEqual({ holdId, status: 'held' });
  return holdId;
}

describe.each([
  ['another partition', false],
  ['the same partition', true],
])('a hold for a receiver in %s', (_, together) => {
  test('is captured: the answer comes when the receiver has it, and a repeat is byte-same', async () => {
    const both = await pair(together);
    const holdId = await hold(both);
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('70.00', '30.00'));
    const id = fresh('capture');
    const first = await suite.wire.cmd(both.holder, 'capture', { holdId }, id);
    expect(resultOf(first)).toEqual({ holdId, status: 'captured', amount: '30.00' });
    expect(await balancesOf(suite.wire, both.receiver)).toEqual(usd('31.00'));
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('70.00'));
    expect((await suite.wire.cmd(both.holder, 'capture', { holdId }, id)).text).toBe(first.text);
    const other = { holdId, amount: '30' };
    expectRefused(await suite.wire.cmd(both.holder, 'capture', other, id), 'runtime/id-conflict');
    expectRefused(await suite.wire.cmd(both.holder, 'capture', { holdId }), 'hold/captured');
    expectRefused(await suite.wire.cmd(both.holder, 'release', { holdId }), 'hold/captured');
  });

  test('is captured in part, or not at all: the rest is available again', async () => {
    const both = await pair(together);
    const part = await hold(both);
    const captured = await suite.wire.cmd(both.holder, 'capture', { holdId: part, amount: '0.01' });
    expect(resultOf(captured)).toMatchObject({ amount: '0.01' });
    const none = await hold(both);
    const nothing = await suite.wire.cmd(both.holder, 'capture', { holdId: none, amount: '0' });
    expect(resultOf(nothing)).toEqual({ holdId: none, status: 'captured', amount: '0.00' });
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('99.99'));
    expect(await balancesOf(suite.wire, both.receiver)).toEqual(usd('1.01'));
  });

  test('is as it was when the receiver is closed', async () => {
    const both = await pair(together);
    const holdId = await hold(both);
    resultOf(await suite.wire.cmd(both.receiver, 'withdraw', { asset: 'USD', amount: '1' }));
    resultOf(await suite.wire.cmd(both.receiver, 'close'));
    expectRefused(await suite.wire.cmd(both.holder, 'capture', { holdId }), 'account/closed');
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('70.00', '30.00'));
    const released = await suite.wire.cmd(both.holder, 'release', { holdId });
    expect(resultOf(released)).toEqual({ holdId, status: 'released' });
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('100.00'));
  });

  test('is told of at both sides', async () => {
    const both = await pair(together);
    const { connection } = suite.wire;
    const told = [both.holder, both.receiver].map((account) =>
      connection.subscribe(`millrace.evt.account.${idOf(account)}.>`),
    );
    await connection.flush();
    const holdId = await hold(both, { reference: 'room 12' });
    resultOf(await suite.wire.cmd(both.holder, 'capture', { holdId, amount: '20' }));
    const common = { holdId, asset: 'USD', reference: 'room 12' };
    const [atHolder, atReceiver] = await Promise.all(
      told.map(async (subscription, side) => {
        const events = [];
        for await (const message of subscription) {
          events.push([message.subject.split('.').at(-1), message.json()]);
          if (events.length === (side === 0 ? 2 : 1)) break;
        }
        return events;
      }),
    );
    const to = idOf(both.receiver);
    expect(atHolder).toMatchObject([
      ['held', { ...common, amount: '30.00', to }],
      ['captured', { ...common, amount: '20.00', released: '10.00', to }],
    ]);
    expect(atReceiver).toMatchObject([
      ['capture-received', { ...common, amount: '20.00', from: idOf(both.holder) }],
    ]);
  });
});

describe('a hold', () => {
  test('expires by itself at its time, and not before', async () => {
    const both = await pair();
    const expiresAt = Date.now() + 2_000;
    const expired = suite.wire.connection.subscribe(
      `millrace.evt.account.${idOf(both.holder)}.hold-expired`,
      { max: 1 },
    );
    const holdId = await hold(both, { expiresAt });
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('70.00', '30.00'));
    for await (const message of expired) {
      const event = message.json<{ time: number }>();
      expect(event).toMatchObject({ holdId, amount: '30.00' });
      expect(event.time).toBeGreaterThanOrEqual(expiresAt);
    }
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('100.00'));
    expectRefused(await suite.wire.cmd(both.holder, 'capture', { holdId }), 'hold/expired');
    expectRefused(await suite.wire.cmd(both.holder, 'release', { holdId }), 'hold/expired');
  });

  test.each([
    ['hold/duplicate', {}],
    ['hold/expired', { expiresAt: 1 }],
    ['account/insufficient-funds', { amount: '70.01' }],
  ])('is refused with %s', async (code, change) => {
    const both = await pair();
    const used = await hold(both);
    const holdId = code === 'hold/duplicate' ? used : fresh('hold');
    const body = { asset: 'USD', amount: '30', ...change, holdId };
    expectRefused(await suite.wire.cmd(both.holder, 'hold', body), code);
  });

  test.each([
    ['money/too-precise', { amount: '0.001' }],
    ['money/not-positive', { amount: '0' }],
    ['request/malformed', { expiresAt: '2030-01-01' }],
    ['request/malformed', { to: 'no such.id' }],
    ['request/malformed', { holdId: '' }],
  ])('is not even judged (%s): %j', async (code, change) => {
    const { holder } = await pair();
    const body = { holdId: fresh('hold'), asset: 'USD', amount: '30', ...change };
    expectUnanswered(await suite.wire.cmd(holder, 'hold', body), code);
  });

  test('can be captured and released though its account was frozen; a new one is refused', async () => {
    const both = await pair();
    const [one, two] = [await hold(both), await hold(both)];
    resultOf(await suite.wire.cmd(both.holder, 'freeze'));
    const body = { holdId: fresh('hold'), asset: 'USD', amount: '1' };
    expectRefused(await suite.wire.cmd(both.holder, 'hold', body), 'account/frozen');
    resultOf(await suite.wire.cmd(both.holder, 'capture', { holdId: one }));
    resultOf(await suite.wire.cmd(both.holder, 'release', { holdId: two }));
    expect(await balancesOf(suite.wire, both.holder)).toEqual(usd('70.00'));
  });

  test('needs a receiver when it is captured, and never more than it holds', async () => {
    const both = await pair();
    const nameless = await hold(both, { to: undefined });
    const { holder } = both;
    const capture = (body: object) =>
      suite.wire.cmd(holder, 'capture', { holdId: nameless, ...body });
    expectUnanswered(await capture({}), 'request/malformed');
    expectRefused(await capture({ to: fresh('nobody') }), 'account/unknown');
    expectRefused(await capture({ to: idOf(both.receiver), amount: '30.01' }), 'hold/exceeds');
    resultOf(await capture({ to: idOf(both.receiver) }));
    expect(await balancesOf(suite.wire, both.receiver)).toEqual(usd('31.00'));
    const unknown = { holdId: fresh('hold') };
    expectRefused(await suite.wire.cmd(holder, 'release', unknown), 'hold/unknown');
  });

  test('blocks the close of its account', async () => {
    const both = await pair();
    const holdId = await hold(both, { amount: '100' });
    expectRefused(await suite.wire.cmd(both.holder, 'close'), 'account/not-empty');
    resultOf(await suite.wire.cmd(both.holder, 'capture', { holdId }));
    resultOf(await suite.wire.cmd(both.holder, 'close'));
  });
});

test('holds end once each though hosts are killed: nothing is lost, nothing is paid twice', async () => {
  const pairs = await Promise.all(Array.from({ length: 4 }, () => pair()));
  const { wire, cluster } = suite;
  /** Three of four are captured or released; the fourth is left to its expiry. */
  const one = async ({ holder, receiver }: Pair, n: number): Promise<number> => {
    const holdId = fresh('hold');
    const expiry = n % 4 === 3 ? { expiresAt: Date.now() + 2_000 } : {};
    const body = { holdId, asset: 'USD', amount: '0.50', to: idOf(receiver), ...expiry };
    const held = await wire.insist(holder, 'hold', body, fresh('id'));
    if (n % 4 === 3) {
      // While its host was away its time may have passed before it was held.
      if (!held.reply.ok) expectRefused(held, 'hold/expired');
      return 0;
    }
    resultOf(held);
    const captures = n % 4 === 2;
    const ending = captures ? { holdId, amount: '0.20' } : { holdId };
    const name = n % 4 === 0 ? 'release' : 'capture';
    const answer = await wire.insist(holder, name, ending, fresh('id'));
    const { amount = '0' } = resultOf<{ amount?: string }>(answer);
    return Math.round(Number(amount) * 100);
  };
  const captured = pairs.map(() => 0);
  const working = pairs.map(async (both, which) => {
    for (let n = 0; n < 60; n++) captured[which] = (captured[which] ?? 0) + (await one(both, n));
  });
  for (const host of cluster.hosts.keys()) await cluster.killHost(host);
  await Promise.all(working);
  for (const [which, { holder, receiver }] of pairs.entries()) {
    const cents = captured[which] ?? 0;
    expect(cents).toBe(15 * 50 + 15 * 20);
    const left = usd((100 - cents / 100).toFixed(2));
    await until(`${holder} holds nothing`, async () => {
      const { balances } = readOf<{ balances: object }>(await wire.read(holder, 'balance'));
      return JSON.stringify(balances) === JSON.stringify(left) ? balances : undefined;
    });
    expect(await balancesOf(wire, receiver)).toEqual(usd((1 + cents / 100).toFixed(2)));
  }
}, 90_000);
