/**
 * What accounts and symbols say to each other about orders: the account holds the money and asks,
 * the symbol matches and tells both sides what happened.
 */
import type {
  Fill,
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../contracts/execution-report.ts';

/** From an account to a symbol; `request` is the id of the command that waits for the answer. */
export type OrderRequest =
  | { readonly name: 'submit-order'; readonly body: SubmitOrder }
  | { readonly name: 'cancel-order'; readonly body: CancelOrder }
  | { readonly name: 'replace-order'; readonly body: ReplaceOrder };

export type SubmitOrder = {
  readonly request: string;
  /** The id of the account (without its type), which owns the order. */
  readonly account: string;
  /** Made by the account, unique in the cluster; it stays through replaces. */
  readonly orderId: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly price?: string;
  readonly quantity: string;
  readonly postOnly?: boolean;
  readonly protectionPrice?: string;
  readonly selfTradePrevention: SelfTradePrevention;
};

export type CancelOrder = {
  readonly request: string;
  readonly account: string;
  readonly orderId: string;
};

/**
 * `quantity` is FIX's total: what was traded before counts towards it. So it does towards `budget`,
 * the most that the order may take in all of the asset that it holds, at that asset's scale: more
 * than that its account has not set aside.
 */
export type ReplaceOrder = {
  readonly request: string;
  readonly account: string;
  readonly orderId: string;
  readonly price: string;
  readonly quantity: string;
  readonly budget: string;
};

/** From a symbol to an account: everything that one command did to one order, in order. */
export type OrderUpdate = {
  readonly name: 'order-update';
  readonly body: {
    readonly orderId: string;
    /** The request this answers; absent when another's order caused it (a maker's fill). */
    readonly request?: { readonly kind: 'place' | 'cancel' | 'replace'; readonly id: string };
    readonly steps: readonly OrderStep[];
  };
};

export type OrderStep =
  | { readonly kind: 'accepted' }
  /** The order was replaced: its new price, and its new total quantity. Fills of the new price follow. */
  | { readonly kind: 'replaced'; readonly price: string; readonly quantity: string }
  | { readonly kind: 'traded'; readonly fills: readonly Fill[] }
  /** `quantity` is what was cancelled. */
  | { readonly kind: 'canceled'; readonly reason: string; readonly quantity: string }
  /** The request was refused; of a place that means the order never was. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** What a symbol replicates to every partition, so that accounts can judge an order before it leaves. */
export type SymbolReference = {
  readonly base: string;
  readonly quote: string;
  readonly tickSize: string;
  readonly lotSize: string;
  readonly makerFee: string;
  readonly takerFee: string;
  readonly settlement: 'accounts' | 'none';
  readonly status: 'trading' | 'halted';
};
