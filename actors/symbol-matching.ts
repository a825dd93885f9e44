/**
 * What an order that comes in does at once: which orders it trades with, what each side books, and
 * what becomes of its rest. Pure: the book is read, events are made.
 */
import type { SelfTradePrevention, Side, TimeInForce } from '../contracts/execution-report.ts';
import type { Units } from '../contracts/money.ts';
import type { Instrument } from './instrument.ts';
import { matchLimits } from './match-limits.ts';
import type { Hit, Match } from './order-book.ts';
import { scopedId } from './scoped-id.ts';
import type { CanceledEvent, CancelReason, TradeEvent } from '../contracts/symbol-events.ts';
import { listingOf, type Order, type OrderDetail, type SymbolContext } from './symbol-state.ts';

/** A symbol at the moment of a command: its state, its id, the address of the record to come. */
export interface Venue {
  readonly state: SymbolContext;
  readonly symbol: string;
  readonly at: string;
}

/** A new order, or an open one that re-enters at a new price. */
export interface Entry {
  readonly id: string;
  readonly side: Side;
  readonly timeInForce: TimeInForce;
  /** Its own price in ticks; undefined for a market order. */
  readonly price: number | undefined;
  /** The worst price in ticks at which it trades; undefined if any will do. */
  readonly limit: number | undefined;
  /** In lots. */
  readonly quantity: number;
  readonly owner: string;
  readonly selfTradePrevention: SelfTradePrevention;
  /** What its earlier trades add up to, see `OrderDetail`. */
  readonly exact: bigint;
}

/** A trade with an open order; `booked` if the symbol settles at accounts. */
export interface Traded {
  readonly event: TradeEvent;
  readonly maker: Order;
  readonly quantity: number;
  readonly booked: { readonly maker: Units; readonly taker: Units } | undefined;
}

/** An open order that expires because the taker's owner is its own. */
export interface Expired {
  readonly event: CanceledEvent;
  readonly maker: Order;
}

export interface Entered {
  readonly met: readonly (Traded | Expired)[];
  /** The end of what the entry could not trade; undefined if it rests, or if nothing is left. */
  readonly canceled: CanceledEvent | undefined;
}

/** Matches an entry against the book as it is. */
export function enter(venue: Venue, entry: Entry): Entered {
  const { book } = venue.state;
  if (!book.crosses(entry.side, entry.limit)) {
    return {
      met: [],
      canceled: endOfRest(venue, entry, { rest: entry.quantity, stopped: undefined }),
    };
  }
  const fillOrKill = entry.timeInForce === 'FOK';
  const match = book.match({ ...entry, fillOrKill }, matchLimits(venue, entry));
  return { met: settle(venue, entry, match.hits), canceled: endOfRest(venue, entry, match) };
}

/** The event that ends `quantity` lots of an order. */
export const canceled = (
  { priceText, quantityText }: Instrument,
  order: { readonly id: string; readonly price: number | undefined; readonly quantity: number },
  reason: CancelReason,
): CanceledEvent => ({
  type: 'canceled',
  orderId: order.id,
  price: order.price === undefined ? null : priceText(order.price),
  quantity: quantityText(order.quantity),
  reason,
});

function endOfRest(
  venue: Venue,
  entry: Entry,
  { rest, stopped }: Pick<Match<OrderDetail>, 'rest' | 'stopped'>,
): CanceledEvent | undefined {
  if (rest === 0) return undefined;
  const reason = reasonToEnd(entry.timeInForce, stopped);
  if (!reason) return undefined;
  const { instrument } = listingOf(venue.state);
  return canceled(instrument, { ...entry, quantity: rest }, reason);
}

function reasonToEnd(
  timeInForce: TimeInForce,
  stopped: Match<OrderDetail>['stopped'],
): CancelReason | undefined {
  if (stopped === 'trade-limit') return stopped;
  if (timeInForce === 'FOK') return 'fill-or-kill';
  if (stopped === 'self-trade') return stopped;
  return timeInForce === 'IOC' ? 'immediate-or-cancel' : undefined;
}

/** Makes events of hits; the taker's exact sum runs on from trade to trade. */
function settle(
  venue: Venue,
  entry: Entry,
  hits: readonly Hit<OrderDetail>[],
): (Traded | Expired)[] {
  const { definition, instrument } = listingOf(venue.state);
  const settles = definition.settlement === 'accounts';
  let executions = venue.state.executions;
  let { exact } = entry;
  return hits.map(({ maker, quantity }) => {
    if (quantity === 0) return { event: canceled(instrument, maker, 'self-trade'), maker };
    const { price } = maker;
    executions++;
    let booked: Traded['booked'];
    if (settles) {
      const more = instrument.exactAmount({ side: entry.side, role: 'taker', price, quantity });
      booked = {
        maker: bookedOf(
          instrument,
          maker.side,
          maker.detail.exact,
          instrument.exactAmount({ side: maker.side, role: 'maker', price, quantity }),
        ),
        taker: bookedOf(instrument, entry.side, exact, more),
      };
      exact += more;
    }
    const event: TradeEvent = {
      type: 'trade',
      execId: scopedId(venue.symbol, executions),
      price: instrument.priceText(price),
      quantity: instrument.quantityText(quantity),
      side: entry.side,
      makerOrderId: maker.id,
      takerOrderId: entry.id,
      at: venue.at,
      ...(booked && {
        makerAmount: instrument.quoteText(booked.maker),
        takerAmount: instrument.quoteText(booked.taker),
      }),
    };
    return { event, maker, quantity, booked };
  });
}

/** What `more` adds to what is booked: the difference of the rounded totals. */
const bookedOf = (instrument: Instrument, side: Side, before: bigint, more: bigint): Units =>
  instrument.bookedAmount(side, before + more) - instrument.bookedAmount(side, before);
