/** How far one command goes: at most 5,000 trades, and never more than its reply and record can hold. */
import { describe, expect, test } from 'vitest';
import type { Report } from '../../contracts/symbol.ts';
import { LoneSymbol } from './lone-symbol.ts';

const replyBytesMax = 800_000;
const recordBytesMax = 4_000_000;

const definition = { base: 'BTC', quote: 'USD', tickSize: '0.01', lotSize: '0.00000001' } as const;

/** An id of 64 characters. */
const longId = (n: number): string => String(n).padStart(64, 'x');

function matchingOnly(idOf: (n: number) => string, makers: number): LoneSymbol {
  const symbol = new LoneSymbol().list({ ...definition, settlement: 'none' });
  const order = {
    side: 'sell',
    type: 'limit',
    timeInForce: 'GTC',
    price: '50000',
    quantity: '0.5',
  };
  for (let n = 1; n <= makers; n++) symbol.command('submit', { ...order, orderId: idOf(n) });
  return symbol;
}

function sweep(symbol: LoneSymbol, timeInForce: string): Report[] {
  const reply = symbol.command('submit', {
    orderId: 'taker',
    side: 'buy',
    type: 'limit',
    timeInForce,
    price: '60000',
    quantity: '9999',
  });
  if (!reply?.ok) throw new Error(JSON.stringify(reply));
  expect(JSON.stringify(reply).length).toBeLessThan(replyBytesMax + 1_000);
  return (reply.result as unknown as { reports: Report[] }).reports;
}

describe('with settlement none', () => {
  test('a command makes 5,000 trades and its rest is canceled', () => {
    const symbol = matchingOnly((n) => `o${n}`, 5_002);
    const reports = sweep(symbol, 'GTC');
    expect(reports.filter(({ type }) => type === 'trade').length).toBe(5_000);
    expect(reports.at(-1)).toEqual({
      type: 'canceled',
      orderId: 'taker',
      price: '60000.00',
      quantity: '7499.00000000',
      reason: 'trade-limit',
    });
    expect(symbol.result('book')).toMatchObject({ bids: [], asks: [['50000.00', '1.00000000']] });
  });

  test('long ids end it earlier, for the reply must fit a message', () => {
    const reports = sweep(matchingOnly(longId, 5_000), 'IOC');
    const trades = reports.filter(({ type }) => type === 'trade').length;
    expect(trades).toBeGreaterThan(3_000);
    expect(trades).toBeLessThan(5_000);
    expect(reports.at(-1)).toMatchObject({ type: 'canceled', reason: 'trade-limit' });
  });

  test('a fill-or-kill that would need more trades does not trade', () => {
    const symbol = matchingOnly((n) => `o${n}`, 5_001);
    const order = { orderId: 'taker', side: 'buy', type: 'market', timeInForce: 'FOK' };
    const reply = symbol.command('submit', { ...order, quantity: '2500.5' });
    expect(reply).toMatchObject({
      result: { reports: [{ type: 'accepted' }, { type: 'canceled', reason: 'trade-limit' }] },
    });
    const fits = symbol.command('submit', { ...order, quantity: '2500' });
    expect(fits?.ok && (fits.result as unknown as { reports: Report[] }).reports.length).toBe(
      5_001,
    );
  });
});

describe('with settlement at accounts', () => {
  const order = { side: 'sell', type: 'limit', timeInForce: 'GTC', selfTradePrevention: 'NONE' };

  test.each([
    ['short ids', 'BTC-USD', (n: number) => `alice-${n}`, 'alice', '0.5'],
    ['the longest ids', 'x'.repeat(64), longId, 'y'.repeat(64), '90071992.5'],
  ])('reply and record stay within bounds: %s', (_, id, idOf, account, quantity) => {
    const symbol = new LoneSymbol({ id }).list({
      ...definition,
      makerFee: '0.001',
      takerFee: '0.002',
      settlement: 'accounts',
    });
    for (let n = 1; n <= 5_001; n++) {
      const body = { ...order, request: 'r', account, orderId: idOf(n), price: '50000', quantity };
      symbol.tell('submit-order', body);
    }
    const before = symbol.log.length;
    const taker = { ...order, request: 'r', account: 'bob', orderId: 'taker', side: 'buy' };
    const sent = symbol.tell('submit-order', { ...taker, price: '50000', quantity: '90071992' });
    const [update] = sent;
    expect(JSON.stringify(update).length).toBeLessThan(replyBytesMax + 1_000);
    const events = JSON.stringify(symbol.log.slice(before)).length;
    expect(events + JSON.stringify(sent).length).toBeLessThan(recordBytesMax);
    if (account === 'alice') expect(sent.length).toBe(5_001);
    expect(sent.length).toBeGreaterThan(1);
  });
});
