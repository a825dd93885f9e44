/**
 * An open order as its account keeps it: how much it has traded and what it holds.
 *
 * Invariants, with prices in ticks, quantities in lots and money in minor units:
 * O1 0 ≤ cumQuantity ≤ quantity; an order whose cumQuantity is its quantity is not open.
 * O2 `standing` is enough for the rest of the order as it stands: a buy's fills so far have cost
 *    taken = ⌈Σ price × quantity × (1 + fee)⌉ exactly, and what the rest can still add to that sum
 *    before it is rounded, it can add to the rounded one, or less: ⌈a + b⌉ ≤ ⌈a⌉ + ⌈b⌉.
 * O3 The account's held balance contains for it max(standing, budget − taken of each unanswered
 *    replace). No budget is below an earlier one's, so that is the last one's, or, when no replace
 *    is unanswered, standing.
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
  /** What its fills have taken from its hold so far. */
  taken: Units;
  standing: Units;
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
  /**
   * What the order may take in all, what it took before included, once the symbol has replaced it.
   * The symbol refuses a replace for which fills that overtook it have left too little.
   */
  readonly budget: Units;
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
  'cumQuantity' | 'ticksTimesLots' | 'fills' | 'taken' | 'replaces'
>;

/** An order that was just placed. */
export const newOrder = (order: NewOrder): OpenOrder => ({
  ...order,
  cumQuantity: 0,
  ticksTimesLots: 0n,
  fills: [],
  taken: 0n,
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

/**
 * A report as the event of this type carries it, whose own `type` that is. Field by field: taking
 * the report apart and spreading it took ten times as long, five times an order.
 */
export function reportEvent<Type extends string>(
  type: Type,
  report: ExecutionReport,
): ReportInEvent & { readonly type: Type } {
  return {
    type,
    orderType: report.type,
    orderId: report.orderId,
    clOrdId: report.clOrdId,
    symbol: report.symbol,
    side: report.side,
    timeInForce: report.timeInForce,
    price: report.price,
    ordStatus: report.ordStatus,
    orderQty: report.orderQty,
    cumQty: report.cumQty,
    leavesQty: report.leavesQty,
    avgPx: report.avgPx,
    ...(report.reason !== undefined && { reason: report.reason }),
    time: report.time,
    fills: report.fills,
  };
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

/** What the account's held balance contains for an order (O3). */
export function heldBy({ standing, taken, replaces }: OpenOrder): Units {
  const last = replaces.at(-1);
  return last ? last.budget - taken : standing;
}

/** The budget of a new replace: the larger of what the order holds and what the new one needs. */
export const budgetOf = (order: OpenOrder, price: number, quantity: number): Units =>
  order.taken + larger(heldBy(order), holdOf(order, price, quantity - order.cumQuantity));

/** Books fills on an order; returns what they take from its hold, whatever it is, and bring. */
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
  order.taken += taken;
  order.standing -= taken;
  order.fills = [...order.fills, ...fills].slice(-fillsKept);
  if (order.cumQuantity > order.quantity || order.standing < 0n) {
    throw new Error(`order ${order.orderId} traded more than it has and holds`);
  }
  return { taken, received };
}

/**
 * The symbol has replaced the order: it goes on under the new clOrdId with what the rest needs.
 * Rounding up twice, before and after a fill, may ask for a unit more than the budget has left;
 * the symbol has checked the sum, rounded once, so what is left is enough (O2).
 */
export function bookReplaced(order: OpenOrder, replace: Replace): void {
  order.clOrdId = replace.clOrdId;
  order.price = replace.price;
  order.quantity = replace.quantity;
  const rest = holdOf(order, order.price, order.quantity - order.cumQuantity);
  order.standing = smaller(rest, replace.budget - order.taken);
  forgetReplace(order, replace);
}

/** A replace is answered: its budget no longer counts. */
export function forgetReplace(order: OpenOrder, replace: Replace): void {
  order.replaces = order.replaces.filter((other) => other !== replace);
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

const smaller = (a: Units, b: Units): Units => (a < b ? a : b);

/** The price that a hold is computed at; a market sell has none and needs none. */
const dearest = (order: Pick<OpenOrder, 'protectionPrice'>, price: number | undefined): number =>
  order.protectionPrice ?? price ?? 0;
