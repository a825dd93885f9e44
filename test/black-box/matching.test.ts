import { describe, expect, test } from 'vitest';
import { ask, matchingSymbol, submit } from './matching.ts';
import { bookOf } from './orders.ts';
import { listedSymbol, useCluster } from './suite.ts';
import { expectRefused, readOf, resultOf } from './wire.ts';

const suite = useCluster();
const reason = expect.stringMatching(/\S/);

describe('submit', () => {
  test('reports what happened in the order in which it happened', async () => {
    const symbol = await matchingSymbol(suite.wire);
    expect(resultOf(await ask(suite.wire, symbol, 'a1', '10', '1'))).toEqual({
      reports: [{ type: 'accepted', orderId: 'a1', price: '10.0', quantity: '1.00' }],
    });
    await ask(suite.wire, symbol, 'a2', '10.5', '1');
    expect(
      resultOf(await submit(suite.wire, symbol, { orderId: 'b1', price: '11', quantity: '3' })),
    ).toEqual({
      reports: [
        { type: 'accepted', orderId: 'b1', price: '11.0', quantity: '3.00' },
        { type: 'trade', price: '10.0', quantity: '1.00', makerOrderId: 'a1', takerOrderId: 'b1' },
        { type: 'trade', price: '10.5', quantity: '1.00', makerOrderId: 'a2', takerOrderId: 'b1' },
      ],
    });
    const book = readOf(await suite.wire.get(symbol, 'book', { depth: 10 }));
    expect(book).toEqual({ sequence: expect.any(Number), bids: [['11.0', '1.00']], asks: [] });
  });

  test('cancels the rest of IOC and market orders, and a FOK without enough', async () => {
    const symbol = await matchingSymbol(suite.wire);
    await ask(suite.wire, symbol, 'a1', '10', '1');
    const over = { orderId: 'fok', price: '10', quantity: '1.01', timeInForce: 'FOK' };
    expect(resultOf(await submit(suite.wire, symbol, over))).toEqual({
      reports: [
        { type: 'accepted', orderId: 'fok', price: '10.0', quantity: '1.01' },
        { type: 'canceled', orderId: 'fok', price: '10.0', quantity: '1.01', reason },
      ],
    });
    expect(
      resultOf(
        await submit(suite.wire, symbol, {
          orderId: 'ioc',
          price: '10',
          quantity: '3',
          timeInForce: 'IOC',
        }),
      ),
    ).toEqual({
      reports: [
        { type: 'accepted', orderId: 'ioc', price: '10.0', quantity: '3.00' },
        { type: 'trade', price: '10.0', quantity: '1.00', makerOrderId: 'a1', takerOrderId: 'ioc' },
        { type: 'canceled', orderId: 'ioc', price: '10.0', quantity: '2.00', reason },
      ],
    });
    const market = await submit(suite.wire, symbol, {
      orderId: 'm',
      type: 'market',
      timeInForce: 'IOC',
    });
    expect(resultOf(market)).toMatchObject({
      reports: [
        { type: 'accepted', orderId: 'm' },
        { type: 'canceled', orderId: 'm', quantity: '1.00' },
      ],
    });
  });

  test.each([
    ['order/duplicate', { orderId: 'open', price: '5' }],
    ['order/off-tick', { orderId: 'x', price: '5.25' }],
    ['order/off-lot', { orderId: 'x', price: '5', quantity: '1.001' }],
    ['order/would-cross', { orderId: 'x', price: '10', postOnly: true }],
    ['money/not-positive', { orderId: 'x', price: '5', quantity: '0' }],
    ['money/not-positive', { orderId: 'x', price: '0' }],
    ['money/too-large', { orderId: 'x', price: '5', quantity: '90071992547409.92' }],
    ['request/malformed', { orderId: 'x' }],
    ['request/malformed', { orderId: 'x', type: 'market', timeInForce: 'GTC' }],
    ['request/malformed', { orderId: 'x', type: 'market', timeInForce: 'IOC', price: '5' }],
    ['request/malformed', { orderId: 'x y', price: '5' }],
  ])('is refused with %s for %j and leaves the book alone', async (code, order) => {
    const symbol = await matchingSymbol(suite.wire);
    resultOf(await ask(suite.wire, symbol, 'open', '10'));
    const before = readOf(await suite.wire.get(symbol, 'book', { depth: 5 }));
    expectRefused(await submit(suite.wire, symbol, order), code);
    expect(readOf(await suite.wire.get(symbol, 'book', { depth: 5 }))).toMatchObject({
      ...(before as object),
      sequence: expect.any(Number),
    });
  });

  test('may use an orderId again once it is closed', async () => {
    const symbol = await matchingSymbol(suite.wire);
    resultOf(await submit(suite.wire, symbol, { orderId: 'again', price: '5' }));
    resultOf(await suite.wire.cmd(symbol, 'cancel', { orderId: 'again' }));
    resultOf(await submit(suite.wire, symbol, { orderId: 'again', price: '6' }));
  });

  test('belongs to symbols with settlement none', async () => {
    const symbol = `symbol/${await listedSymbol(suite.wire)}`;
    const answer = await submit(suite.wire, symbol, { orderId: 'x', price: '5' });
    expect(answer).toMatchObject({ status: '409', reply: { ok: false } });
  });
});

describe('cancel and replace', () => {
  test('cancel reports the price and the quantity that was open', async () => {
    const symbol = await matchingSymbol(suite.wire);
    await ask(suite.wire, symbol, 'a', '10', '3');
    await submit(suite.wire, symbol, { orderId: 'b', price: '10', quantity: '1' });
    const canceled = { type: 'canceled', orderId: 'a', price: '10.0', quantity: '2.00', reason };
    expect(resultOf(await suite.wire.cmd(symbol, 'cancel', { orderId: 'a' }))).toEqual({
      reports: [canceled],
    });
    expectRefused(await suite.wire.cmd(symbol, 'cancel', { orderId: 'a' }), 'order/unknown');
    expectRefused(await suite.wire.cmd(symbol, 'cancel', { orderId: 'never' }), 'order/unknown');
  });

  test('replace reports the trades of the new price first, then itself as requested', async () => {
    const symbol = await matchingSymbol(suite.wire);
    await ask(suite.wire, symbol, 'a', '12', '1');
    await submit(suite.wire, symbol, { orderId: 'b', price: '10', quantity: '1' });
    expect(
      resultOf(
        await suite.wire.cmd(symbol, 'replace', { orderId: 'b', price: '12', quantity: '3' }),
      ),
    ).toEqual({
      reports: [
        { type: 'trade', price: '12.0', quantity: '1.00', makerOrderId: 'a', takerOrderId: 'b' },
        { type: 'replaced', orderId: 'b', price: '12.0', quantity: '3.00' },
      ],
    });
    expect(await bookOf(suite.wire, symbol.slice('symbol/'.length))).toEqual({
      bids: [['12.0', '2.00']],
      asks: [],
    });
    const replace = (orderId: string, price: string) =>
      suite.wire.cmd(symbol, 'replace', { orderId, price, quantity: '1' });
    expectRefused(await replace('a', '10'), 'order/unknown');
    expectRefused(await replace('b', '10.1'), 'order/off-tick');
  });
});
