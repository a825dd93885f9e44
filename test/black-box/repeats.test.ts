import { describe, expect, test } from 'vitest';
import { wireOver, expectRefused, readOf, resultOf, type Answer } from './wire.ts';
import { fresh, fundedAccount, listedSymbol, useCluster } from './suite.ts';

const suite = useCluster();
const one = { asset: 'USD', amount: '1.00' };
const newAccount = (): string => `account/${fresh('a')}`;

/** A UUIDv7 that was made at this time. */
function uuidOf(time: number): string {
  const milliseconds = time.toString(16).padStart(12, '0');
  const counter = String(++made).padStart(12, '0');
  return `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7abc-8def-${counter}`;
}
let made = 0;

const availableOf = async (account: string): Promise<string> =>
  readOf<{ balances: { USD: { available: string } } }>(await suite.wire.get(account, 'balance'))
    .balances.USD.available;

describe('an id that was answered', () => {
  test('gets the first reply byte for byte and is applied once', async () => {
    const account = newAccount();
    const first = await suite.wire.cmd(account, 'deposit', one, 'd1');
    await suite.wire.cmd(account, 'deposit', one, 'd2');
    const other = wireOver(await suite.cluster.connect());
    for (const wire of [suite.wire, other]) {
      expect((await wire.cmd(account, 'deposit', one, 'd1')).text).toBe(first.text);
    }
    expect(await availableOf(account)).toBe('2.00');
  });

  test('may come with its fields in another order and with blanks', async () => {
    const account = newAccount();
    const first = await suite.wire.cmd(account, 'deposit', one, 'd1');
    const path = `cmd.${account.replace('/', '.')}.deposit`;
    const again = ' { "amount" : "1.00",\n "asset":"\\u0055SD" } ';
    expect((await suite.wire.send(path, again, { 'Nats-Msg-Id': 'd1' })).text).toBe(first.text);
  });

  test('conflicts with another payload and with another command', async () => {
    const account = newAccount();
    const first = await suite.wire.cmd(account, 'deposit', one, 'd1');
    const more = { asset: 'USD', amount: '2.00' };
    expectRefused(await suite.wire.cmd(account, 'deposit', more, 'd1'), 'runtime/id-conflict');
    expectRefused(await suite.wire.cmd(account, 'withdraw', one, 'd1'), 'runtime/id-conflict');
    expect((await suite.wire.cmd(account, 'deposit', one, 'd1')).text).toBe(first.text);
    expect(await availableOf(account)).toBe('1.00');
  });

  test('is known to its own actor only', async () => {
    const [first, second] = [newAccount(), newAccount()];
    resultOf(await suite.wire.cmd(first, 'deposit', one, 'shared'));
    resultOf(await suite.wire.cmd(second, 'deposit', { asset: 'EUR', amount: '5.00' }, 'shared'));
  });

  test('is burnt by a 409 refusal, whatever happens later', async () => {
    const account = await fundedAccount(suite.wire, { USD: '1.00' });
    const five = { asset: 'USD', amount: '5.00' };
    const refused = await suite.wire.cmd(account, 'withdraw', five, 'w1');
    expectRefused(refused, 'account/insufficient-funds');
    await suite.wire.cmd(account, 'deposit', { asset: 'USD', amount: '10.00' });
    const again = await suite.wire.cmd(account, 'withdraw', five, 'w1');
    expect(again.text).toBe(refused.text);
    expect(again).toMatchObject({ errorCode: 'account/insufficient-funds', status: '409' });
    expectRefused(await suite.wire.cmd(account, 'withdraw', one, 'w1'), 'runtime/id-conflict');
    expect(await availableOf(account)).toBe('11.00');
  });

  test('is free after a 400 or a 404', async () => {
    const account = newAccount();
    expectRefused(
      await suite.wire.cmd(account, 'deposit', { asset: 'USD' }, 'd1'),
      'request/malformed',
    );
    expectRefused(
      await suite.wire.cmd(account, 'deposit', { asset: 'USD', amount: '0.001' }, 'd1'),
      'money/too-precise',
    );
    expectRefused(await suite.wire.cmd(account, 'explode', {}, 'd1'), 'runtime/unknown-command');
    expect(resultOf(await suite.wire.cmd(account, 'deposit', one, 'd1'))).toMatchObject({
      available: '1.00',
    });
  });
});

test('without an id each arrival is a command of its own', async () => {
  const account = newAccount();
  for (let count = 0; count < 3; count++) resultOf(await suite.wire.cmd(account, 'deposit', one));
  expect(await availableOf(account)).toBe('3.00');
});

