/**
 * An open order as its account keeps it: how much it has traded and what it holds.
 *
 * Invariants, with prices in ticks, quantities in lots and money in minor units:
 * O1 0 ≤ cumQuantity ≤ quantity; an order whose cumQuantity is its quantity is not open.
 * O2 0 ≤ standing ≤ hold. `standing` pays for the rest of the order as it stands; `hold` is what
 *    the account's held balance really contains for it: more while replaces are unanswered.
 * O3 hold = standing when no replace is unanswered.
 */
import type {
  ExecutionReport,
  Fill,
  OrderType,
  Side,
  TimeInForce,
} from '../contracts/execution-report.ts';
import { parseUnits, type Units } from '../contracts/money.ts';
import type { Market } from './account-market.ts';

export interface OpenOrder {
  /** The account's n-th order: the order of placing. */
  readonly n: number;
  readonly orderId: string;
  readonly symbol: string;
  readonly market: Market;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly protectionPrice: number | undefined;
  clOrdId: string;
  /** Absent of a market order. */
  price: number | undefined;
  quantity: number;
  cumQuantity: number;
  /** Σ price × quantity of all fills, for the average price. */
  ticksTimesLots: bigint;
  /** The latest, at most `fillsKept`. */
  fills: readonly Fill[];
  time: number;
  standing: Units;
  hold: Units;
  /** Unanswered, in the order in which they were sent, which is that of their answers. */
  replaces: readonly Replace[];
}

/** An unanswered replace; `quantity` is the new total. */
export interface Replace {
  readonly request: string;
  readonly orderId: string;
  readonly clOrdId: string;
  readonly price: number;
  readonly quantity: number;
}

/** How an order ended, or, for `Replaced`, how a clOrdId did. */
export interface Ending {
  readonly ordStatus: 'Canceled' | 'Rejected' | 'Replaced';
  readonly reason?: string;
}

/** How many of an order's fills the `order` query can still show. */
export const fillsKept = 100;

/** What an order is when it is placed. */
export type NewOrder = Omit<
  OpenOrder,
  'cumQuantity' | 'ticksTimesLots' | 'fills' | 'standing' | 'replaces'
>;

/** An order that was just placed. */
export const newOrder = (order: NewOrder): OpenOrder => ({
  ...order,
  cumQuantity: 0,
  ticksTimesLots: 0n,
  fills: [],
  standing: order.hold,
  replaces: [],
});

/** The execution report of an order that is open, has just filled, or ended as said. */
export function reportOf(
  order: OpenOrder,
  fills: readonly Fill[],
  ending?: Ending,
): ExecutionReport {
  const { instrument } = order.market;
  const leaves = ending ? 0 : order.quantity - order.cumQuantity;
  return {
    orderId: order.orderId,
    clOrdId: order.clOrdId,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    timeInForce: order.timeInForce,
    price: order.price === undefined ? null : instrument.priceText(order.price),
    ordStatus: ending?.ordStatus ?? openStatus(order),
    orderQty: instrument.quantityText(order.quantity),
    cumQty: instrument.quantityText(order.cumQuantity),
    leavesQty: instrument.quantityText(leaves),
    avgPx: instrument.averagePrice(order.ticksTimesLots, order.cumQuantity),
    ...(ending?.reason !== undefined && { reason: ending.reason }),
    time: order.time,
    fills: [...fills],
  };
}

/** A report as events carry it: an event's `type` is its own. */
export function inEvent({ type, ...rest }: ExecutionReport): ReportInEvent {
  return { orderType: type, ...rest };
}

/** The report that an event carries; its fields in the order in which every report has them. */
export const reportIn = (event: ReportInEvent): ExecutionReport => ({
  orderId: event.orderId,
  clOrdId: event.clOrdId,
  symbol: event.symbol,
  side: event.side,
  type: event.orderType,
  timeInForce: event.timeInForce,
  price: event.price,
  ordStatus: event.ordStatus,
  orderQty: event.orderQty,
  cumQty: event.cumQty,
  leavesQty: event.leavesQty,
  avgPx: event.avgPx,
  ...(event.reason !== undefined && { reason: event.reason }),
  time: event.time,
  fills: event.fills,
});

type ReportInEvent = Omit<ExecutionReport, 'type'> & { readonly orderType: OrderType };

/** The asset that an order holds: a buy the quote, a sell the base. */
export const assetHeld = ({ side, market }: OpenOrder): string =>
  side === 'buy' ? market.terms.quote : market.terms.base;

/** The scale of that asset. */
export const scaleHeld = ({ side, market }: Pick<OpenOrder, 'side' | 'market'>): number =>
  side === 'buy' ? market.quoteScale : market.baseScale;

