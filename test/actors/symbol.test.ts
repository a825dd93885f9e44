import { describe, expect, test } from 'vitest';
import { codeOf, LoneSymbol, fromAccount, limit } from './lone-symbol.ts';

const sizes = { base: 'BTC', quote: 'USD', tickSize: '0.05', lotSize: '0.001' } as const;
const accounts = {
  ...sizes,
  makerFee: '0.001',
  takerFee: '0.002',
  settlement: 'accounts',
} as const;
const matching = { ...accounts, settlement: 'none' } as const;

describe('listing', () => {
  test('a symbol is unknown until it is listed', () => {
    const symbol = new LoneSymbol();
    expect(codeOf(symbol.command('halt'))).toBe('symbol/unknown');
    expect(codeOf(symbol.command('cancel', { orderId: 'a' }))).toBe('symbol/unknown');
    for (const name of ['book', 'trades', 'fees', 'definition']) {
      expect(codeOf(symbol.get(name))).toBe('symbol/unknown');
    }
  });

  test('list is answered when the last partition has the definition', () => {
    const symbol = new LoneSymbol({ partitions: 3 });
    expect(symbol.command('list', accounts, 'first')).toBeUndefined();
    const version = symbol.state.version;
    symbol.tell('replicated', { version });
    symbol.tell('replicated', { version });
    expect(symbol.answers.has('first')).toBe(false);
    symbol.tell('replicated', { version });
    expect(symbol.answers.get('first')).toEqual({ ok: true, result: { status: 'trading' } });
  });

  test('a repeat joins a replication under way, later it is answered at once', () => {
    const symbol = new LoneSymbol({ partitions: 2 });
    symbol.command('list', accounts, 'first');
    const version = symbol.state.version;
    expect(symbol.command('list', accounts, 'second')).toBeUndefined();
    expect(symbol.command('resume', {}, 'third')).toBeUndefined();
    symbol.confirm(version);
    for (const id of ['first', 'second', 'third']) {
      expect(symbol.answers.get(id)).toEqual({ ok: true, result: { status: 'trading' } });
    }
    expect(symbol.command('list', accounts)).toEqual({ ok: true, result: { status: 'trading' } });
  });

  test('two changes under way are answered each by its own version', () => {
    const symbol = new LoneSymbol({ partitions: 2 });
    symbol.command('list', accounts, 'list');
    const listed = symbol.state.version;
    symbol.command('halt', {}, 'halt');
    const halted = symbol.state.version;
    symbol.reload();
    symbol.confirm(halted);
    expect([...symbol.answers.keys()]).toEqual(['halt']);
    symbol.confirm(listed);
    expect(symbol.answers.get('list')).toEqual({ ok: true, result: { status: 'trading' } });
    expect(symbol.answers.get('halt')).toEqual({ ok: true, result: { status: 'halted' } });
  });

  test('left out fees are fees of zero, and another definition is refused', () => {
    const free = { ...sizes, settlement: 'accounts' } as const;
    const symbol = new LoneSymbol().list(free);
    const same = symbol.command('list', { ...free, makerFee: '0', takerFee: '0.00' });
    expect(same).toEqual({ ok: true, result: { status: 'trading' } });
    expect(codeOf(symbol.command('list', accounts))).toBe('symbol/exists');
    expect(symbol.result('definition')).toEqual(free);
  });

  test.each([
    ['money/not-positive', { tickSize: '0' }],
    ['money/not-positive', { lotSize: '0.000' }],
    ['request/malformed', { makerFee: '0.003' }],
    ['request/malformed', { takerFee: '1' }],
    ['request/malformed', { quote: 'BTC' }],
    ['money/too-precise', { lotSize: '0.000000001' }],
  ])('%s for a definition with %j', (code, change) => {
    const symbol = new LoneSymbol();
    expect(codeOf(symbol.command('list', { ...accounts, ...change }))).toBe(code);
    expect(symbol.log).toEqual([]);
  });

  test('where nothing settles a lot may be finer than the asset', () => {
    new LoneSymbol().list({ ...matching, lotSize: '0.000000001' });
  });
});

