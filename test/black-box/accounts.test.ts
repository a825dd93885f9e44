import { describe, expect, test } from 'vitest';
import { expectRefused, expectUnanswered, readOf, resultOf } from './wire.ts';
import { fresh, fundedAccount, useCluster } from './suite.ts';

const suite = useCluster();
const balanceOf = async (account: string) => readOf(await suite.wire.get(account, 'balance'));
const deposit = (account: string, asset: unknown, amount: unknown) =>
  suite.wire.cmd(account, 'deposit', { asset, amount });

describe('amounts', () => {
  test('a reply is written exactly as the contract shows it', async () => {
    const { text } = await deposit(`account/${fresh('a')}`, 'USD', '12.5');
    expect(text.replace(/"at":"\d+:\d+-\d+"/, '"at":"…"')).toBe(
      '{"ok":true,"at":"…","result":{"asset":"USD","available":"12.50","held":"0.00"}}',
    );
  });

  test.each([
    ['USD', '7', '7.00', '0.00'],
    ['EUR', '0.01', '0.01', '0.00'],
    ['KRW', '1200', '1200', '0'],
    ['BTC', '0.00000001', '0.00000001', '0.00000000'],
    ['GOLD', '2', '2.00000000', '0.00000000'],
  ])('%s %s is written as %s, and nothing as %s', async (asset, amount, available, held) => {
    const answer = await deposit(`account/${fresh('a')}`, asset, amount);
    expect(resultOf(answer)).toEqual({ asset, available, held });
  });

  test('trailing zeros do not count as decimals', async () => {
    const account = `account/${fresh('a')}`;
    expect(resultOf(await deposit(account, 'USD', '1.500000000000000000'))).toMatchObject({
      available: '1.50',
    });
    expect(resultOf(await deposit(account, 'KRW', '10.000'))).toMatchObject({ available: '10' });
  });

  test('27 digits before the point are exact', async () => {
    const account = `account/${fresh('a')}`;
    await deposit(account, 'USD', `${'9'.repeat(27)}.99`);
    expect(resultOf(await deposit(account, 'USD', '0.01'))).toMatchObject({
      available: `1${'0'.repeat(27)}.00`,
    });
  });

  test.each([
    10,
    1.5,
    0,
    true,
    null,
    {},
    ['1'],
    '',
    ' 1',
    '1 ',
    '-1',
    '+1',
    '1e3',
    '1E-2',
    '0x10',
    '01',
    '00.1',
    '.5',
    '1.',
    '1.2.3',
    '1,5',
    '1_000',
    'Infinity',
    'NaN',
    '１',
    '1\n',
    '1'.repeat(28),
    `1.${'0'.repeat(19)}`,
  ])('the amount %j is malformed', async (amount) => {
    expectRefused(await deposit(`account/${fresh('a')}`, 'USD', amount), 'request/malformed');
  });

  test.each(['0', '0.00', '0.000000000000000000'])(
    'the amount %s is not positive',
    async (amount) => {
      const account = await fundedAccount(suite.wire, { USD: '1.00' });
      expectRefused(await deposit(account, 'USD', amount), 'money/not-positive');
      expectRefused(
        await suite.wire.cmd(account, 'withdraw', { asset: 'USD', amount }),
        'money/not-positive',
      );
    },
  );

  test.each([
    ['USD', '0.001'],
    ['KRW', '0.5'],
    ['BTC', '0.000000001'],
    ['GOLD', '1.123456789'],
  ])('%s %s is too precise', async (asset, amount) => {
    expectRefused(await deposit(`account/${fresh('a')}`, asset, amount), 'money/too-precise');
  });

  test.each(['', 'US D', 'U.S', 'ÜSD', 'x'.repeat(65), 7, null, ['USD'], '__proto__'])(
    'the asset %j is malformed',
    async (asset) => {
      expectRefused(await deposit(`account/${fresh('a')}`, asset, '1'), 'request/malformed');
    },
  );

  test('assets named like properties of an object are assets like any other', async () => {
    const account = `account/${fresh('a')}`;
    for (const asset of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      resultOf(await deposit(account, asset, '1'));
      expect(resultOf(await deposit(account, asset, '2'))).toEqual({
        asset,
        available: '3.00000000',
        held: '0.00000000',
      });
    }
    expect(await balanceOf(account)).toMatchObject({
      balances: { constructor: { available: '3.00000000' }, toString: { available: '3.00000000' } },
    });
  });

  test('a reference has at most 128 characters', async () => {
    const account = `account/${fresh('a')}`;
    const body = { asset: 'USD', amount: '1.00' };
    resultOf(await suite.wire.cmd(account, 'deposit', { ...body, reference: 'r'.repeat(128) }));
    const tooLong = { ...body, reference: 'r'.repeat(129) };
    expectRefused(await suite.wire.cmd(account, 'deposit', tooLong), 'request/malformed');
  });
});

