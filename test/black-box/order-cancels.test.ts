import { describe, expect, test } from 'vitest';
import { balancesOf, bookOf, limitOrder, place, reportOf, type Report } from './orders.ts';
import { fundedAccount, listedSymbol, useCluster } from './suite.ts';
import { expectRefused, expectUnanswered, outcomesOf, readOf, resultOf } from './wire.ts';

const suite = useCluster();
const funded = () => fundedAccount(suite.wire, { USD: '1000.00', BTC: '10' });
const cancel = (account: string, origClOrdId: string) =>
  suite.wire.cmd(account, 'cancel-order', { origClOrdId });

describe('cancel-order', () => {
  test('ends the order, reports what is left as cancelled and releases its hold', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await funded();
    const order = limitOrder(symbol, 'buy', '10', '2');
    const placed = resultOf<Report>(await place(suite.wire, account, order));
    const report = resultOf<Report>(await cancel(account, order.clOrdId));
    expect(report).toEqual(
      reportOf(order, {
        price: '10.00',
        ordStatus: 'Canceled',
        orderQty: '2.0000',
        cumQty: '0.0000',
        leavesQty: '0.0000',
        avgPx: '0',
        orderId: placed.orderId,
        ...(report.reason !== undefined && { reason: report.reason }),
      }),
    );
    expect(await balancesOf(suite.wire, account)).toMatchObject({
      USD: { available: '1000.00', held: '0.00' },
    });
    expect(await bookOf(suite.wire, symbol)).toEqual({ bids: [], asks: [] });
  });

  test('may follow its place-order unanswered', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await funded();
    for (let count = 0; count < 20; count++) {
      const order = limitOrder(symbol, 'buy', '10', '2');
      const [placed, canceled] = await Promise.all([
        place(suite.wire, account, order),
        cancel(account, order.clOrdId),
      ]);
      expect(resultOf(placed)).toMatchObject({ ordStatus: 'New' });
      expect(resultOf(canceled)).toMatchObject({ ordStatus: 'Canceled' });
    }
    expect(await balancesOf(suite.wire, account)).toMatchObject({
      USD: { available: '1000.00', held: '0.00' },
    });
  });

  test('of an order that is closed or never was is refused', async () => {
    const symbol = await listedSymbol(suite.wire);
    const account = await funded();
    const order = limitOrder(symbol, 'buy', '10', '2');
    resultOf(await place(suite.wire, account, order));
    resultOf(await cancel(account, order.clOrdId));
    expectRefused(await cancel(account, order.clOrdId), 'order/unknown');
    expectRefused(await cancel(account, 'never'), 'order/unknown');
    expectRefused(await cancel(await funded(), order.clOrdId), 'order/unknown');
  });
});

test('cancel-all cancels the orders of one symbol, or all, and counts them', async () => {
  const [first, second] = [await listedSymbol(suite.wire), await listedSymbol(suite.wire)];
  const account = await funded();
  for (const symbol of [first, first, first, second, second]) {
    resultOf(await place(suite.wire, account, limitOrder(symbol, 'buy', '10', '1')));
  }
  const cancelAll = async (body: unknown) =>
    resultOf(await suite.wire.cmd(account, 'cancel-all', body));
  expect(await cancelAll({ symbol: first })).toEqual({ canceled: 3 });
  expect(await bookOf(suite.wire, first)).toEqual({ bids: [], asks: [] });
  expect(await bookOf(suite.wire, second)).toEqual({ bids: [['10.00', '2.0000']], asks: [] });
  expect(await cancelAll({})).toEqual({ canceled: 2 });
  expect(await cancelAll({})).toEqual({ canceled: 0 });
  expect(readOf(await suite.wire.get(account, 'orders'))).toEqual({ orders: [] });
  expect(await balancesOf(suite.wire, account)).toMatchObject({
    USD: { available: '1000.00', held: '0.00' },
  });
});

test('an account has at most 5,000 open orders, and cancel-all cancels them all', async () => {
  const symbol = await listedSymbol(suite.wire);
  const account = await fundedAccount(suite.wire, { USD: '1000.00' });
  const placeOrder = () => ({
    name: 'place-order',
    body: limitOrder(symbol, 'buy', '0.10', '0.1'),
  });
  for (let batch = 0; batch < 10; batch++) {
    const answer = await suite.wire.batch(account, Array.from({ length: 500 }, placeOrder));
    expect(outcomesOf(answer)).toEqual(Array(500).fill('ok'));
  }
  const oneMore = await place(suite.wire, account, limitOrder(symbol, 'buy', '0.10', '0.1'));
  expect(oneMore).toMatchObject({ status: '409', reply: { ok: false } });
  const balance = await balancesOf(suite.wire, account);
  expect(balance['USD']).toEqual({ available: '950.00', held: '50.00' });
  const canceled = await suite.wire.cmd(account, 'cancel-all', { symbol });
  expect(resultOf(canceled)).toEqual({ canceled: 5_000 });
  const released = await balancesOf(suite.wire, account);
  expect(released['USD']).toEqual({ available: '1000.00', held: '0.00' });
});

describe('the orders query', () => {
  interface Page {
    readonly orders: readonly Report[];
    readonly next?: string;
  }

  test('gives the open orders in pages, without their fills', async () => {
    const symbol = await listedSymbol(suite.wire, { lotSize: '0.0001' });
    const account = await funded();
    const orders = Array.from({ length: 25 }, () => limitOrder(symbol, 'buy', '10', '0.1'));
    for (const order of orders) resultOf(await place(suite.wire, account, order));
    const seen: Report[] = [];
    let after: string | undefined;
    do {
      const page: Page = readOf(
        await suite.wire.get(account, 'orders', {
          limit: 10,
          ...(after !== undefined && { after }),
        }),
      );
      expect(page.orders.length).toBeLessThanOrEqual(10);
      seen.push(...page.orders);
      after = page.next;
    } while (after !== undefined);
    expect(seen.map((report) => report.clOrdId).toSorted()).toEqual(
      orders.map((order) => order.clOrdId).toSorted(),
    );
    for (const report of seen) expect(report).not.toHaveProperty('fills');
  });

  test.each([
    { limit: 0 },
    { limit: 501 },
    { limit: 1.5 },
    { limit: '10' },
    { after: 7 },
    { colour: 'red' },
  ])('with %j is malformed', async (body) =>
    expectUnanswered(await suite.wire.get('account/x', 'orders', body), 'request/malformed'),
  );
});
