import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../tools/bench/histogram.ts';

const filled = (samples: readonly number[]): Histogram => {
  const histogram = new Histogram();
  for (const ms of samples) histogram.add(ms);
  return histogram;
};

test('a percentile lies within 1 % of the sample with that rank', () => {
  const ms = fc.double({ min: 0.001, max: 90_000, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(ms, { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.01, 0.5, 0.9, 0.99, 0.999, 1),
      (samples, share) => {
        const sorted = samples.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
        const found = filled(samples).percentile(share);
        expect(found).toBeGreaterThan(exact * 0.99);
        expect(found).toBeLessThan(exact * 1.01);
      },
    ),
  );
});

test('one slow sample in a thousand shows in p99.9 only if it is more than one in a thousand', () => {
  const fast = Array.from({ length: 998 }, () => 1);
  expect(filled([...fast, 1, 100]).percentile(0.999)).toBeCloseTo(1, 1);
  expect(filled([...fast, 100, 100]).percentile(0.999)).toBeCloseTo(100, -1);
});

test('samples count, and the largest is kept exactly', () => {
  const histogram = filled([0.5, 12.345, 3]);
  expect(histogram.count).toBe(3);
  expect(histogram.max).toBe(12.345);
});

test('what is below a microsecond or above 100 seconds counts as that', () => {
  expect(filled([0]).percentile(0.5)).toBeCloseTo(0.001, 4);
  expect(filled([1e9]).percentile(0.5)).toBeGreaterThan(99_000);
});

test('without samples every percentile is 0', () => {
  expect(new Histogram().percentile(0.99)).toBe(0);
});
