import { describe, expect, test } from 'vitest';
import { expectUnanswered, outcomesOf, partitionOf, readOf, repliesOf } from './wire.ts';
import { fresh, fundedAccount, listedSymbol, useCluster } from './suite.ts';

const suite = useCluster();
const newAccount = (): string => `account/${fresh('a')}`;
const cash = (amount: string) => ({ asset: 'USD', amount });
const deposit = (amount: string, id?: string) => ({
  name: 'deposit',
  body: cash(amount),
  ...(id && { id }),
});
const withdraw = (amount: string) => ({ name: 'withdraw', body: cash(amount) });
const availableOf = async (account: string): Promise<unknown> =>
  readOf<{ balances: unknown }>(await suite.wire.get(account, 'balance')).balances;

/** Accounts that exist, with the partitions they live in. */
async function placedAccounts(
  count: number,
): Promise<readonly { account: string; partition: number }[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const account = newAccount();
      return {
        account,
        partition: partitionOf(await suite.wire.cmd(account, 'deposit', cash('1.00'))),
      };
    }),
  );
}

describe('a batch to one actor', () => {
  test('is carried out in order, one refused command not stopping the rest', async () => {
    const account = newAccount();
    const answer = await suite.wire.batch(account, [
      deposit('10.00'),
      withdraw('10.00'),
      withdraw('0.01'),
      deposit('3.00'),
      withdraw('1.00'),
    ]);
    expect(outcomesOf(answer)).toEqual(['ok', 'ok', 'account/insufficient-funds', 'ok', 'ok']);
    expect(repliesOf(answer)[4]).toEqual({
      ok: true,
      at: expect.any(String),
      result: { asset: 'USD', available: '2.00', held: '0.00' },
    });
  });

  test('answers what is no command with a refusal in its place', async () => {
    const account = newAccount();
    const answer = await suite.wire.batch(account, [
      null,
      7,
      [],
      {},
      { name: 'explode', body: {} },
      { name: 'batch', body: {} },
      { name: 'balance' },
      { ...deposit('1.00'), extra: 1 },
      deposit('1.000'),
      deposit('0.001'),
      { ...deposit('1.00'), id: 'x'.repeat(129) },
      { ...deposit('1.00'), id: 7 },
      { name: 'freeze' },
      deposit('5.00'),
    ]);
    expect(outcomesOf(answer)).toEqual([
      'request/malformed',
      'request/malformed',
      'request/malformed',
      'request/malformed',
      'runtime/unknown-command',
      'runtime/unknown-command',
      'runtime/unknown-command',
      'request/malformed',
      'ok',
      'money/too-precise',
      'request/malformed',
      'request/malformed',
      'ok',
      'ok',
    ]);
    expect(await availableOf(account)).toEqual({ USD: { available: '6.00', held: '0.00' } });
  });

  test('knows its commands by their ids, inside the batch, later and outside of it', async () => {
    const account = newAccount();
    const commands = [
      deposit('1.00', 'd1'),
      deposit('1.00', 'd1'),
      deposit('2.00', 'd1'),
      deposit('4.00', 'd2'),
    ];
    const answer = await suite.wire.batch(account, commands);
    expect(outcomesOf(answer)).toEqual(['ok', 'ok', 'runtime/id-conflict', 'ok']);
    const [first, second] = repliesOf(answer);
    expect(second).toEqual(first);
    expect((await suite.wire.batch(account, commands)).text).toBe(answer.text);
    expect((await suite.wire.cmd(account, 'deposit', cash('1.00'), 'd1')).text).toBe(
      JSON.stringify(first),
    );
    expect(await availableOf(account)).toEqual({ USD: { available: '5.00', held: '0.00' } });
  });

  test('ignores its own id', async () => {
    const account = newAccount();
    const path = `cmd.${account.replace('/', '.')}.batch`;
    for (const amount of ['1.00', '2.00']) {
      const body = JSON.stringify({ commands: [deposit(amount)] });
      expect(outcomesOf(await suite.wire.send(path, body, { 'Nats-Msg-Id': 'same' }))).toEqual([
        'ok',
      ]);
    }
    expect(await availableOf(account)).toEqual({ USD: { available: '3.00', held: '0.00' } });
  });

  test('takes 1,000 commands and refuses 1,001 as a whole', async () => {
    const account = newAccount();
    const commands = Array.from({ length: 1_001 }, () => deposit('0.01'));
    const answer = await suite.wire.batch(account, commands);
    expect(answer).toMatchObject({ status: '400' });
    expect(answer.reply.ok).toBe(false);
    expect(outcomesOf(await suite.wire.batch(account, commands.slice(1)))).toEqual(
      Array(1_000).fill('ok'),
    );
    expect(await availableOf(account)).toEqual({ USD: { available: '10.00', held: '0.00' } });
  });

  test('may be nearly as large as a NATS message', async () => {
    const account = newAccount();
    // The server counts headers too, and a little is left for them.
    const body = JSON.stringify({ commands: [deposit('1.00')] }).padEnd(1_048_576 - 512);
    expect(
      outcomesOf(await suite.wire.send(`cmd.${account.replace('/', '.')}.batch`, body)),
    ).toEqual(['ok']);
  });

  test('is refused as a whole when its envelope is malformed', async () => {
    const path = `cmd.account.${fresh('a')}.batch`;
    for (const body of [
      '',
      '{',
      '[]',
      '{}',
      '{"commands":{}}',
      '{"commands":null}',
      '{"commands":7}',
    ]) {
      expectUnanswered(await suite.wire.send(path, body), 'request/malformed');
    }
    const extra = await suite.wire.send(
      path,
      JSON.stringify({ commands: [deposit('1.00')], colour: 1 }),
    );
    expectUnanswered(extra, 'request/malformed');
    expect(extra.reply.error?.message).toContain('colour');
  });

  test('answers when its slowest command is answered', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await fundedAccount(suite.wire, { USD: '100.00' });
    const order = {
      symbol,
      side: 'buy',
      type: 'limit',
      timeInForce: 'GTC',
      price: '1',
      quantity: '1',
    };
    const answer = await suite.wire.batch(account, [
      { name: 'place-order', body: { ...order, clOrdId: 'o1' } },
      { name: 'cancel-order', body: { origClOrdId: 'o1' } },
      deposit('1.00'),
    ]);
    expect(repliesOf(answer).map((reply) => reply.result)).toMatchObject([
      { ordStatus: 'New' },
      { ordStatus: 'Canceled' },
      { available: expect.any(String) },
    ]);
  });
});