describe('an id that is under way', () => {
  const sameText = (answers: readonly Answer[]): string => {
    const texts = new Set(answers.map((answer) => answer.text));
    expect(texts.size).toBe(1);
    return [...texts][0] ?? '';
  };

  test('sent a hundred times at once over four connections is applied once', async () => {
    const account = newAccount();
    const wires = await Promise.all(
      Array.from({ length: 4 }, async () => wireOver(await suite.cluster.connect())),
    );
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        (wires[n % 4] ?? suite.wire).cmd(account, 'deposit', one, 'd1'),
      ),
    );
    sameText(answers);
    expect(await availableOf(account)).toBe('1.00');
  });

  test('waits for the same reply while the order is at its symbol', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await fundedAccount(suite.wire, { USD: '100.00' });
    const order = {
      clOrdId: 'o1',
      symbol,
      side: 'buy',
      type: 'limit',
      timeInForce: 'GTC',
      price: '10',
      quantity: '1',
    };
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => suite.wire.cmd(account, 'place-order', order, 'p1')),
    );
    expect(sameText(answers)).toContain('"ordStatus":"New"');
    expect(readOf(await suite.wire.get(account, 'balance'))).toMatchObject({
      balances: { USD: { available: '90.00', held: '10.00' } },
    });
  });

  test('waits for the same reply while a listing reaches every partition', async () => {
    const body = { base: 'BTC', quote: 'USD', tickSize: '1', lotSize: '1', settlement: 'none' };
    const symbol = `symbol/${fresh('S')}`;
    sameText(
      await Promise.all(
        Array.from({ length: 20 }, () => suite.wire.cmd(symbol, 'list', body, 'l1')),
      ),
    );
  });

  test('conflicts with another payload sent at the same moment', async () => {
    const account = newAccount();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        suite.wire.cmd(account, 'deposit', { asset: 'USD', amount: `${n + 1}.00` }, 'd1'),
      ),
    );
    const applied = answers.filter((answer) => answer.reply.ok);
    expect(applied).toHaveLength(1);
    const conflicts = answers.filter((answer) => !answer.reply.ok);
    for (const answer of conflicts) expectRefused(answer, 'runtime/id-conflict');
    const [winner] = applied;
    expect(winner?.reply.result).toMatchObject({ available: await availableOf(account) });
  });
});

describe('an id that carries its time', () => {
  test('is taken when it is new', async () => {
    const account = newAccount();
    const id = uuidOf(Date.now());
    const first = await suite.wire.cmd(account, 'deposit', one, id);
    resultOf(first);
    expect((await suite.wire.cmd(account, 'deposit', one, id)).text).toBe(first.text);
  });

  test('is refused for ever when it is older than the window', async () => {
    const account = await fundedAccount(suite.wire, { USD: '1.00' });
    const id = uuidOf(Date.UTC(2020, 0, 1));
    for (const body of [one, one, { asset: 'USD', amount: '2.00' }]) {
      expectRefused(await suite.wire.cmd(account, 'deposit', body, id), 'runtime/stale-command');
    }
    expect(await availableOf(account)).toBe('1.00');
  });
});

test('every reply is the same, byte for byte, after each host was killed', async () => {
  const accounts = Array.from({ length: 40 }, newAccount);
  const before = new Map<string, string>();
  for (const account of accounts) {
    before.set(account, (await suite.wire.cmd(account, 'deposit', one, 'd1')).text);
    await suite.wire.cmd(account, 'withdraw', { asset: 'USD', amount: '9.00' }, 'w1');
  }
  for (const host of suite.cluster.hosts.keys()) {
    await suite.cluster.killHost(host);
    const repeated = await Promise.all(
      accounts.map((account) => suite.wire.insist(account, 'deposit', one, 'd1')),
    );
    expect(repeated.map((answer) => answer.text)).toEqual(
      accounts.map((account) => before.get(account)),
    );
  }
  const [account = ''] = accounts;
  const refused = await suite.wire.insist(
    account,
    'withdraw',
    { asset: 'USD', amount: '9.00' },
    'w1',
  );
  expectRefused(refused, 'account/insufficient-funds');
  const conflict = await suite.wire.insist(
    account,
    'deposit',
    { asset: 'USD', amount: '3.00' },
    'd1',
  );
  expectRefused(conflict, 'runtime/id-conflict');
  for (const each of accounts) expect(await availableOf(each)).toBe('1.00');
});
