/** What happens to a symbol, as its log keeps it. Prices and quantities are the wire's strings. */
import { z } from 'zod';
import { OrderType, SelfTradePrevention, Side, TimeInForce } from './execution-report.ts';
import { Definition } from './symbol.ts';

/**
 * Why an order, or what was left of it, was cancelled:
 * - `requested`: by its owner;
 * - `immediate-or-cancel`: the rest of an IOC order, of a market order too, found no counterpart;
 * - `fill-or-kill`: it could not trade in full at once, and so did not trade at all;
 * - `self-trade`: it met an order of the same account, and self-trade prevention ended it;
 * - `trade-limit`: one command trades with so many orders and no more.
 */
export const CancelReason = z.enum([
  'requested',
  'immediate-or-cancel',
  'fill-or-kill',
  'self-trade',
  'trade-limit',
]);
export type CancelReason = z.infer<typeof CancelReason>;

/** `price` is null for a market order; the last three fields are those of an account's order. */
export const AcceptedEvent = z.strictObject({
  type: z.literal('accepted'),
  orderId: z.string(),
  side: Side,
  orderType: OrderType,
  timeInForce: TimeInForce,
  price: z.string().nullable(),
  quantity: z.string(),
  postOnly: z.literal(true).optional(),
  account: z.string().optional(),
  selfTradePrevention: SelfTradePrevention.optional(),
  protectionPrice: z.string().optional(),
});
export type AcceptedEvent = z.infer<typeof AcceptedEvent>;

/** `side` is the taker's; the amounts are what each side books in quote, its fee included. */
export const TradeEvent = z.strictObject({
  type: z.literal('trade'),
  execId: z.string(),
  price: z.string(),
  quantity: z.string(),
  side: Side,
  makerOrderId: z.string(),
  takerOrderId: z.string(),
  at: z.string(),
  makerAmount: z.string().optional(),
  takerAmount: z.string().optional(),
});
export type TradeEvent = z.infer<typeof TradeEvent>;

/** `price` is the order's own, `quantity` what was cancelled. */
export const CanceledEvent = z.strictObject({
  type: z.literal('canceled'),
  orderId: z.string(),
  price: z.string().nullable(),
  quantity: z.string(),
  reason: CancelReason,
});
export type CanceledEvent = z.infer<typeof CanceledEvent>;

/**
 * The events of a symbol. Those of a command stand in the order of its reports: accepted, trades,
 * cancellation; of a replace: replacing, trades, replaced, cancellation.
 */
export const SymbolEvent = z.discriminatedUnion('type', [
  Definition.extend({ type: z.literal('listed') }),
  z.strictObject({ type: z.literal('halted') }),
  z.strictObject({ type: z.literal('resumed') }),
  AcceptedEvent,
  TradeEvent,
  CanceledEvent,
  /** An order leaves the book to match at a new price; `quantity` is the open one. Internal. */
  z.strictObject({
    type: z.literal('replacing'),
    orderId: z.string(),
    price: z.string(),
    quantity: z.string(),
  }),
  /** What the trades of the new price left of it is in the book again; `quantity` as requested. */
  z.strictObject({
    type: z.literal('replaced'),
    orderId: z.string(),
    price: z.string(),
    quantity: z.string(),
  }),
  /** The definition of this version goes to all partitions; `request` waits for it. Internal. */
  z.strictObject({
    type: z.literal('replicating'),
    version: z.number().int(),
    status: z.enum(['trading', 'halted']),
    partitions: z.number().int(),
    request: z.string(),
  }),
  /** One more command waits for the same. Internal. */
  z.strictObject({
    type: z.literal('replication-joined'),
    version: z.number().int(),
    request: z.string(),
  }),
  /** One more partition has that version. Internal. */
  z.strictObject({ type: z.literal('replication-confirmed'), version: z.number().int() }),
]);
export type SymbolEvent = z.infer<typeof SymbolEvent>;

/** Events that are of no use outside and stay in the log. */
export const internalSymbolEvents = [
  'replacing',
  'replicating',
  'replication-joined',
  'replication-confirmed',
] as const satisfies readonly SymbolEvent['type'][];
