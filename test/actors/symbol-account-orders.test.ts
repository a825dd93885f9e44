import { describe, expect, test } from 'vitest';
import { LoneSymbol, fromAccount, limit } from './lone-symbol.ts';

const accounts = {
  base: 'BTC',
  quote: 'USD',
  tickSize: '0.05',
  lotSize: '0.001',
  makerFee: '0.001',
  takerFee: '0.002',
  settlement: 'accounts',
} as const;

describe('orders of accounts', () => {
  test('a message is answered whatever the state of the symbol', () => {
    const cancel = { request: 'r', account: 'alice', orderId: 'a' };
    const codeAfter = (symbol: LoneSymbol, name: string, body: object): unknown =>
      symbol.tell(name, { ...body })[0]?.body;
    const unlisted = new LoneSymbol();
    expect(codeAfter(unlisted, 'cancel-order', cancel)).toEqual({
      orderId: 'a',
      request: { kind: 'cancel', id: 'r' },
      steps: [{ kind: 'refused', code: 'symbol/unknown', message: 'The symbol is not listed.' }],
    });
    const symbol = new LoneSymbol().list(accounts);
    expect(codeAfter(symbol, 'cancel-order', cancel)).toMatchObject({
      steps: [{ kind: 'refused', code: 'order/unknown' }],
    });
    symbol.command('halt');
    const order = fromAccount('alice', limit('a', 'buy', '10', '1'));
    expect(codeAfter(symbol, 'submit-order', order)).toMatchObject({
      steps: [{ kind: 'refused', code: 'symbol/halted' }],
    });
  });

  test('a trade tells both sides what they book, and the symbol keeps the rest', () => {
    const symbol = new LoneSymbol().list(accounts);
    symbol.tell('submit-order', fromAccount('alice', limit('a', 'sell', '10.05', '0.003')));
    const sent = symbol.tell(
      'submit-order',
      fromAccount('bob', limit('b', 'buy', '10.10', '0.005')),
    );
    const trade = { execId: 'BTC-USD-1', price: '10.05', quantity: '0.003' };
    expect(sent).toEqual([
      {
        to: 'account/bob',
        name: 'order-update',
        body: {
          orderId: 'b',
          request: { kind: 'place', id: 'bob-request' },
          steps: [
            { kind: 'accepted' },
            { kind: 'traded', fills: [{ ...trade, amount: '0.04', liquidity: 'taker' }] },
          ],
        },
        value: { BTC: '0.00300000', USD: '-0.04' },
      },
      {
        to: 'account/alice',
        name: 'order-update',
        body: {
          orderId: 'a',
          steps: [{ kind: 'traded', fills: [{ ...trade, amount: '0.03', liquidity: 'maker' }] }],
        },
        value: { BTC: '-0.00300000', USD: '0.03' },
      },
    ]);
    expect(symbol.result('fees')).toEqual({ fees: { USD: '0.01' } });
    expect(symbol.actor.holdings(symbol.state)).toEqual({ USD: '0.01' });
    expect(symbol.result('trades')).toEqual({ trades: [{ ...trade, side: 'buy', at: '0:1-4' }] });
  });

  test('a replace matches as taker and goes on adding to the sums of the order', () => {
    const symbol = new LoneSymbol().list(accounts);
    symbol.tell('submit-order', fromAccount('alice', limit('a', 'sell', '10.05', '0.003')));
    symbol.tell('submit-order', fromAccount('bob', limit('b', 'buy', '10.05', '0.005')));
    symbol.tell('submit-order', fromAccount('carol', limit('c', 'sell', '10.10', '0.002')));
    const replace = {
      request: 'r',
      account: 'bob',
      orderId: 'b',
      price: '10.10',
      budget: '0.06',
    };
    const [late] = symbol.tell('replace-order', { ...replace, quantity: '0.003' });
    expect(late?.body).toMatchObject({ steps: [{ kind: 'refused', code: 'order/too-late' }] });
    const [update] = symbol.tell('replace-order', { ...replace, quantity: '0.005' });
    const trade = { execId: 'BTC-USD-2', price: '10.10', quantity: '0.002' };
    // Σ value × 1.002 grows from 0.0302103 to 0.0504507: of 0.06 in all 0.04 were booked before.
    expect(update).toEqual({
      to: 'account/bob',
      name: 'order-update',
      body: {
        orderId: 'b',
        request: { kind: 'replace', id: 'r' },
        steps: [
          { kind: 'replaced', price: '10.10', quantity: '0.005' },
          { kind: 'traded', fills: [{ ...trade, amount: '0.02', liquidity: 'taker' }] },
        ],
      },
      value: { BTC: '0.00200000', USD: '-0.02' },
    });
    expect(symbol.log.slice(-3).map(({ type }) => type)).toEqual([
      'replacing',
      'trade',
      'replaced',
    ]);
  });

  test('one account cannot touch the order of another', () => {
    const symbol = new LoneSymbol().list(accounts);
    symbol.tell('submit-order', fromAccount('alice', limit('a', 'sell', '10', '1')));
    const [update] = symbol.tell('cancel-order', { request: 'r', account: 'bob', orderId: 'a' });
    expect(update).toMatchObject({
      to: 'account/bob',
      body: { steps: [{ code: 'order/unknown' }] },
    });
  });

  test('a buy is replaced up to its budget, to the unit, after fills of any rounding', () => {
    const replacedWithin = (budget: string) => {
      const symbol = new LoneSymbol().list(accounts);
      symbol.tell('submit-order', fromAccount('bob', limit('b', 'buy', '10.05', '0.005')));
      symbol.tell('submit-order', fromAccount('alice', limit('a', 'sell', '10.05', '0.003')));
      const asked = { price: '10', quantity: '0.010', budget };
      return symbol.tell('replace-order', {
        request: 'r',
        account: 'bob',
        orderId: 'b',
        ...asked,
      })[0]?.body;
    };
    // 10.05 × 0.003 × 1.001 + 10.00 × 0.007 × 1.002 = 0.10032015: rounded once, to 0.11.
    expect(replacedWithin('0.11')).toMatchObject({ steps: [{ kind: 'replaced' }] });
    expect(replacedWithin('0.10')).toMatchObject({
      request: { kind: 'replace', id: 'r' },
      steps: [{ kind: 'refused', code: 'account/insufficient-funds' }],
    });
    expect(replacedWithin('9'.repeat(40) + '.99')).toMatchObject({ steps: [{ kind: 'replaced' }] });
  });

  test('a sell needs no budget beyond its quantity, at any price', () => {
    const symbol = new LoneSymbol().list(accounts);
    symbol.tell('submit-order', fromAccount('bob', limit('b', 'sell', '10', '0.005')));
    symbol.tell('submit-order', fromAccount('alice', limit('a', 'buy', '10', '0.003')));
    const [update] = symbol.tell('replace-order', {
      request: 'r',
      account: 'bob',
      orderId: 'b',
      price: '0.05',
      quantity: '0.010',
      budget: '0.01000000',
    });
    expect(update?.body).toMatchObject({ steps: [{ kind: 'replaced', quantity: '0.010' }] });
  });

  test.each([
    ['submit-order', { request: 'r' }],
    ['cancel-order', { request: 'r', account: 'alice', orderId: 'a', reason: 'none' }],
    [
      'replace-order',
      { request: 'r', account: 'alice', orderId: 'a', price: '10', quantity: '1', budget: '-1' },
    ],
    ['order-update', { orderId: 'a', steps: [] }],
    ['replicated', { version: 'x' }],
  ])('a message %s that nobody can understand is our bug: %j', (name, body) => {
    const symbol = new LoneSymbol().list(accounts);
    expect(() => symbol.tell(name, body)).toThrow();
  });

  test('an order message that is not understood is named with the reason', () => {
    const symbol = new LoneSymbol().list(accounts);
    expect(() => symbol.tell('submit-order', { request: 'r' })).toThrow(
      /do not understand this message submit-order: [^]*account/,
    );
  });

  test('the confirmation of a version that nobody waits for changes nothing', () => {
    const symbol = new LoneSymbol().list(accounts);
    const events = symbol.log.length;
    expect(symbol.tell('replicated', { version: 99 })).toEqual([]);
    expect(symbol.log.length).toBe(events);
  });

  test('execIds of a symbol with a long id stay within 64 characters', () => {
    const symbol = new LoneSymbol({ id: 'x'.repeat(64) }).list(accounts);
    symbol.tell('submit-order', fromAccount('alice', limit('a', 'sell', '10', '1')));
    symbol.tell('submit-order', fromAccount('bob', limit('b', 'buy', '10', '1')));
    expect(symbol.log.at(-1)?.['execId']).toMatch(/^[A-Za-z0-9_-]{22}_1$/);
  });
});
