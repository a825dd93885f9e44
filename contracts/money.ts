import { z } from 'zod';

/** Minor units of one asset (cents of USD at scale 2), or of a price or quantity at its own scale. */
export type Units = bigint;

/** A signed amount per asset, as decimal strings: what a message or an outside party moves. */
export type Value = { readonly [asset: string]: string };

const decimalGrammar = /^(0|[1-9]\d{0,26})(\.\d{1,18})?$/;

/** A decimal string of docs/wire.md: at most 27 digits before the point, 18 behind it; no sign. */
export const Decimal = z
  .string()
  .regex(
    decimalGrammar,
    'must be a decimal string such as "12.50": no sign, no exponent, no leading zero',
  );

/** The decimals of a decimal string that count: `1.50` has one, `2.00` none. */
export function decimalsOf(text: string): number {
  const point = text.indexOf('.');
  if (point < 0) return 0;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  return Math.max(0, end - point - 1);
}

/** The decimals of a decimal string as written: `1.50` has two. */
export const decimalsWritten = (text: string): number =>
  text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;

/** Reads a decimal string at a scale; undefined if it has more decimals than the scale holds. */
export function parseUnits(text: string, scale: number): Units | undefined {
  const short = parseShort(text, scale);
  if (short !== 'long') return short === undefined ? undefined : BigInt(short);
  const at = text.indexOf('.');
  if (at < 0) return BigInt(text) * tenTo(scale);
  const decimals = decimalsOf(text);
  if (decimals > scale) return undefined;
  return (
    BigInt(text.slice(0, at) + text.slice(at + 1, at + 1 + decimals)) * tenTo(scale - decimals)
  );
}

/**
 * The same as a JS number, where that is exact: for what nearly all texts are it takes a fifth of
 * the time that bigints do, and an order has some twenty of them.
 */
export function parseShort(text: string, scale: number): number | undefined | 'long' {
  if (text.length > shortLengthMax) return 'long';
  let value = 0;
  let decimals = -1;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - zero;
    if (digit === point - zero) {
      decimals = 0;
    } else if (digit < 0 || digit > 9) {
      return 'long';
    } else if (decimals < scale) {
      value = value * 10 + digit;
      if (decimals >= 0) decimals++;
    } else if (digit !== 0) {
      return undefined;
    }
  }
  value *= 10 ** (scale - Math.max(0, decimals));
  return value <= Number.MAX_SAFE_INTEGER ? value : 'long';
}

/** So many digits are always exact in a JS number. */
const shortLengthMax = 15;
const zero = 48;
const point = 46;

/** Writes units with exactly `scale` decimals: 1250n at scale 2 is `12.50`. */
export function formatUnits(units: Units, scale: number): string {
  if (scale === 0) return units.toString();
  return units < 0n ? `-${withPoint(`${-units}`, scale)}` : withPoint(`${units}`, scale);
}

/** Writes a number of units that is at least 0 and exact. */
export const formatShort = (units: number, scale: number): string =>
  scale === 0 ? `${units}` : withPoint(`${units}`, scale);

const withPoint = (digits: string, scale: number): string => {
  const padded = digits.length > scale ? digits : digits.padStart(scale + 1, '0');
  return `${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
};

const powers: bigint[] = [1n];

/** 10ⁿ. */
export function tenTo(exponent: number): bigint {
  for (let n = powers.length; n <= exponent; n++) powers.push((powers[n - 1] as bigint) * 10n);
  return powers[exponent] as bigint;
}

/** ⌈numerator / denominator⌉ for a numerator ≥ 0 and a denominator > 0. */
export const divideUp = (numerator: bigint, denominator: bigint): bigint =>
  (numerator + denominator - 1n) / denominator;

/** numerator / denominator rounded half up, for a numerator ≥ 0 and a denominator > 0. */
export const divideHalfUp = (numerator: bigint, denominator: bigint): bigint =>
  (numerator * 2n + denominator) / (denominator * 2n);

/** How many decimals each asset's amounts have; fixed when a cluster is created. */
export interface Scales {
  readonly byAsset: { readonly [asset: string]: number };
  readonly others: number;
}

export const defaultScales: Scales = {
  byAsset: { USD: 2, EUR: 2, KRW: 0, BTC: 8, ETH: 8 },
  others: 8,
};

/** The scale of an asset's amounts. */
export const scaleOf = (scales: Scales, asset: string): number =>
  Object.hasOwn(scales.byAsset, asset) ? (scales.byAsset[asset] as number) : scales.others;
