import { describe, expect, test } from 'vitest';
import { ask, matchingSymbol, submit } from './matching.ts';
import { fresh, useCluster } from './suite.ts';
import { expectRefused, expectUnanswered, readOf, resultOf } from './wire.ts';

const suite = useCluster();
const definition = {
  base: 'BTC',
  quote: 'USD',
  tickSize: '0.5',
  lotSize: '0.01',
  makerFee: '0.001',
  takerFee: '0.002',
  settlement: 'none',
};

describe('list', () => {
  test('again with the same body succeeds, with another it is refused', async () => {
    const symbol = `symbol/${fresh('S')}`;
    expect(resultOf(await suite.wire.cmd(symbol, 'list', definition))).toEqual({
      status: 'trading',
    });
    expect(resultOf(await suite.wire.cmd(symbol, 'list', definition))).toEqual({
      status: 'trading',
    });
    for (const change of [
      { tickSize: '0.25' },
      { quote: 'EUR' },
      { takerFee: '0.003' },
      { settlement: 'accounts' },
    ]) {
      expectRefused(
        await suite.wire.cmd(symbol, 'list', { ...definition, ...change }),
        'symbol/exists',
      );
    }
    expect(readOf(await suite.wire.get(symbol, 'definition'))).toEqual(definition);
  });

  test.each([
    ['request/malformed', { settlement: 'barter' }],
    ['request/malformed', { tickSize: 0.5 }],
    ['request/malformed', { takerFee: '-0.1' }],
    ['request/malformed', { colour: 'red' }],
    ['request/malformed', { makerFee: '0.01' }],
    ['request/malformed', { takerFee: '1' }],
    ['money/not-positive', { tickSize: '0' }],
    ['money/not-positive', { lotSize: '0.00' }],
  ])('is refused with %s for %j', async (code, change) => {
    const symbol = `symbol/${fresh('S')}`;
    expectRefused(await suite.wire.cmd(symbol, 'list', { ...definition, ...change }), code);
    expect((await suite.wire.get(symbol, 'definition')).reply.ok).toBe(false);
  });

  test('comes before everything else', async () => {
    const symbol = `symbol/${fresh('S')}`;
    expectRefused(await suite.wire.cmd(symbol, 'halt'), 'symbol/unknown');
    expectRefused(await suite.wire.cmd(symbol, 'resume'), 'symbol/unknown');
    expectRefused(await submit(suite.wire, symbol, { orderId: 'a', price: '1' }), 'symbol/unknown');
    expectRefused(await suite.wire.cmd(symbol, 'cancel', { orderId: 'a' }), 'symbol/unknown');
    for (const query of ['book', 'trades', 'fees', 'definition']) {
      expectUnanswered(
        await suite.wire.get(symbol, query, query === 'book' ? { depth: 1 } : {}),
        'symbol/unknown',
      );
    }
  });
});

describe('queries', () => {
  test('the book is as deep as asked for, best first, and its sequence grows', async () => {
    const symbol = await matchingSymbol(suite.wire);
    for (const price of ['12', '11', '13']) await ask(suite.wire, symbol, `a${price}`, price);
    for (const price of ['8', '9', '7'])
      await submit(suite.wire, symbol, { orderId: `b${price}`, price });
    const book = async (depth: number) =>
      readOf<{ sequence: number }>(await suite.wire.get(symbol, 'book', { depth }));
    const before = await book(2);
    expect(before).toMatchObject({
      bids: [
        ['9.0', '1.00'],
        ['8.0', '1.00'],
      ],
      asks: [
        ['11.0', '1.00'],
        ['12.0', '1.00'],
      ],
    });
    await ask(suite.wire, symbol, 'more', '11');
    expect((await book(1)).sequence).toBe(before.sequence + 1);
    expect(await book(1)).toMatchObject({ bids: [['9.0', '1.00']], asks: [['11.0', '2.00']] });
  });

  test('trades are the latest, as many as asked for', async () => {
    const symbol = await matchingSymbol(suite.wire);
    await ask(suite.wire, symbol, 'a', '10', '5');
    for (const orderId of ['b', 'c', 'd'])
      await submit(suite.wire, symbol, { orderId, price: '10', quantity: '1' });
    const { trades } = readOf<{ trades: readonly { execId: string }[] }>(
      await suite.wire.get(symbol, 'trades', { limit: 2 }),
    );
    const trade = {
      execId: expect.any(String),
      price: '10.0',
      quantity: '1.00',
      side: 'buy',
      at: expect.stringMatching(/^\d+:\d+-\d+$/),
    };
    expect(trades).toEqual([trade, trade]);
    expect(new Set(trades.map((each) => each.execId)).size).toBe(2);
  });

  test.each([
    ['book', { depth: 0 }],
    ['book', { depth: 1_001 }],
    ['book', { depth: '5' }],
    ['book', { depth: 1.5 }],
    ['trades', { limit: 501 }],
    ['trades', { limit: -1 }],
    ['fees', { limit: 1 }],
    ['definition', { x: 1 }],
  ])('%s with %j is malformed', async (query, body) => {
    expectUnanswered(
      await suite.wire.get(await matchingSymbol(suite.wire), query, body),
      'request/malformed',
    );
  });
});

describe('halt and resume', () => {
  test('a halted symbol keeps its book, takes cancels and nothing else', async () => {
    const symbol = await matchingSymbol(suite.wire);
    await ask(suite.wire, symbol, 'a', '10');
    await ask(suite.wire, symbol, 'b', '11');
    expect(resultOf(await suite.wire.cmd(symbol, 'halt'))).toEqual({ status: 'halted' });
    expect(resultOf(await suite.wire.cmd(symbol, 'halt'))).toEqual({ status: 'halted' });
    expectRefused(await submit(suite.wire, symbol, { orderId: 'c', price: '1' }), 'symbol/halted');
    expectRefused(
      await suite.wire.cmd(symbol, 'replace', { orderId: 'a', price: '12', quantity: '1' }),
      'symbol/halted',
    );
    resultOf(await suite.wire.cmd(symbol, 'cancel', { orderId: 'a' }));
    expect(readOf(await suite.wire.get(symbol, 'book', { depth: 5 }))).toMatchObject({
      asks: [['11.0', '1.00']],
    });
    expect(resultOf(await suite.wire.cmd(symbol, 'resume'))).toEqual({ status: 'trading' });
    expect(resultOf(await suite.wire.cmd(symbol, 'resume'))).toEqual({ status: 'trading' });
    resultOf(await submit(suite.wire, symbol, { orderId: 'c', price: '1' }));
  });
});
