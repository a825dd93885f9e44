import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instrument } from '../../actors/instrument.ts';
import { scopedId } from '../../actors/scoped-id.ts';

const bitcoin = instrument(
  {
    base: 'BTC',
    quote: 'USD',
    tickSize: '0.050',
    lotSize: '0.0001',
    makerFee: '0.0007',
    takerFee: '0.0015',
    settlement: 'accounts',
    status: 'trading',
  },
  { byAsset: { BTC: 8, USD: 2 }, others: 8 },
);

describe('an instrument', () => {
  test('reads prices by its tick and quantities by its lot', () => {
    expect(bitcoin.priceTicks('1.15')).toBe(23);
    expect(bitcoin.priceTicks('1.1500000')).toBe(23);
    expect(bitcoin.priceTicks('1.16')).toBe('order/off-tick');
    expect(bitcoin.priceTicks('0')).toBe('money/not-positive');
    expect(bitcoin.lots('0.0003')).toBe(3);
    expect(bitcoin.lots('0.00031')).toBe('order/off-lot');
    expect(bitcoin.lots('900719925474.0992')).toBe('money/too-large');
  });

  test('writes prices and quantities with the decimals of tick and lot as written', () => {
    expect(bitcoin.priceText(23)).toBe('1.150');
    expect(bitcoin.quantityText(30)).toBe('0.0030');
  });

  test('averages with eight more decimals, rounded half up, and "0" without a trade', () => {
    expect(bitcoin.averagePrice(0n, 0)).toBe('0');
    expect(bitcoin.averagePrice(2n * 1n + 3n * 2n, 3)).toBe('0.13333333333');
    expect(bitcoin.averagePrice(20n, 3)).toBe('0.33333333333');
    expect(bitcoin.averagePrice(40n, 3)).toBe('0.66666666667');
  });

  test('the hold of a buy covers its fills, however they are split, priced and charged', () => {
    const fill = fc.record({
      role: fc.constantFrom('maker' as const, 'taker' as const),
      price: fc.integer({ min: 1, max: 1_000 }),
      quantity: fc.integer({ min: 1, max: 1_000 }),
    });
    fc.assert(
      fc.property(fc.array(fill, { minLength: 1 }), (fills) => {
        const side = 'buy';
        const lots = fills.reduce((sum, { quantity }) => sum + quantity, 0);
        const exact = fills.reduce((sum, one) => sum + bitcoin.exactAmount({ side, ...one }), 0n);
        const held = bitcoin.holdFor(side, Math.max(...fills.map(({ price }) => price)), lots);
        expect(bitcoin.bookedAmount(side, exact)).toBeLessThanOrEqual(held);
      }),
      { seed: 20_210_417 },
    );
  });
});

test('no two pairs of owner and number share a scoped id, and all are ids', () => {
  const owner = fc.oneof(
    fc.stringMatching(/^[0-9a-b_-]{1,6}$/),
    fc.stringMatching(/^[A-Za-z0-9_-]{20,64}$/),
  );
  const pair = fc.tuple(owner, fc.nat());
  fc.assert(
    fc.property(fc.uniqueArray(pair, { selector: String, size: 'large' }), (pairs) => {
      const ids = pairs.map(([name, n]) => scopedId(name, n));
      expect(new Set(ids).size).toBe(pairs.length);
      for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    }),
    { seed: 20_210_417 },
  );
});
