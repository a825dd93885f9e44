import { describe, expect, test } from 'vitest';
import { until } from './condition.ts';
import {
  balancesOf,
  bookOf,
  limitOrder,
  orderNow,
  place,
  reportOf,
  type Report,
} from './orders.ts';
import { fresh, fundedAccount, listedSymbol, useCluster } from './suite.ts';
import { expectRefused, resultOf } from './wire.ts';

const suite = useCluster();
const funded = () => fundedAccount(suite.wire, { USD: '1000.00', BTC: '10' });
const replace = (
  account: string,
  origClOrdId: string,
  clOrdId: string,
  price: string,
  quantity: string,
) => suite.wire.cmd(account, 'replace-order', { origClOrdId, clOrdId, price, quantity });

describe('replace-order', () => {
  test('gives the new order its price, quantity and hold and closes the old one', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await funded();
    const order = limitOrder(symbol, 'buy', '10', '2');
    const { orderId } = resultOf<Report>(await place(suite.wire, account, order));
    const clOrdId = fresh('r');
    expect(resultOf(await replace(account, order.clOrdId, clOrdId, '11', '3'))).toEqual(
      reportOf(
        { ...order, clOrdId },
        {
          orderId,
          price: '11.00',
          ordStatus: 'New',
          orderQty: '3.0000',
          cumQty: '0.0000',
          leavesQty: '3.0000',
          avgPx: '0',
        },
      ),
    );
    expect(await orderNow(suite.wire, account, order.clOrdId)).toMatchObject({
      ordStatus: 'Replaced',
      leavesQty: '0.0000',
    });
    expect(await balancesOf(suite.wire, account)).toMatchObject({
      USD: { available: '967.00', held: '33.00' },
    });
    expect(await bookOf(suite.wire, symbol)).toEqual({ bids: [['11.00', '3.0000']], asks: [] });
    resultOf(await replace(account, clOrdId, fresh('r'), '1', '1'));
    expect(await balancesOf(suite.wire, account)).toMatchObject({
      USD: { available: '999.00', held: '1.00' },
    });
  });

  test("counts what was traded: quantity is the order's total", async () => {
    const symbol = await listedSymbol(suite.wire);
    const [account, other] = [await funded(), await funded()];
    const order = limitOrder(symbol, 'buy', '10', '4');
    resultOf(await place(suite.wire, account, order));
    resultOf(await place(suite.wire, other, limitOrder(symbol, 'sell', '10', '1')));
    expectRefused(await replace(account, order.clOrdId, fresh('r'), '10', '1'), 'order/too-late');
    expectRefused(await replace(account, order.clOrdId, fresh('r'), '10', '0.5'), 'order/too-late');
    const clOrdId = fresh('r');
    expect(resultOf(await replace(account, order.clOrdId, clOrdId, '9', '3'))).toMatchObject({
      clOrdId,
      ordStatus: 'PartiallyFilled',
      orderQty: '3.0000',
      cumQty: '1.0000',
      leavesQty: '2.0000',
      avgPx: '10.0000000000',
    });
    expect(await balancesOf(suite.wire, account)).toMatchObject({
      USD: { available: '972.00', held: '18.00' },
    });
  });

  test('that is refused leaves the order as it was', async () => {
    const symbol = await listedSymbol(suite.wire);
    const [account, other] = [await funded(), await funded()];
    const order = limitOrder(symbol, 'buy', '10', '2', { postOnly: true });
    const open = limitOrder(symbol, 'buy', '1', '1', { protectionPrice: '5' });
    resultOf(await place(suite.wire, account, order));
    resultOf(await place(suite.wire, account, open));
    resultOf(await place(suite.wire, other, limitOrder(symbol, 'sell', '12', '1')));
    const before = [await bookOf(suite.wire, symbol), await balancesOf(suite.wire, account)];
    const tries: readonly (readonly [string, string, string, string, string])[] = [
      ['order/would-cross', order.clOrdId, fresh('r'), '12', '2'],
      ['order/off-tick', order.clOrdId, fresh('r'), '10.001', '2'],
      ['order/off-lot', order.clOrdId, fresh('r'), '10', '2.00001'],
      ['money/not-positive', order.clOrdId, fresh('r'), '10', '0'],
      ['account/insufficient-funds', order.clOrdId, fresh('r'), '10', '2000'],
      ['order/duplicate', order.clOrdId, open.clOrdId, '10', '2'],
      ['order/above-protection', open.clOrdId, fresh('r'), '5.01', '1'],
      ['order/unknown', 'never', fresh('r'), '10', '2'],
    ];
    for (const [code, from, to, price, quantity] of tries) {
      expectRefused(await replace(account, from, to, price, quantity), code);
    }
    expect([await bookOf(suite.wire, symbol), await balancesOf(suite.wire, account)]).toEqual(
      before,
    );
    expect(await orderNow(suite.wire, account, order.clOrdId)).toMatchObject({
      ordStatus: 'New',
      price: '10.00',
    });
  });

  test('may trade at its new price', async () => {
    const symbol = await listedSymbol(suite.wire);
    const [account, other] = [await funded(), await funded()];
    const order = limitOrder(symbol, 'buy', '10', '2');
    resultOf(await place(suite.wire, account, order));
    resultOf(await place(suite.wire, other, limitOrder(symbol, 'sell', '12', '1')));
    expect(resultOf(await replace(account, order.clOrdId, fresh('r'), '12.5', '2'))).toMatchObject({
      ordStatus: 'PartiallyFilled',
      cumQty: '1.0000',
      fills: [{ price: '12.00', liquidity: 'taker' }],
    });
    // Of the 25.00 held 12.00 is paid; the better price is released when the order ends.
    expect(await balancesOf(suite.wire, account)).toMatchObject({
      BTC: { available: '11.00000000' },
      USD: { available: '975.00', held: '13.00' },
    });
  });

  test('loses its priority', async () => {
    const symbol = await listedSymbol(suite.wire, { lotSize: '1' });
    const [first, second, taker] = [await funded(), await funded(), await funded()];
    const order = limitOrder(symbol, 'buy', '10', '1');
    resultOf(await place(suite.wire, first, order));
    const behind = limitOrder(symbol, 'buy', '10', '1');
    resultOf(await place(suite.wire, second, behind));
    resultOf(await replace(first, order.clOrdId, fresh('r'), '10', '2'));
    resultOf(await place(suite.wire, taker, limitOrder(symbol, 'sell', '10', '1')));
    await until('the other order is filled first', async () =>
      (await orderNow(suite.wire, second, behind.clOrdId)).ordStatus === 'Filled'
        ? true
        : undefined,
    );
    expect(await bookOf(suite.wire, symbol)).toEqual({ bids: [['10.00', '2']], asks: [] });
  });
});