describe('a halted symbol', () => {
  test('keeps its book, takes cancels and refuses the rest', () => {
    const symbol = new LoneSymbol().list(matching);
    symbol.command('submit', limit('a', 'buy', '10', '1'));
    symbol.command('halt');
    symbol.confirm();
    expect(symbol.command('halt')).toEqual({ ok: true, result: { status: 'halted' } });
    expect(codeOf(symbol.command('submit', limit('b', 'buy', '10', '1')))).toBe('symbol/halted');
    const replace = { orderId: 'a', price: '11', quantity: '1' };
    expect(codeOf(symbol.command('replace', replace))).toBe('symbol/halted');
    expect(symbol.result('book')).toMatchObject({ bids: [['10.00', '1.000']], asks: [] });
    expect(symbol.command('cancel', { orderId: 'a' })).toEqual({
      ok: true,
      result: {
        reports: [
          {
            type: 'canceled',
            orderId: 'a',
            price: '10.00',
            quantity: '1.000',
            reason: 'requested',
          },
        ],
      },
    });
    symbol.command('resume');
    expect(symbol.command('submit', limit('a', 'buy', '10', '1'))?.ok).toBe(true);
  });
});

describe('an order is refused', () => {
  test.each([
    ['request/malformed', { type: 'market', price: undefined }],
    ['request/malformed', { type: 'market', timeInForce: 'IOC' }],
    ['request/malformed', { price: undefined }],
    ['request/malformed', { postOnly: true, timeInForce: 'IOC' }],
    ['order/off-tick', { price: '10.01' }],
    ['order/off-tick', { price: '10.001' }],
    ['order/off-lot', { quantity: '0.0001' }],
    ['money/not-positive', { price: '0.00' }],
    ['money/not-positive', { quantity: '0' }],
    ['money/too-large', { price: '450359962737049.60' }],
    ['money/too-large', { quantity: '9007199254740.992' }],
    ['order/would-cross', { price: '11', postOnly: true }],
    ['order/duplicate', { orderId: 'maker' }],
  ])('%s: %j', (code, change) => {
    const symbol = new LoneSymbol().list(matching);
    symbol.command('submit', limit('maker', 'sell', '11', '1'));
    const events = symbol.log.length;
    const order = JSON.parse(JSON.stringify({ ...limit('taker', 'buy', '10', '1'), ...change }));
    expect(codeOf(symbol.command('submit', order))).toBe(code);
    expect(symbol.log.length).toBe(events);
  });

  test('the largest price and quantity are taken and printed exactly', () => {
    const symbol = new LoneSymbol().list(matching);
    const largest = limit('a', 'buy', '450359962737049.55', '9007199254740.991');
    expect(symbol.command('submit', largest)?.ok).toBe(true);
    symbol.command('submit', { ...largest, orderId: 'b' });
    symbol.command('submit', { ...largest, orderId: 'c' });
    expect(symbol.result('book')).toMatchObject({
      bids: [['450359962737049.55', '27021597764222.973']],
    });
    symbol.command('cancel', { orderId: 'b' });
    expect(symbol.result('book')).toMatchObject({
      bids: [['450359962737049.55', '18014398509481.982']],
    });
  });

  test('by the way it came: accounts or submit', () => {
    const settling = new LoneSymbol().list(accounts);
    expect(codeOf(settling.command('submit', limit('a', 'buy', '10', '1')))).toBe(
      'symbol/settlement',
    );
    const plain = new LoneSymbol().list(matching);
    const [update] = plain.tell('submit-order', fromAccount('alice', limit('a', 'buy', '10', '1')));
    expect(update?.body).toMatchObject({ steps: [{ kind: 'refused', code: 'symbol/settlement' }] });
  });
});

describe('the latest trades', () => {
  test('are at most 500, newest first', () => {
    const symbol = new LoneSymbol().list(matching);
    for (let n = 1; n <= 1_203; n++) {
      symbol.command('submit', limit(`m${n}`, 'sell', '10', '1'));
      symbol.command('submit', limit(`t${n}`, 'buy', '10', '1'));
      if (n % 400 === 0) symbol.reload();
    }
    const { trades } = symbol.result('trades') as { trades: { execId: string }[] };
    expect(trades.length).toBe(500);
    expect(trades[0]?.execId).toBe('BTC-USD-1203');
    expect(trades[499]?.execId).toBe('BTC-USD-704');
    const two = symbol.result('trades', { limit: 2 }) as { trades: unknown[] };
    expect(two.trades).toEqual(trades.slice(0, 2));
  });
});