describe('the life of an account', () => {
  const order = {
    clOrdId: 'o1',
    symbol: 'NONE',
    side: 'buy',
    type: 'limit',
    timeInForce: 'GTC',
    price: '1',
    quantity: '1',
  };
  const everyCommand: readonly (readonly [string, unknown])[] = [
    ['withdraw', { asset: 'USD', amount: '1.00' }],
    ['place-order', order],
    ['cancel-order', { origClOrdId: 'o1' }],
    ['cancel-all', {}],
    ['replace-order', { origClOrdId: 'o1', clOrdId: 'o2', price: '1', quantity: '1' }],
    ['freeze', {}],
    ['unfreeze', {}],
    ['close', {}],
  ];

  test.each(everyCommand)('%s to an account that never existed is refused', async (name, body) => {
    const account = `account/${fresh('nobody')}`;
    expectRefused(await suite.wire.cmd(account, name, body), 'account/unknown');
    expect(await balanceOf(account)).toEqual({ status: 'none', balances: {} });
  });

  test('the first deposit opens an account', async () => {
    const account = await fundedAccount(suite.wire, { USD: '10.00', BTC: '1' });
    expect(await balanceOf(account)).toEqual({
      status: 'open',
      balances: {
        BTC: { available: '1.00000000', held: '0.00000000' },
        USD: { available: '10.00', held: '0.00' },
      },
    });
  });

  test('a withdrawal spends what is available and not more', async () => {
    const account = await fundedAccount(suite.wire, { USD: '10.00' });
    const withdraw = (amount: string) =>
      suite.wire.cmd(account, 'withdraw', { asset: 'USD', amount });
    expectRefused(await withdraw('10.01'), 'account/insufficient-funds');
    expect(resultOf(await withdraw('9.99'))).toEqual({
      asset: 'USD',
      available: '0.01',
      held: '0.00',
    });
    expectRefused(await withdraw('0.02'), 'account/insufficient-funds');
    const other = { asset: 'EUR', amount: '1' };
    expectRefused(await suite.wire.cmd(account, 'withdraw', other), 'account/insufficient-funds');
    expect(resultOf(await withdraw('0.01'))).toMatchObject({ available: '0.00' });
  });

  test('a frozen account takes deposits and cancels and refuses what spends', async () => {
    const account = await fundedAccount(suite.wire, { USD: '10.00' });
    expect(resultOf(await suite.wire.cmd(account, 'freeze'))).toEqual({ status: 'frozen' });
    expect(resultOf(await suite.wire.cmd(account, 'freeze'))).toEqual({ status: 'frozen' });
    expectRefused(
      await suite.wire.cmd(account, 'withdraw', { asset: 'USD', amount: '1.00' }),
      'account/frozen',
    );
    expect(resultOf(await deposit(account, 'USD', '1.00'))).toMatchObject({ available: '11.00' });
    expect(resultOf(await suite.wire.cmd(account, 'cancel-all'))).toEqual({ canceled: 0 });
    expect(await balanceOf(account)).toMatchObject({ status: 'frozen' });
    expect(resultOf(await suite.wire.cmd(account, 'unfreeze'))).toEqual({ status: 'open' });
    expect(resultOf(await suite.wire.cmd(account, 'unfreeze'))).toEqual({ status: 'open' });
    resultOf(await suite.wire.cmd(account, 'withdraw', { asset: 'USD', amount: '11.00' }));
  });

  test('only an empty account closes, and then for good', async () => {
    const account = await fundedAccount(suite.wire, { USD: '1.00' });
    expectRefused(await suite.wire.cmd(account, 'close'), 'account/not-empty');
    await suite.wire.cmd(account, 'withdraw', { asset: 'USD', amount: '1.00' });
    expect(resultOf(await suite.wire.cmd(account, 'close'))).toEqual({ status: 'closed' });
    expectRefused(await deposit(account, 'USD', '1.00'), 'account/closed');
    for (const [name, body] of everyCommand.filter(([name]) => name !== 'close')) {
      expectRefused(await suite.wire.cmd(account, name, body), 'account/closed');
    }
    expect(await balanceOf(account)).toMatchObject({ status: 'closed' });
  });

  test('an order that never was is unknown', async () => {
    const account = await fundedAccount(suite.wire, { USD: '1.00' });
    expectUnanswered(await suite.wire.get(account, 'order', { clOrdId: 'never' }), 'order/unknown');
    expectUnanswered(await suite.wire.get(account, 'order', {}), 'request/malformed');
    expect(readOf(await suite.wire.get(account, 'orders'))).toEqual({ orders: [] });
  });
});
