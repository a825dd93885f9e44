import { z } from 'zod';

export const Side = z.enum(['buy', 'sell']);
export type Side = z.infer<typeof Side>;

export const OrderType = z.enum(['limit', 'market']);
export type OrderType = z.infer<typeof OrderType>;

/** Good till cancelled; immediate or cancel; fill or kill. */
export const TimeInForce = z.enum(['GTC', 'IOC', 'FOK']);
export type TimeInForce = z.infer<typeof TimeInForce>;

export const SelfTradePrevention = z.enum(['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH', 'NONE']);
export type SelfTradePrevention = z.infer<typeof SelfTradePrevention>;

export const OrdStatus = z.enum([
  'New',
  'PartiallyFilled',
  'Filled',
  'Canceled',
  'Replaced',
  'Rejected',
  'Expired',
]);
export type OrdStatus = z.infer<typeof OrdStatus>;

/** One trade as one of its two sides sees it; `amount` is the quote booked, fee included. */
export const Fill = z.strictObject({
  execId: z.string(),
  price: z.string(),
  quantity: z.string(),
  amount: z.string(),
  liquidity: z.enum(['maker', 'taker']),
});
export type Fill = z.infer<typeof Fill>;

/**
 * The state of an order in FIX's terms; orderQty = cumQty + leavesQty + what was cancelled.
 * `price` is null for a market order; `time` is milliseconds since 1970.
 */
export const ExecutionReport = z.strictObject({
  orderId: z.string(),
  clOrdId: z.string(),
  symbol: z.string(),
  side: Side,
  type: OrderType,
  timeInForce: TimeInForce,
  price: z.string().nullable(),
  ordStatus: OrdStatus,
  orderQty: z.string(),
  cumQty: z.string(),
  leavesQty: z.string(),
  avgPx: z.string(),
  reason: z.string().exactOptional(),
  time: z.number().int(),
  fills: z.array(Fill),
});
export type ExecutionReport = z.infer<typeof ExecutionReport>;
