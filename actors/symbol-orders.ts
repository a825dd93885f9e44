/**
 * The judgement on orders: what a new, cancelled or replaced order comes to, as events and as what
 * each side has to be told. The same for orders of accounts and for those of `submit`.
 */
import type { Code } from '../contracts/codes.ts';
import type { SelfTradePrevention } from '../contracts/execution-report.ts';
import type { Units } from '../contracts/money.ts';
import type { Instrument } from './instrument.ts';
import { malformedTerms, parseTerms, type OrderTerms } from './order-terms.ts';
import type { CanceledEvent, SymbolEvent } from '../contracts/symbol-events.ts';
import { canceled, enter, type Entered, type Entry, type Venue } from './symbol-matching.ts';
import { listingOf, type Order } from './symbol-state.ts';

/** Why a request is refused; without a message the code's own is meant. */
export interface Refused {
  readonly kind: 'refused';
  readonly code: Code;
  readonly message?: string;
}

/** What a request leads to, in the order in which it happens. */
export interface Judged extends Entered {
  readonly kind: 'judged';
  readonly events: readonly SymbolEvent[];
}

export const refused = (code: Code, message?: string): Refused => ({
  kind: 'refused',
  code,
  ...(message !== undefined && { message }),
});

/** An order as a request names it; `owner` is empty where orders have no accounts. */
export interface NewOrder extends OrderTerms {
  readonly id: string;
  readonly owner: string;
  readonly selfTradePrevention: SelfTradePrevention;
}

/** Judges a new order for a symbol that trades. */
export function judgeSubmit(venue: Venue, order: NewOrder): Judged | Refused {
  const { instrument } = listingOf(venue.state);
  const { book } = venue.state;
  const malformed = malformedTerms(order);
  if (malformed !== undefined) return refused('request/malformed', malformed);
  const terms = parseTerms(instrument, order);
  if (typeof terms === 'string') return refused(terms);
  const { price, quantity, protectionPrice } = terms;
  if (order.owner !== '' && order.type === 'market' && order.side === 'buy' && !protectionPrice) {
    return refused('order/protection-required');
  }
  if (book.get(order.id)) return refused('order/duplicate');
  if (order.postOnly === true && book.crosses(order.side, price))
    return refused('order/would-cross');
  const { id, owner, side, timeInForce, selfTradePrevention } = order;
  const limit = price ?? protectionPrice;
  const entry: Entry = {
    id,
    side,
    timeInForce,
    price,
    limit,
    quantity,
    owner,
    selfTradePrevention,
    exact: 0n,
  };
  const accepted: SymbolEvent = {
    type: 'accepted',
    orderId: id,
    side,
    orderType: order.type,
    timeInForce,
    price: price === undefined ? null : instrument.priceText(price),
    quantity: instrument.quantityText(quantity),
    ...(order.postOnly === true && { postOnly: true }),
    ...(owner !== '' && { account: owner, selfTradePrevention }),
    ...(protectionPrice !== undefined && {
      protectionPrice: instrument.priceText(protectionPrice),
    }),
  };
  const entered = enter(venue, entry);
  return judged(entered, [accepted, ...eventsOf(entered), ...listOf(entered.canceled)]);
}

/** Judges the cancelling of an open order; a halted symbol takes it too. */
export function judgeCancel(venue: Venue, id: string, owner: string): Judged | Refused {
  const order = venue.state.book.get(id);
  if (!order || order.owner !== owner) return refused('order/unknown');
  const event = canceled(listingOf(venue.state).instrument, order, 'requested');
  return judged({ met: [], canceled: event }, [event]);
}

/** A replace; `quantity` is the total of an account's order, else what shall be open. */
export interface Replace {
  readonly id: string;
  readonly owner: string;
  readonly price: string;
  readonly quantity: string;
  /** Of an account's order, see `ReplaceOrder`. */
  readonly budget?: string;
}

/** Judges a replace for a symbol that trades: the order leaves the book and comes in again. */
export function judgeReplace(venue: Venue, replace: Replace): Judged | Refused {
  const { instrument } = listingOf(venue.state);
  const { book } = venue.state;
  const order = book.get(replace.id);
  if (!order || order.owner !== replace.owner) return refused('order/unknown');
  const price = instrument.priceTicks(replace.price);
  if (typeof price === 'string') return refused(price);
  const quantity = instrument.lots(replace.quantity);
  if (typeof quantity === 'string') return refused(quantity);
  const { protectionPrice, postOnly, traded } = order.detail;
  if (protectionPrice !== undefined && price > protectionPrice) {
    return refused('order/above-protection');
  }
  const open = order.owner === '' ? quantity : quantity - traded;
  if (open <= 0) return refused('order/too-late');
  if (replace.budget !== undefined && order.side === 'buy') {
    const most = mostPaid(instrument, order, { price, quantity: open });
    if (most > instrument.quoteUnits(replace.budget)) return refused('account/insufficient-funds');
  }
  if (postOnly && book.crosses(order.side, price)) return refused('order/would-cross');
  const entered = enter(venue, reentry(order, price, open));
  const texts = { orderId: order.id, price: instrument.priceText(price) };
  return judged(entered, [
    { type: 'replacing', ...texts, quantity: instrument.quantityText(open) },
    ...eventsOf(entered),
    { type: 'replaced', ...texts, quantity: instrument.quantityText(quantity) },
    ...listOf(entered.canceled),
  ]);
}

/**
 * What a buy will have paid in all if its new rest trades at the worst: exact, and rounded once. The
 * account's budget was enough when it asked; but fills that overtook the replace, at the old, higher
 * price, may since have used up what a larger total at the new one needs. A sell needs no such
 * judgement: it takes its quantity, whatever the price, and its budget covers the new total.
 */
function mostPaid(
  { bookedAmount, exactAmount }: Instrument,
  { side, detail }: Order,
  rest: { readonly price: number; readonly quantity: number },
): Units {
  const price = detail.protectionPrice ?? rest.price;
  const exact = exactAmount({ side, role: 'taker', price, quantity: rest.quantity });
  return bookedAmount(side, detail.exact + exact);
}

const reentry = (order: Order, price: number, quantity: number): Entry => ({
  id: order.id,
  side: order.side,
  timeInForce: 'GTC',
  price,
  limit: price,
  quantity,
  owner: order.owner,
  selfTradePrevention: order.detail.selfTradePrevention,
  exact: order.detail.exact,
});

const judged = (entered: Entered, events: readonly SymbolEvent[]): Judged => ({
  kind: 'judged',
  ...entered,
  events,
});

const eventsOf = (entered: Entered): SymbolEvent[] => entered.met.map(({ event }) => event);

const listOf = (event: CanceledEvent | undefined): CanceledEvent[] => (event ? [event] : []);
