/**
 * What a symbol has become: its definition, book, latest trades and kept fees, and how each event
 * changes them. The book is large, so the functions here change the context in place; only the
 * statechart calls them.
 */
import type { SelfTradePrevention } from '../contracts/execution-report.ts';
import type { Units } from '../contracts/money.ts';
import type { Definition, Trade } from '../contracts/symbol.ts';
import type { Instrument } from './instrument.ts';
import { OrderBook, type BookOrder } from './order-book.ts';
import type { AcceptedEvent, SymbolEvent, TradeEvent } from '../contracts/symbol-events.ts';

/** What a symbol remembers of an order besides its place in the book. */
export interface OrderDetail {
  readonly postOnly: boolean;
  readonly selfTradePrevention: SelfTradePrevention;
  /** In ticks; a replace may not go above it. */
  readonly protectionPrice: number | undefined;
  /** Lots traded so far. */
  traded: number;
  /** The exact amounts of its trades, added up (`Instrument.exactAmount`). */
  exact: bigint;
}

export type Order = BookOrder<OrderDetail>;
export type Book = OrderBook<OrderDetail>;

/** A definition on its way to all partitions, and the commands that wait for it to be there. */
export interface Replication {
  readonly version: number;
  readonly status: 'trading' | 'halted';
  /** How many partitions have not confirmed it yet. */
  missing: number;
  readonly requests: string[];
}

export interface Listing {
  /** As it was given. */
  readonly definition: Definition;
  readonly instrument: Instrument;
}

export interface SymbolContext {
  listing: Listing | undefined;
  book: Book;
  /** The order that is being matched and may not, or not yet, rest; only within one command. */
  passing: { order: Order; quantity: number } | undefined;
  /** The latest trades, oldest first; `latestTrades` bounds them. */
  trades: Trade[];
  /** How many trades there have been. */
  executions: number;
  /** What the symbol has kept, in minor units of quote. */
  fees: Units;
  replications: Replication[];
}

export const initialContext = (): SymbolContext => ({
  listing: undefined,
  book: new OrderBook(),
  passing: undefined,
  trades: [],
  executions: 0,
  fees: 0n,
  replications: [],
});

const tradesKept = 500;

/** The latest trades, at most 500, oldest first. */
export const latestTrades = (context: SymbolContext, limit = tradesKept): Trade[] =>
  context.trades.slice(-Math.min(limit, tradesKept));

export function listingOf(context: SymbolContext): Listing {
  if (!context.listing) throw new Error('the symbol is not listed');
  return context.listing;
}

type EventOf<Type extends SymbolEvent['type']> = Extract<SymbolEvent, { type: Type }>;

export function applyAccepted(context: SymbolContext, event: AcceptedEvent): void {
  const { instrument } = listingOf(context);
  const price = event.price === null ? 0 : known(instrument.priceTicks(event.price));
  const protection = event.protectionPrice;
  const order: Order = {
    id: event.orderId,
    side: event.side,
    price,
    quantity: known(instrument.lots(event.quantity)),
    owner: event.account ?? '',
    detail: {
      postOnly: event.postOnly ?? false,
      selfTradePrevention: event.selfTradePrevention ?? 'NONE',
      protectionPrice:
        protection === undefined ? undefined : known(instrument.priceTicks(protection)),
      traded: 0,
      exact: 0n,
    },
  };
  if (event.timeInForce === 'GTC') context.book.add(order);
  else context.passing = { order, quantity: order.quantity };
}

export function applyTrade(context: SymbolContext, event: TradeEvent): void {
  const { definition, instrument } = listingOf(context);
  const { book, passing } = context;
  const maker = openOrder(book, event.makerOrderId);
  const passes = passing?.order.id === event.takerOrderId;
  const taker = passes ? passing.order : openOrder(book, event.takerOrderId);
  const quantity = known(instrument.lots(event.quantity));
  maker.detail.traded += quantity;
  taker.detail.traded += quantity;
  if (definition.settlement === 'accounts') {
    const { price } = maker;
    const exact = instrument.exactAmount;
    maker.detail.exact += exact({ side: maker.side, role: 'maker', price, quantity });
    taker.detail.exact += exact({ side: taker.side, role: 'taker', price, quantity });
    context.fees += feeKept(instrument, event);
  }
  book.reduce(maker.id, quantity);
  if (!passes) book.reduce(taker.id, quantity);
  else if ((passing.quantity -= quantity) === 0) context.passing = undefined;
  context.executions++;
  const { execId, side, at } = event;
  context.trades.push({ execId, price: event.price, quantity: event.quantity, side, at });
  if (context.trades.length >= 2 * tradesKept) context.trades.splice(0, tradesKept);
}

export function applyCanceled(context: SymbolContext, event: EventOf<'canceled'>): void {
  if (context.passing?.order.id === event.orderId) context.passing = undefined;
  else context.book.remove(event.orderId);
}

export function applyReplacing(context: SymbolContext, event: EventOf<'replacing'>): void {
  const { instrument } = listingOf(context);
  const price = known(instrument.priceTicks(event.price));
  const quantity = known(instrument.lots(event.quantity));
  const { id, side, owner, detail } = context.book.remove(event.orderId);
  context.passing = { order: { id, side, price, quantity, owner, detail }, quantity };
}

export function applyReplaced(context: SymbolContext): void {
  if (!context.passing) return;
  const { order, quantity } = context.passing;
  context.book.add({ ...order, quantity });
  context.passing = undefined;
}

export function applyReplicating(context: SymbolContext, event: EventOf<'replicating'>): void {
  const { version, status, partitions, request } = event;
  context.replications.push({ version, status, missing: partitions, requests: [request] });
}

export function applyReplicationJoined(
  context: SymbolContext,
  event: EventOf<'replication-joined'>,
): void {
  context.replications
    .find(({ version }) => version === event.version)
    ?.requests.push(event.request);
}

export function applyReplicationConfirmed(
  context: SymbolContext,
  event: EventOf<'replication-confirmed'>,
): void {
  const replication = context.replications.find(({ version }) => version === event.version);
  if (!replication) return;
  replication.missing--;
  if (replication.missing > 0) return;
  context.replications.splice(context.replications.indexOf(replication), 1);
}

/** What buyer and seller of a trade book differently stays with the symbol. */
function feeKept(instrument: Instrument, { side, makerAmount, takerAmount }: TradeEvent): Units {
  if (makerAmount === undefined || takerAmount === undefined) {
    throw new Error('a trade that settles at accounts names both amounts');
  }
  const maker = instrument.quoteUnits(makerAmount);
  const taker = instrument.quoteUnits(takerAmount);
  return side === 'buy' ? taker - maker : maker - taker;
}

function openOrder(book: Book, id: string): Order {
  const order = book.get(id);
  if (!order) throw new Error(`order ${id} is not in the book`);
  return order;
}

/** A number of ticks or lots in an event was checked when the event was made. */
function known(parsed: number | string): number {
  if (typeof parsed === 'string') throw new Error(`an event carries what is ${parsed}`);
  return parsed;
}
