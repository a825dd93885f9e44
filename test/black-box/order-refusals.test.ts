import { describe, expect, test } from 'vitest';
import {
  balancesOf,
  bookOf,
  limitOrder,
  marketOrder,
  orderNow,
  place,
  type Order,
} from './orders.ts';
import { fresh, fundedAccount, listedSymbol, useCluster } from './suite.ts';
import { expectRefused, resultOf } from './wire.ts';

const suite = useCluster();
const funds = { USD: '1000.00', BTC: '10' };
const untouched = {
  BTC: { available: '10.00000000', held: '0.00000000' },
  USD: { available: '1000.00', held: '0.00' },
};

/** Orders that are refused, on a book with a bid at 9 and an ask at 11. */
const refused: readonly (readonly [string, string, Partial<Order>])[] = [
  ['order/off-tick', 'a price off its tick', { price: '10.001' }],
  ['order/off-lot', 'a quantity off its lot', { quantity: '0.00015' }],
  ['money/not-positive', 'a price of zero', { price: '0' }],
  ['money/not-positive', 'a quantity of zero', { quantity: '0.0000' }],
  ['money/too-large', 'a quantity above 2^53−1 lots', { quantity: '900719925474.0992' }],
  ['symbol/unknown', 'a symbol that is not listed', { symbol: 'NOWHERE' }],
  ['account/insufficient-funds', 'a buy that the account cannot pay', { quantity: '100.0001' }],
  [
    'account/insufficient-funds',
    'a sell of more than there is',
    { side: 'sell', quantity: '10.0001' },
  ],
  ['order/would-cross', 'a post-only order that would trade', { price: '11', postOnly: true }],
  ['order/above-protection', 'a price above its protection', { protectionPrice: '9.99' }],
  ['request/malformed', 'a protection price on a sell', { side: 'sell', protectionPrice: '9' }],
  ['request/malformed', 'an unknown side', { side: 'hold' }],
  ['request/malformed', 'an unknown type', { type: 'stop' }],
  ['request/malformed', 'an unknown time in force', { timeInForce: 'DAY' }],
  ['request/malformed', 'an unknown self-trade prevention', { selfTradePrevention: 'DECREMENT' }],
  ['request/malformed', 'a clOrdId with a dot', { clOrdId: 'a.b' }],
  ['request/malformed', 'a clOrdId of 65 characters', { clOrdId: 'x'.repeat(65) }],
  ['request/malformed', 'an empty clOrdId', { clOrdId: '' }],
  ['request/malformed', 'a price with an exponent', { price: '1e1' }],
  ['request/malformed', 'a negative quantity', { quantity: '-1' }],
  ['request/malformed', 'a market order with GTC', { type: 'market' }],
];

describe('a refused order', () => {
  test.each(refused)(
    '%s: %s; it holds nothing and is not in the book',
    async (code, _what, change) => {
      const symbol = await listedSymbol(suite.wire);
      const other = await fundedAccount(suite.wire, funds);
      resultOf(await place(suite.wire, other, limitOrder(symbol, 'buy', '9', '1')));
      resultOf(await place(suite.wire, other, limitOrder(symbol, 'sell', '11', '1')));
      const before = await bookOf(suite.wire, symbol);
      const account = await fundedAccount(suite.wire, funds);
      const order = limitOrder(symbol, 'buy', '10', '1', change);
      expectRefused(await place(suite.wire, account, order), code);
      expect(await balancesOf(suite.wire, account)).toEqual(untouched);
      expect(await bookOf(suite.wire, symbol)).toEqual(before);
    },
  );

  test('is seen as Rejected in the order query and may be repeated by its id', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await fundedAccount(suite.wire, funds);
    resultOf(
      await place(
        suite.wire,
        await fundedAccount(suite.wire, funds),
        limitOrder(symbol, 'sell', '10', '1'),
      ),
    );
    for (const change of [{ postOnly: true }, { quantity: '999' }]) {
      const order = limitOrder(symbol, 'buy', '10', '1', change);
      const answer = await place(suite.wire, account, order, order.clOrdId);
      expect(answer.reply.ok).toBe(false);
      expect(await orderNow(suite.wire, account, order.clOrdId)).toMatchObject({
        clOrdId: order.clOrdId,
        ordStatus: 'Rejected',
        cumQty: '0.0000',
        leavesQty: '0.0000',
      });
      expect((await place(suite.wire, account, order, order.clOrdId)).text).toBe(answer.text);
    }
  });

  test('a missing price and a price on a market order are malformed', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await fundedAccount(suite.wire, funds);
    const { price = '10', ...unpriced } = limitOrder(symbol, 'buy', '10', '1');
    expectRefused(await place(suite.wire, account, unpriced), 'request/malformed');
    expectRefused(
      await place(suite.wire, account, marketOrder(symbol, 'sell', '1', { price })),
      'request/malformed',
    );
  });

  test('a clOrdId that is open, or closed lately, is a duplicate', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await fundedAccount(suite.wire, funds);
    const order = limitOrder(symbol, 'buy', '10', '1', { clOrdId: fresh('twice') });
    resultOf(await place(suite.wire, account, order));
    expectRefused(await place(suite.wire, account, order), 'order/duplicate');
    resultOf(await suite.wire.cmd(account, 'cancel-order', { origClOrdId: order.clOrdId }));
    expectRefused(await place(suite.wire, account, order), 'order/duplicate');
    expect(await orderNow(suite.wire, account, order.clOrdId)).toMatchObject({
      ordStatus: 'Canceled',
    });
  });

  test('a symbol with settlement none takes no orders from accounts', async () => {
    const symbol = await listedSymbol(suite.wire, { settlement: 'none' });
    const account = await fundedAccount(suite.wire, funds);
    const answer = await place(suite.wire, account, limitOrder(symbol, 'buy', '10', '1'));
    expect(answer).toMatchObject({ status: '409', reply: { ok: false } });
    expect(await balancesOf(suite.wire, account)).toEqual(untouched);
  });

  test('a frozen account only cancels, and what rests still settles', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await fundedAccount(suite.wire, funds);
    const resting = limitOrder(symbol, 'buy', '10', '2');
    resultOf(await place(suite.wire, account, resting));
    resultOf(await suite.wire.cmd(account, 'freeze'));
    expectRefused(
      await place(suite.wire, account, limitOrder(symbol, 'buy', '10', '1')),
      'account/frozen',
    );
    const change = { origClOrdId: resting.clOrdId, clOrdId: fresh('r'), price: '9', quantity: '1' };
    expectRefused(await suite.wire.cmd(account, 'replace-order', change), 'account/frozen');
    const other = await fundedAccount(suite.wire, funds);
    expect(
      resultOf(await place(suite.wire, other, limitOrder(symbol, 'sell', '10', '1'))),
    ).toMatchObject({ ordStatus: 'Filled' });
    const canceled = await suite.wire.cmd(account, 'cancel-order', {
      origClOrdId: resting.clOrdId,
    });
    expect(resultOf(canceled)).toMatchObject({
      ordStatus: 'Canceled',
      cumQty: '1.0000',
      orderQty: '2.0000',
    });
    expect(await balancesOf(suite.wire, account)).toEqual({
      BTC: { available: '11.00000000', held: '0.00000000' },
      USD: { available: '990.00', held: '0.00' },
    });
  });
});
