/**
 * What accounts and symbols say to each other about orders: the account holds the money and asks,
 * the symbol matches and tells both sides what happened. Messages are parsed where they arrive.
 */
import { z } from 'zod';
import {
  Fill,
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../contracts/execution-report.ts';
import { IdText } from '../contracts/ids.ts';
import { Decimal } from '../contracts/money.ts';
import { Definition, MarketTerms } from '../contracts/symbol.ts';

/** What an account may set aside can have more digits than any one amount on the wire. */
const Amount = z.string().regex(/^\d+(\.\d+)?$/);

const requester = {
  /** The id of the command that waits for the answer. */
  request: z.string(),
  /** The id of the account (without its type), which owns the order. */
  account: IdText,
  /** Made by the account, unique in the cluster; it stays through replaces. */
  orderId: IdText,
};

/** From an account to a symbol. */
export const OrderRequest = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('submit-order'),
    body: z.strictObject({
      ...requester,
      side: Side,
      type: OrderType,
      timeInForce: TimeInForce,
      price: Decimal.exactOptional(),
      quantity: Decimal,
      postOnly: z.boolean().exactOptional(),
      protectionPrice: Decimal.exactOptional(),
      selfTradePrevention: SelfTradePrevention,
    }),
  }),
  z.strictObject({ name: z.literal('cancel-order'), body: z.strictObject(requester) }),
  z.strictObject({
    name: z.literal('replace-order'),
    body: z.strictObject({
      ...requester,
      price: Decimal,
      /** FIX's total: what was traded before counts towards it. */
      quantity: Decimal,
      /**
       * The most that the order may take in all of the asset that it holds, at that asset's scale,
       * what it took before included: more than that its account has not set aside.
       */
      budget: Amount,
    }),
  }),
]);
export type OrderRequest = z.infer<typeof OrderRequest>;

/** One thing that a symbol did to an order. */
export const OrderStep = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('accepted') }),
  /** Its new price, and its new total quantity. Fills of the new price follow. */
  z.strictObject({ kind: z.literal('replaced'), price: z.string(), quantity: z.string() }),
  z.strictObject({ kind: z.literal('traded'), fills: z.array(Fill) }),
  /** `quantity` is what was cancelled. */
  z.strictObject({ kind: z.literal('canceled'), reason: z.string(), quantity: z.string() }),
  /** The request was refused; of a place that means the order never was. */
  z.strictObject({ kind: z.literal('refused'), code: z.string(), message: z.string() }),
]);
export type OrderStep = z.infer<typeof OrderStep>;

/** From a symbol to an account: everything that one command did to one order, in order. */
export const OrderUpdate = z.strictObject({
  orderId: z.string(),
  /** The request this answers; absent when another's order caused it (a maker's fill). */
  request: z
    .strictObject({ kind: z.enum(['place', 'cancel', 'replace']), id: z.string() })
    .exactOptional(),
  steps: z.array(OrderStep),
});
export type OrderUpdate = z.infer<typeof OrderUpdate>;

/** What a symbol replicates to every partition, so that accounts can judge an order before it leaves. */
export const SymbolReference = MarketTerms.extend({
  settlement: Definition.shape.settlement,
  status: z.enum(['trading', 'halted']),
});
export type SymbolReference = z.infer<typeof SymbolReference>;