/** The asset that its fills bring. */
export const assetReceived = ({ side, market }: OpenOrder): string =>
  side === 'buy' ? market.terms.base : market.terms.quote;

/** What a new order has to hold; a buy at its protectionPrice, if it has one. */
export function holdOf(
  order: Pick<OpenOrder, 'side' | 'market' | 'protectionPrice'>,
  price: number | undefined,
  quantity: number,
): Units {
  return order.market.instrument.holdFor(order.side, dearest(order, price), quantity);
}

/**
 * What an order has to hold once this replace is sent, too: enough for whatever may trade before
 * it arrives, then for the rest at the new price. Up to min(old, new total) each lot costs at most
 * the dearer price; a lot beyond the old totals can only trade at the new one. For a replace at
 * no lower price, or to no larger total, that is the larger of the old hold and the new; a larger
 * total at a lower price may first trade all of the old at the old price, and so needs both.
 */
export function holdWithReplace(order: OpenOrder, replace: Replace): Units {
  const before = widest(order);
  const cumulated = order.cumQuantity;
  if (dearest(order, replace.price) >= before.price) {
    return larger(order.hold, holdOf(order, replace.price, replace.quantity - cumulated));
  }
  const shared = Math.min(before.quantity, replace.quantity) - cumulated;
  const beyond = Math.max(0, replace.quantity - before.quantity);
  const dearer = holdOf(order, before.price, shared);
  return larger(order.hold, dearer + holdOf(order, replace.price, beyond));
}

/** Books fills on an order; returns what they take from its hold and what they bring. */
export function bookFills(
  order: OpenOrder,
  fills: readonly Fill[],
): { taken: Units; received: Units } {
  const { instrument, quoteScale } = order.market;
  let lots = 0;
  let amount = 0n;
  for (const fill of fills) {
    const quantity = known(instrument.lots(fill.quantity));
    lots += quantity;
    order.ticksTimesLots += BigInt(known(instrument.priceTicks(fill.price))) * BigInt(quantity);
    amount += known(parseUnits(fill.amount, quoteScale));
  }
  const base = instrument.baseUnits(lots);
  const [taken, received] = order.side === 'buy' ? [amount, base] : [base, amount];
  order.cumQuantity += lots;
  order.standing -= taken;
  order.hold -= taken;
  order.fills = [...order.fills, ...fills].slice(-fillsKept);
  if (order.cumQuantity > order.quantity || order.standing < 0n) {
    throw new Error(`order ${order.orderId} traded more than it has and holds`);
  }
  return { taken, received };
}

/** The symbol has replaced the order: it goes on under the new clOrdId with what the rest needs. */
export function bookReplaced(order: OpenOrder, replace: Replace): void {
  order.clOrdId = replace.clOrdId;
  order.price = replace.price;
  order.quantity = replace.quantity;
  const rest = holdOf(order, order.price, order.quantity - order.cumQuantity);
  // Rounding up twice, before and after a fill, may ask for a unit more than is there or needed.
  order.standing = rest < order.hold ? rest : order.hold;
  forgetReplace(order, replace);
}

/** A replace is answered: the order holds no more than what it and the other replaces may need. */
export function forgetReplace(order: OpenOrder, replace: Replace): void {
  order.replaces = order.replaces.filter((other) => other !== replace);
  if (order.replaces.length === 0) {
    order.hold = order.standing;
    return;
  }
  const { price, quantity } = widest(order);
  const most = larger(order.standing, holdOf(order, price, quantity - order.cumQuantity));
  if (most < order.hold) order.hold = most;
}

/** What a step of our own log or of a symbol was checked to be before it was written. */
export function known<T extends number | bigint>(parsed: T | string | undefined): T {
  if (parsed === undefined || typeof parsed === 'string') {
    throw new Error(`a number was expected in a record: ${parsed ?? 'too precise'}`);
  }
  return parsed;
}

const openStatus = ({ cumQuantity, quantity }: OpenOrder): ExecutionReport['ordStatus'] => {
  if (cumQuantity === quantity) return 'Filled';
  return cumQuantity === 0 ? 'New' : 'PartiallyFilled';
};

const larger = (a: Units, b: Units): Units => (a > b ? a : b);

/** The price that a hold is computed at; a market sell has none and needs none. */
const dearest = (order: Pick<OpenOrder, 'protectionPrice'>, price: number | undefined): number =>
  order.protectionPrice ?? price ?? 0;

/** The dearest price and the largest total that the order and its unanswered replaces have. */
function widest(order: OpenOrder): { price: number; quantity: number } {
  let price = dearest(order, order.price);
  let quantity = order.quantity;
  for (const replace of order.replaces) {
    price = Math.max(price, dearest(order, replace.price));
    quantity = Math.max(quantity, replace.quantity);
  }
  return { price, quantity };
}
