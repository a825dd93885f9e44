import { describe, expect, test } from 'vitest';
import { until } from './condition.ts';
import { balancesOf, bookOf, limitOrder, orderNow, place, reportOf } from './orders.ts';
import { fundedAccount, listedSymbol, useCluster } from './suite.ts';
import { readOf, resultOf } from './wire.ts';

const suite = useCluster();
const buyer = (usd = '1000000.00') => fundedAccount(suite.wire, { USD: usd });
const seller = (btc = '100') => fundedAccount(suite.wire, { BTC: btc });
const fees = { makerFee: '0.001', takerFee: '0.002' };

/** Counterparties follow without being awaited. */
const balancesBecome = (account: string, wanted: Record<string, unknown>): Promise<unknown> =>
  until(`${account} holds ${JSON.stringify(wanted)}`, async () => {
    const balances = await balancesOf(suite.wire, account);
    return JSON.stringify(balances) === JSON.stringify(wanted) ? balances : undefined;
  });

describe('a limit order', () => {
  test('rests with its hold, price × quantity × (1 + takerFee) rounded up', async () => {
    const symbol = await listedSymbol(suite.wire, fees);
    const account = await buyer('1000.00');
    const order = limitOrder(symbol, 'buy', '33.33', '1.0001');
    expect(resultOf(await place(suite.wire, account, order))).toEqual(
      reportOf(order, {
        price: '33.33',
        ordStatus: 'New',
        orderQty: '1.0001',
        cumQty: '0.0000',
        leavesQty: '1.0001',
        avgPx: '0',
      }),
    );
    // 33.33 × 1.0001 × 1.002 = 33.3999996…, rounded up to the cent.
    expect(await balancesOf(suite.wire, account)).toEqual({
      USD: { available: '966.60', held: '33.40' },
    });
    expect(await bookOf(suite.wire, symbol)).toEqual({ bids: [['33.33', '1.0001']], asks: [] });
  });

  test("trades at the maker's price; fees are exact and kept by the symbol", async () => {
    const symbol = await listedSymbol(suite.wire, fees);
    const [maker, taker] = [await seller('1'), await buyer('2000.00')];
    const ask = limitOrder(symbol, 'sell', '20000.00', '0.1000');
    resultOf(await place(suite.wire, maker, ask));
    const bid = limitOrder(symbol, 'buy', '20001', '0.05');
    expect(resultOf(await place(suite.wire, taker, bid))).toEqual(
      reportOf(bid, {
        price: '20001.00',
        ordStatus: 'Filled',
        orderQty: '0.0500',
        cumQty: '0.0500',
        leavesQty: '0.0000',
        avgPx: '20000.0000000000',
        fills: [
          {
            execId: expect.any(String),
            price: '20000.00',
            quantity: '0.0500',
            amount: '1002.00',
            liquidity: 'taker',
          },
        ],
      }),
    );
    expect(await balancesOf(suite.wire, taker)).toEqual({
      BTC: { available: '0.05000000', held: '0.00000000' },
      USD: { available: '998.00', held: '0.00' },
    });
    await balancesBecome(maker, {
      BTC: { available: '0.90000000', held: '0.05000000' },
      USD: { available: '999.00', held: '0.00' },
    });
    expect(await orderNow(suite.wire, maker, ask.clOrdId)).toEqual(
      reportOf(ask, {
        price: '20000.00',
        ordStatus: 'PartiallyFilled',
        orderQty: '0.1000',
        cumQty: '0.0500',
        leavesQty: '0.0500',
        avgPx: '20000.0000000000',
        fills: [
          {
            execId: expect.any(String),
            price: '20000.00',
            quantity: '0.0500',
            amount: '999.00',
            liquidity: 'maker',
          },
        ],
      }),
    );
    expect(readOf(await suite.wire.get(`symbol/${symbol}`, 'fees'))).toEqual({
      fees: { USD: '3.00' },
    });
  });

  test('of many small fills is charged once rounded up, not once per fill', async () => {
    const symbol = await listedSymbol(suite.wire, { lotSize: '1', takerFee: '0.001' });
    const [maker, taker] = [await seller(), await buyer('100.00')];
    for (const price of ['1.01', '1.02', '1.03']) {
      resultOf(await place(suite.wire, maker, limitOrder(symbol, 'sell', price, '1')));
    }
    const report = resultOf(await place(suite.wire, taker, limitOrder(symbol, 'buy', '2', '3')));
    // The sums 1.01101, 2.03203, 3.06306 round up to 1.02, 2.04, 3.07; a fill books the difference.
    expect(report).toMatchObject({
      avgPx: '1.0200000000',
      fills: [{ amount: '1.02' }, { amount: '1.02' }, { amount: '1.03' }],
    });
    expect(await balancesOf(suite.wire, taker)).toMatchObject({
      USD: { available: '96.93', held: '0.00' },
    });
  });

  test('has an avgPx rounded half up at eight more decimals', async () => {
    const symbol = await listedSymbol(suite.wire, { lotSize: '1' });
    const [maker, taker] = [await seller(), await buyer()];
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'sell', '1.00', '1')));
    resultOf(await place(suite.wire, maker, limitOrder(symbol, 'sell', '1.01', '2')));
    const report = resultOf(await place(suite.wire, taker, limitOrder(symbol, 'buy', '5', '3')));
    expect(report).toMatchObject({ avgPx: '1.0066666667', ordStatus: 'Filled' });
  });

  test('keeps price-time priority', async () => {
    const symbol = await listedSymbol(suite.wire, { lotSize: '1' });
    const [first, second, better] = [await seller(), await seller(), await seller()];
    const taker = await buyer();
    for (const [account, price] of [
      [first, '10'],
      [second, '10'],
      [better, '9.99'],
    ] as const) {
      resultOf(
        await place(
          suite.wire,
          account,
          limitOrder(symbol, 'sell', price, '2', { clOrdId: 'ask' }),
        ),
      );
    }
    const report = resultOf(await place(suite.wire, taker, limitOrder(symbol, 'buy', '10', '5')));
    expect(report).toMatchObject({
      fills: [
        { price: '9.99', quantity: '2' },
        { price: '10.00', quantity: '2' },
        { price: '10.00', quantity: '1' },
      ],
    });
    await until('the first is filled', async () =>
      (await orderNow(suite.wire, first, 'ask')).ordStatus === 'Filled' ? true : undefined,
    );
    await until('the second is partly filled', async () =>
      (await orderNow(suite.wire, second, 'ask')).cumQty === '1' ? true : undefined,
    );
  });
});
