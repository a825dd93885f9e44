/** What accounts and symbols both check of an order before it may trade. */
import type { Code } from '../contracts/codes.ts';
import type { OrderType, Side, TimeInForce } from '../contracts/execution-report.ts';
import type { Instrument } from './instrument.ts';

/** An order as it was asked for. */
export interface OrderTerms {
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly price?: string | undefined;
  readonly quantity: string;
  readonly postOnly?: boolean | undefined;
  readonly protectionPrice?: string | undefined;
}

/** Why no symbol could take such an order, as a sentence for its sender; undefined if one can. */
export function malformedTerms(terms: OrderTerms): string | undefined {
  if (terms.type === 'limit' && terms.price === undefined) return 'A limit order needs a price.';
  if (terms.type === 'market') {
    if (terms.price !== undefined) return 'A market order has no price.';
    if (terms.timeInForce === 'GTC') return 'A market order takes timeInForce IOC or FOK.';
  }
  if (terms.postOnly === true && (terms.type === 'market' || terms.timeInForce !== 'GTC')) {
    return 'postOnly goes with limit orders that are GTC.';
  }
  if (terms.protectionPrice !== undefined && terms.side === 'sell') {
    return 'A protectionPrice is for buys.';
  }
  return undefined;
}

/** Terms in ticks and lots; a market order has no price. */
export interface ParsedTerms {
  readonly price: number | undefined;
  readonly quantity: number;
  readonly protectionPrice: number | undefined;
}

/** Reads well-formed terms by the symbol's ticks and lots, or says why they do not fit it. */
export function parseTerms(instrument: Instrument, terms: OrderTerms): ParsedTerms | Code {
  const price = optionalTicks(instrument, terms.price);
  if (typeof price === 'string') return price;
  const quantity = instrument.lots(terms.quantity);
  if (typeof quantity === 'string') return quantity;
  const protectionPrice = optionalTicks(instrument, terms.protectionPrice);
  if (typeof protectionPrice === 'string') return protectionPrice;
  if (price !== undefined && protectionPrice !== undefined && price > protectionPrice) {
    return 'order/above-protection';
  }
  return { price, quantity, protectionPrice };
}

const optionalTicks = (
  instrument: Instrument,
  text: string | undefined,
): number | undefined | Code => (text === undefined ? undefined : instrument.priceTicks(text));
