import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Balances } from '../../actors/balances.ts';

const assets = fc.constantFrom('', 'BTC', 'EUR', 'USD');

test('balances are a map from assets, in the order in which they came', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(assets, fc.bigInt())), (changes) => {
      const balances = new Balances();
      const map = new Map<string, { available: bigint; held: bigint }>();
      for (const [asset, available] of changes) {
        const balance = { available, held: 0n };
        balances.set(asset, balance);
        map.set(asset, balance);
        expect([...balances]).toEqual([...map]);
        expect(balances.size).toBe(map.size);
      }
      for (const asset of ['', 'BTC', 'EUR', 'USD']) {
        expect(balances.get(asset)).toBe(map.get(asset));
        expect(balances.has(asset)).toBe(map.has(asset));
      }
    }),
  );
});
