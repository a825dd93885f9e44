import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Decimal,
  decimalsOf,
  defaultScales,
  divideHalfUp,
  divideUp,
  formatUnits,
  parseUnits,
  scaleOf,
} from '../../contracts/money.ts';

const scale = fc.integer({ min: 0, max: 18 });
const units = fc.bigInt({ min: 0n, max: 10n ** 27n });

describe('amounts', () => {
  test('what is written is read back as the same units, at any scale', () => {
    fc.assert(
      fc.property(units, scale, (amount, decimals) => {
        expect(parseUnits(formatUnits(amount, decimals), decimals)).toBe(amount);
      }),
    );
  });

  test('digits are what they are, however they are read: short texts as numbers, long ones not', () => {
    const whole = fc.bigInt({ min: 0n, max: 10n ** 20n });
    const fraction = fc.stringMatching(/^[0-9]{0,18}$/);
    fc.assert(
      fc.property(whole, fraction, scale, (before, after, decimals) => {
        const text = after === '' ? `${before}` : `${before}.${after}`;
        const tooPrecise = /[1-9]/.test(after.slice(decimals));
        const digits = `${before}${after.slice(0, decimals).padEnd(decimals, '0')}`;
        expect(parseUnits(text, decimals)).toBe(tooPrecise ? undefined : BigInt(digits));
      }),
      { numRuns: 1_000 },
    );
  });

  test('trailing zeros do not count, other decimals beyond the scale do', () => {
    expect(parseUnits('1.5000', 2)).toBe(150n);
    expect(parseUnits('1.505', 2)).toBeUndefined();
    expect(parseUnits('7.000000000000000000', 0)).toBe(7n);
    expect(decimalsOf('2.50')).toBe(1);
  });

  test('a negative amount keeps its sign below one', () => {
    expect(formatUnits(-5n, 2)).toBe('-0.05');
  });

  test.each(['', '.5', '1.', '01', '+1', '-1', '1e3', ' 1', '1,0', '0x10', 'NaN', '1'.repeat(28)])(
    'the grammar refuses %j',
    (text) => expect(Decimal.safeParse(text).success).toBe(false),
  );

  test('the largest decimal of the grammar is read exactly', () => {
    const text = `${'9'.repeat(27)}.${'9'.repeat(18)}`;
    expect(Decimal.safeParse(text).success).toBe(true);
    expect(parseUnits(text, 18)).toBe(10n ** 45n - 1n);
  });

  test('division rounds up, or half up, exactly', () => {
    fc.assert(
      fc.property(units, fc.bigInt({ min: 1n, max: 10n ** 20n }), (numerator, denominator) => {
        const up = divideUp(numerator, denominator);
        expect(up * denominator >= numerator && (up - 1n) * denominator < numerator).toBe(true);
        const half = divideHalfUp(numerator, denominator);
        const twice = 2n * (half * denominator - numerator);
        expect(twice <= denominator && twice > -denominator).toBe(true);
      }),
    );
  });

  test('an asset named like a property of objects has the default scale', () => {
    expect(scaleOf(defaultScales, 'constructor')).toBe(8);
    expect(scaleOf(defaultScales, 'USD')).toBe(2);
  });
});
