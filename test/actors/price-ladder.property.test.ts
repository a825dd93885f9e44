/** The ladder equals a sorted array, also with enough levels for many chunks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PriceLadder, type Priced } from '../../actors/price-ladder.ts';

const steps = (pricesMax: number, length: number) =>
  fc.array(fc.tuple(fc.integer({ min: 1, max: pricesMax }), fc.boolean()), {
    minLength: length,
    maxLength: length,
    size: 'max',
  });

function run(side: 'buy' | 'sell', done: readonly (readonly [number, boolean])[]): void {
  const ladder = new PriceLadder<Priced>(side);
  const prices = new Set<number>();
  const better = (one: number, other: number): number =>
    side === 'buy' ? other - one : one - other;
  done.forEach(([price, grows], index) => {
    const level = ladder.at(price);
    expect(level !== undefined).toBe(prices.has(price));
    if (!level) {
      ladder.insert({ price });
      prices.add(price);
    } else if (!grows) {
      ladder.remove(level);
      prices.delete(price);
    }
    if (index % 500 !== 0 && index !== done.length - 1) return;
    const expected = [...prices].toSorted(better);
    const found: number[] = [];
    ladder.walk((one) => found.push(one.price) > 0);
    expect(found).toEqual(expected);
    expect(ladder.best?.price).toBe(expected[0]);
    expect(ladder.worst?.price).toBe(expected.at(-1));
    expect(ladder.size).toBe(expected.length);
  });
}

test.each(['buy', 'sell'] as const)('a %s ladder lists its levels best first', (side) => {
  const sizes = fc.constantFrom([50, 300], [10_000, 4_000], [1_000_000, 3_000]);
  fc.assert(
    fc.property(
      sizes.chain(([pricesMax = 1, length = 1]) => steps(pricesMax, length)),
      (done) => run(side, done),
    ),
    { seed: 20_210_417, numRuns: 20 },
  );
});

test('a ladder that is emptied and filled again keeps its order', () => {
  const up: [number, boolean][] = Array.from({ length: 3_000 }, (_, n) => [n + 1, true]);
  const thin: [number, boolean][] = up.filter(([n]) => n % 100 !== 0).map(([n]) => [n, false]);
  run('buy', [...up, ...thin, ...up, ...up.map(([n]): [number, boolean] => [n, false])]);
});