describe('a batch to a partition', () => {
  test('reaches its actors in order and refuses those that live elsewhere', async () => {
    const placed = await placedAccounts(40);
    const partition = placed[0]?.partition ?? 0;
    const here = placed.filter((each) => each.partition === partition);
    const commands = placed.map(({ account }) => ({ actor: account, ...deposit('2.00') }));
    const answer = await suite.wire.send(`part.${partition}.batch`, JSON.stringify({ commands }));
    expect(outcomesOf(answer)).toEqual(
      placed.map((each) => (each.partition === partition ? 'ok' : 'runtime/wrong-partition')),
    );
    expect(here.length).toBeLessThan(placed.length);
    for (const each of placed) {
      const available = each.partition === partition ? '3.00' : '1.00';
      expect(await availableOf(each.account)).toEqual({ USD: { available, held: '0.00' } });
    }
  });

  test('refuses an actor that is missing or misspelt, each for itself', async () => {
    const [placed] = await placedAccounts(1);
    const { account, partition } = placed ?? { account: '', partition: 0 };
    const actors = [
      undefined,
      7,
      '',
      'account',
      'account/',
      'account/a/b',
      'Account/a',
      'account.a',
      account,
    ];
    const commands = actors.map((actor) => ({ actor, ...deposit('1.00') }));
    const answer = await suite.wire.send(`part.${partition}.batch`, JSON.stringify({ commands }));
    expect(outcomesOf(answer)).toEqual([...Array(8).fill('request/malformed'), 'ok']);
  });
});
