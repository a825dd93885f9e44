/**
 * The arithmetic of one symbol: between the decimal strings of the wire and the integers of the
 * book, and between trades and money. Prices are counted in ticks and quantities in lots, both
 * JS numbers of at most 2^53 − 1; amounts of money are bigint minor units of their asset.
 */
import type { Code } from '../contracts/codes.ts';
import type { Side } from '../contracts/execution-report.ts';
import {
  decimalsOf,
  decimalsWritten,
  divideHalfUp,
  divideUp,
  formatShort,
  formatUnits,
  parseShort,
  parseUnits,
  scaleOf,
  tenTo,
  type Scales,
  type Units,
} from '../contracts/money.ts';
import type { SymbolReference } from './order-messages.ts';

export type Role = 'maker' | 'taker';

/** A quantity that changes hands (or may) at a price. */
export interface Exchange {
  readonly side: Side;
  readonly role: Role;
  readonly price: number;
  readonly quantity: number;
}

export interface Instrument {
  readonly base: string;
  readonly quote: string;
  /** A price as ticks (at least 1), or why it is none: off-tick, not positive, too large. */
  priceTicks(text: string): number | Code;
  /** A quantity as lots (at least 1), or why it is none: off-lot, not positive, too large. */
  lots(text: string): number | Code;
  /** With the decimals that tickSize was written with. */
  priceText(ticks: number): string;
  /** With the decimals that lotSize was written with. */
  quantityText(lots: number | bigint): string;
  /** Lots as minor units of the base asset. */
  baseUnits(lots: number): Units;
  /** Minor units of the base asset, as text. */
  baseText(units: Units): string;
  /** Minor units of the quote asset, as text, and back. */
  quoteText(units: Units): string;
  quoteUnits(text: string): Units;
  /**
   * price × quantity × (1 + fee) for a buyer, × (1 − fee) for a seller, with the fee of its role:
   * exact, in fractions of a minor unit that all results of one instrument share, so that an
   * order's fills can be added up before anything is rounded.
   */
  exactAmount(exchange: Exchange): bigint;
  /** A sum of exact amounts as minor units of quote: rounded up for a buyer, down for a seller. */
  bookedAmount(side: Side, exact: bigint): Units;
  /**
   * What an order may cost at most: a buy ⌈price × quantity × (1 + takerFee)⌉ of quote, a sell its
   * quantity of base. The booked amounts of its fills never add up to more.
   */
  holdFor(side: Side, price: number, quantity: number): Units;
  /** Σ(price × quantity) / Σ quantity, with tickSize's decimals and eight more, rounded half up. */
  averagePrice(ticksTimesLots: bigint, lots: number): string;
}

/** The arithmetic of the symbol that is listed like this, in a cluster with these scales. */
export function instrument(reference: SymbolReference, scales: Scales): Instrument {
  const { base, quote, tickSize, lotSize } = reference;
  const baseScale = scaleOf(scales, base);
  const quoteScale = scaleOf(scales, quote);
  const tick = stepOf(tickSize);
  const lot = stepOf(lotSize);
  const lotInBase = parseUnits(lotSize, baseScale);
  const rates = exactRates(reference, quoteScale);
  const exactAmount = ({ side, role, price, quantity }: Exchange): bigint =>
    BigInt(price) * BigInt(quantity) * rates[side][role];
  const bookedAmount = (side: Side, exact: bigint): Units =>
    side === 'buy' ? divideUp(exact, rates.denominator) : exact / rates.denominator;
  const baseUnits = (lots: number): Units => {
    if (lotInBase === undefined) throw new Error(`a lot of ${lotSize} is no amount of ${base}`);
    return BigInt(lots) * lotInBase;
  };
  return {
    base,
    quote,
    priceTicks: (text) => stepsIn(text, tick, 'order/off-tick'),
    lots: (text) => stepsIn(text, lot, 'order/off-lot'),
    priceText: (ticks) => textOf(ticks, tick),
    quantityText: (lots) => textOf(lots, lot),
    baseUnits,
    baseText: (units) => formatUnits(units, baseScale),
    quoteText: (units) => formatUnits(units, quoteScale),
    quoteUnits: (text) => unitsAt(text, quoteScale),
    exactAmount,
    bookedAmount,
    holdFor: (side, price, quantity) =>
      side === 'sell'
        ? baseUnits(quantity)
        : bookedAmount(side, exactAmount({ side, role: 'taker', price, quantity })),
    averagePrice: (ticksTimesLots, lots) =>
      lots === 0
        ? '0'
        : formatUnits(
            divideHalfUp(ticksTimesLots * tick.units * tenTo(8), BigInt(lots)),
            tick.decimals + 8,
          ),
  };
}

/** A tick or lot: its size in units of its own written decimals. */
interface Step {
  readonly units: bigint;
  readonly decimals: number;
}

const stepOf = (size: string): Step => ({
  units: BigInt(size.replace('.', '')),
  decimals: decimalsWritten(size),
});

const textOf = (steps: number | bigint, { units, decimals }: Step): string => {
  const short = Number(steps) * Number(units);
  return short <= Number.MAX_SAFE_INTEGER
    ? formatShort(short, decimals)
    : formatUnits(BigInt(steps) * units, decimals);
};

function stepsIn(text: string, step: Step, off: Code): number | Code {
  const short = parseShort(text, step.decimals);
  if (short === undefined) return off;
  if (short !== 'long' && step.units <= short) {
    const size = Number(step.units);
    return short % size === 0 ? short / size : off;
  }
  const units = parseUnits(text, step.decimals);
  if (units === undefined || units % step.units !== 0n) return off;
  const steps = units / step.units;
  if (steps === 0n) return 'money/not-positive';
  return steps > BigInt(Number.MAX_SAFE_INTEGER) ? 'money/too-large' : Number(steps);
}

interface ExactRates {
  readonly buy: { readonly [role in Role]: bigint };
  readonly sell: { readonly [role in Role]: bigint };
  /** How many exact units make one minor unit of quote. */
  readonly denominator: bigint;
}

/** What one tick of one lot costs or brings, per side and role, over one common denominator. */
function exactRates(reference: SymbolReference, quoteScale: number): ExactRates {
  const { tickSize, lotSize, makerFee, takerFee } = reference;
  const feeDecimals = Math.max(decimalsOf(makerFee), decimalsOf(takerFee));
  const tick = stepOf(tickSize);
  const lot = stepOf(lotSize);
  const numerator = tick.units * lot.units * tenTo(quoteScale);
  const denominator = tenTo(tick.decimals + lot.decimals + feeDecimals);
  const shared = greatestCommonDivisor(numerator, denominator);
  const one = tenTo(feeDecimals);
  const fees = { maker: unitsAt(makerFee, feeDecimals), taker: unitsAt(takerFee, feeDecimals) };
  const unit = numerator / shared;
  return {
    buy: { maker: unit * (one + fees.maker), taker: unit * (one + fees.taker) },
    sell: { maker: unit * (one - fees.maker), taker: unit * (one - fees.taker) },
    denominator: denominator / shared,
  };
}

/** For text that is known to fit: a rate or an amount that was checked when it came in. */
function unitsAt(text: string, scale: number): Units {
  const units = parseUnits(text, scale);
  if (units === undefined) throw new Error(`${text} has more than ${scale} decimals`);
  return units;
}

const greatestCommonDivisor = (a: bigint, b: bigint): bigint =>
  b === 0n ? a : greatestCommonDivisor(b, a % b);
