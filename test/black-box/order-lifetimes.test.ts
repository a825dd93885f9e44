import { describe, expect, test } from 'vitest';
import { until } from './condition.ts';
import { balancesOf, limitOrder, marketOrder, orderNow, place } from './orders.ts';
import { fundedAccount, listedSymbol, useCluster } from './suite.ts';
import { expectRefused, resultOf } from './wire.ts';

const suite = useCluster();
const buyer = (usd = '1000000.00') => fundedAccount(suite.wire, { USD: usd });
const seller = (btc = '100') => fundedAccount(suite.wire, { BTC: btc });

describe('what does not rest', () => {
  test('the rest of an IOC order is cancelled with a reason', async () => {
    const symbol = await listedSymbol(suite.wire);
    const [maker, taker] = [await seller(), await buyer('100.00')];
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'sell', '10', '1')));
    const order = limitOrder(symbol, 'buy', '10', '3', { timeInForce: 'IOC' });
    expect(resultOf(await place(suite.wire, taker, order))).toMatchObject({
      ordStatus: 'Canceled',
      reason: expect.stringMatching(/\S/),
      orderQty: '3.0000',
      cumQty: '1.0000',
      leavesQty: '0.0000',
    });
    expect(await balancesOf(suite.wire, taker)).toMatchObject({
      USD: { available: '90.00', held: '0.00' },
    });
  });

  test('a FOK order is filled whole or cancelled whole', async () => {
    const symbol = await listedSymbol(suite.wire);
    const [maker, taker] = [await seller(), await buyer('100.00')];
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'sell', '10', '2')));
    const fillOrKill = (quantity: string) =>
      limitOrder(symbol, 'buy', '10', quantity, { timeInForce: 'FOK' });
    expect(resultOf(await place(suite.wire, taker, fillOrKill('2.0001')))).toMatchObject({
      ordStatus: 'Canceled',
      reason: expect.any(String),
      cumQty: '0.0000',
      leavesQty: '0.0000',
      avgPx: '0',
      fills: [],
    });
    expect(await balancesOf(suite.wire, taker)).toEqual({
      USD: { available: '100.00', held: '0.00' },
    });
    expect(resultOf(await place(suite.wire, taker, fillOrKill('2')))).toMatchObject({
      ordStatus: 'Filled',
    });
  });

  test('a market buy is never filled above its protection price', async () => {
    const symbol = await listedSymbol(suite.wire);
    const [maker, taker] = [await seller(), await buyer('100.00')];
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'sell', '10', '1')));
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'sell', '12', '1')));
    const unprotected = marketOrder(symbol, 'buy', '2');
    expectRefused(await place(suite.wire, taker, unprotected), 'order/protection-required');
    const order = marketOrder(symbol, 'buy', '2', { protectionPrice: '11.99' });
    expect(resultOf(await place(suite.wire, taker, order))).toMatchObject({
      ordStatus: 'Canceled',
      cumQty: '1.0000',
      fills: [{ price: '10.00' }],
    });
    expect(await balancesOf(suite.wire, taker)).toMatchObject({
      USD: { available: '90.00', held: '0.00' },
    });
  });

  test('a market sell takes the best bids; on an empty book it is cancelled', async () => {
    const symbol = await listedSymbol(suite.wire);
    const [maker, taker] = [await buyer(), await seller('5')];
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'buy', '9', '1')));
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'buy', '10', '1')));
    expect(
      resultOf(await place(suite.wire, taker, marketOrder(symbol, 'sell', '2'))),
    ).toMatchObject({
      ordStatus: 'Filled',
      avgPx: '9.5000000000',
      fills: [{ price: '10.00' }, { price: '9.00' }],
    });
    expect(
      resultOf(await place(suite.wire, taker, marketOrder(symbol, 'sell', '1'))),
    ).toMatchObject({
      ordStatus: 'Canceled',
      cumQty: '0.0000',
      avgPx: '0',
    });
    expect(await balancesOf(suite.wire, taker)).toMatchObject({
      BTC: { available: '3.00000000', held: '0.00000000' },
      USD: { available: '19.00' },
    });
  });
});

describe('an order that meets one of its own account', () => {
  const meet = async (mode?: string) => {
    const symbol = await listedSymbol(suite.wire);
    const account = await fundedAccount(suite.wire, { USD: '100.00', BTC: '10' });
    const own = limitOrder(symbol, 'sell', '10', '1');
    resultOf(await place(suite.wire, account, own));
    const taker = limitOrder(
      symbol,
      'buy',
      '10',
      '1',
      mode === undefined ? {} : { selfTradePrevention: mode },
    );
    const report = resultOf<{ ordStatus: string }>(await place(suite.wire, account, taker));
    await until('the maker is told', async () => {
      const { ordStatus } = await orderNow(suite.wire, account, own.clOrdId);
      return mode?.match(/MAKER|BOTH|NONE/) && ordStatus === 'New' ? undefined : true;
    });
    const maker = await orderNow(suite.wire, account, own.clOrdId);
    return [report.ordStatus, maker.ordStatus];
  };

  test.each([
    [undefined, 'Canceled', 'New'],
    ['EXPIRE_TAKER', 'Canceled', 'New'],
    ['EXPIRE_MAKER', 'New', 'Canceled'],
    ['EXPIRE_BOTH', 'Canceled', 'Canceled'],
    ['NONE', 'Filled', 'Filled'],
  ])('with mode %s leaves the taker %s and the maker %s', async (mode, taker, maker) => {
    expect(await meet(mode)).toEqual([taker, maker]);
  });

  test('a FOK counts only what it could trade before it meets its own', async () => {
    const symbol = await listedSymbol(suite.wire);
    const [account, other] = [
      await fundedAccount(suite.wire, { USD: '100.00', BTC: '10' }),
      await seller(),
    ];
    resultOf(await place(suite.wire, account, limitOrder(symbol, 'sell', '10', '1')));
    resultOf(await place(suite.wire, other, limitOrder(symbol, 'sell', '10', '5')));
    const order = limitOrder(symbol, 'buy', '10', '2', { timeInForce: 'FOK' });
    expect(resultOf(await place(suite.wire, account, order))).toMatchObject({
      ordStatus: 'Canceled',
      cumQty: '0.0000',
    });
  });
});
