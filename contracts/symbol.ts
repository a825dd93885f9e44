import { z } from 'zod';
import { OrderType, Side, TimeInForce } from './execution-report.ts';
import { Asset, IdText } from './ids.ts';
import { Decimal } from './money.ts';

/** How a symbol is listed; rates are shares of one, so `"0.001"` is 0.1 %. */
export const Definition = z.strictObject({
  base: Asset,
  quote: Asset,
  tickSize: Decimal,
  lotSize: Decimal,
  makerFee: Decimal.optional(),
  takerFee: Decimal.optional(),
  settlement: z.enum(['accounts', 'none']),
});
export type Definition = z.infer<typeof Definition>;

/** What of a listed symbol never changes and accounts must know to keep their orders; fees as given or `"0"`. */
export const MarketTerms = z.strictObject({
  base: z.string(),
  quote: z.string(),
  tickSize: z.string(),
  lotSize: z.string(),
  makerFee: z.string(),
  takerFee: z.string(),
});
export type MarketTerms = z.infer<typeof MarketTerms>;

/** Every command of a symbol; submit, cancel and replace only where settlement is `none`. */
export const SymbolCommand = z.discriminatedUnion('name', [
  Definition.extend({ name: z.literal('list') }),
  z.strictObject({ name: z.literal('halt') }),
  z.strictObject({ name: z.literal('resume') }),
  z.strictObject({
    name: z.literal('submit'),
    orderId: IdText,
    side: Side,
    type: OrderType,
    timeInForce: TimeInForce,
    price: Decimal.optional(),
    quantity: Decimal,
    postOnly: z.boolean().optional(),
  }),
  z.strictObject({ name: z.literal('cancel'), orderId: IdText }),
  z.strictObject({
    name: z.literal('replace'),
    orderId: IdText,
    price: Decimal,
    quantity: Decimal,
  }),
]);
export type SymbolCommand = z.infer<typeof SymbolCommand>;

export const SymbolStatus = z.enum(['none', 'trading', 'halted']);
export type SymbolStatus = z.infer<typeof SymbolStatus>;

/** What a matching command did, in the order in which it happened; a market order's price is null. */
export const Report = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('accepted'),
    orderId: z.string(),
    price: z.string().nullable(),
    quantity: z.string(),
  }),
  z.strictObject({
    type: z.literal('trade'),
    price: z.string(),
    quantity: z.string(),
    makerOrderId: z.string(),
    takerOrderId: z.string(),
  }),
  z.strictObject({
    type: z.literal('canceled'),
    orderId: z.string(),
    price: z.string().nullable(),
    quantity: z.string(),
    reason: z.string(),
  }),
  z.strictObject({
    type: z.literal('replaced'),
    orderId: z.string(),
    price: z.string(),
    quantity: z.string(),
  }),
]);
export type Report = z.infer<typeof Report>;

const Status = z.strictObject({ status: SymbolStatus });
const Reports = z.strictObject({ reports: z.array(Report) });

/** What each command answers when it succeeds. */
export const SymbolResult = {
  list: Status,
  halt: Status,
  resume: Status,
  submit: Reports,
  cancel: Reports,
  replace: Reports,
} as const satisfies Record<SymbolCommand['name'], z.ZodType>;

const Level = z.tuple([z.string(), z.string()]);

export const Trade = z.strictObject({
  execId: z.string(),
  price: z.string(),
  quantity: z.string(),
  side: Side,
  at: z.string(),
});
export type Trade = z.infer<typeof Trade>;

/** The body of each query, and what it answers. */
export const SymbolQuery = {
  book: {
    body: z.strictObject({ depth: z.number().int().min(1).max(1_000).optional() }),
    result: z.strictObject({
      sequence: z.number().int(),
      bids: z.array(Level),
      asks: z.array(Level),
    }),
  },
  trades: {
    body: z.strictObject({ limit: z.number().int().min(1).max(500).optional() }),
    result: z.strictObject({ trades: z.array(Trade) }),
  },
  fees: {
    body: z.strictObject({}),
    result: z.strictObject({ fees: z.record(z.string(), z.string()) }),
  },
  definition: { body: z.strictObject({}), result: Definition },
} as const;
