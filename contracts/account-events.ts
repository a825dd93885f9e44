import { z } from 'zod';
import { ExecutionReport } from './execution-report.ts';
import { holdEvents, holdEventsInternal } from './hold.ts';
import { MarketTerms } from './symbol.ts';
import { reversalEvents, reversalEventsInternal } from './reversal.ts';
import { transferEvents, transferEventsInternal } from './transfer.ts';

const cash = { asset: z.string(), amount: z.string(), reference: z.string().optional() };
const { type: orderType, ...rest } = ExecutionReport.shape;
const report = { orderType, ...rest };

/**
 * What happened to an account. Order events carry the order's execution report with the fills of
 * that event; the report's `type` is called `orderType` here, since an event's `type` is its own.
 */
export const AccountEvent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('deposited'), ...cash }),
  z.strictObject({ type: z.literal('withdrawn'), ...cash }),
  ...holdEvents,
  z.strictObject({ type: z.literal('order-accepted'), ...report }),
  z.strictObject({ type: z.literal('order-traded'), ...report }),
  z.strictObject({ type: z.literal('order-canceled'), ...report }),
  z.strictObject({ type: z.literal('order-rejected'), ...report }),
  /** The report is that of the new clOrdId; `origClOrdId` is `Replaced` from here on. */
  z.strictObject({ type: z.literal('order-replaced'), origClOrdId: z.string(), ...report }),
  z.strictObject({ type: z.literal('frozen') }),
  z.strictObject({ type: z.literal('unfrozen') }),
  z.strictObject({ type: z.literal('closed') }),

  // From here on: bookkeeping of requests under way, in the log but not published.

  /** The first order for a symbol; its definition never changes. */
  z.strictObject({ type: z.literal('symbol-met'), symbol: z.string(), ...MarketTerms.shape }),
  /** `hold` is what the order holds from here on. */
  z.strictObject({
    type: z.literal('order-placed'),
    ...report,
    protectionPrice: z.string().optional(),
    hold: z.string(),
  }),
  /** `budget` is what the order may take in all; less what it took, it is held until the answer. */
  z.strictObject({
    type: z.literal('replace-requested'),
    request: z.string(),
    orderId: z.string(),
    clOrdId: z.string(),
    price: z.string(),
    quantity: z.string(),
    budget: z.string(),
  }),
  z.strictObject({ type: z.literal('replace-refused'), request: z.string() }),
  z.strictObject({
    type: z.literal('cancel-all-requested'),
    request: z.string(),
    orders: z.number().int(),
  }),
  z.strictObject({
    type: z.literal('cancel-all-answered'),
    request: z.string(),
    canceled: z.boolean(),
  }),
  ...holdEventsInternal,

  ...transferEvents,
  ...reversalEvents,
]);
export type AccountEvent = z.infer<typeof AccountEvent>;

/** The events of an account that stay in the log. */
export const accountEventsInternal = [
  'symbol-met',
  'order-placed',
  'replace-requested',
  'replace-refused',
  'cancel-all-requested',
  'cancel-all-answered',
  ...transferEventsInternal,
  ...reversalEventsInternal,
  'capture-requested',
  'capture-refused',
] as const satisfies readonly AccountEvent['type'][];
