import { scaleOf, type Scales } from '../contracts/money.ts';
import type { MarketTerms } from '../contracts/symbol.ts';
import { instrument, type Instrument } from './instrument.ts';

/** A symbol as accounts see it: its terms, its arithmetic, and the scales of its two assets. */
export interface Market {
  readonly terms: MarketTerms;
  readonly instrument: Instrument;
  readonly baseScale: number;
  readonly quoteScale: number;
}

/** Finds the market of terms. */
export type MarketCatalogue = (terms: MarketTerms) => Market;

/**
 * A catalogue of the cluster's markets. Each is built once, however many accounts trade there: a
 * million accounts with a market each of their own would not fit.
 */
export function marketCatalogue(scales: Scales): MarketCatalogue {
  const known = new Map<string, Market>();
  return ({ base, quote, tickSize, lotSize, makerFee, takerFee }) => {
    const key = `${base} ${quote} ${tickSize} ${lotSize} ${makerFee} ${takerFee}`;
    const found = known.get(key);
    if (found) return found;
    const terms = { base, quote, tickSize, lotSize, makerFee, takerFee };
    const market = {
      terms,
      instrument: instrument({ ...terms, settlement: 'accounts', status: 'trading' }, scales),
      baseScale: scaleOf(scales, base),
      quoteScale: scaleOf(scales, quote),
    };
    known.set(key, market);
    return market;
  };
}
