/**
 * What an account knows. The maps are changed in place, by its evolution alone: judgement and
 * queries only read them.
 *
 * Invariants:
 * A1 available ≥ 0 and held ≥ 0, per asset.
 * A2 held = Σ of what the open orders and the open holds hold of this asset + Σ amounts of undecided
 *    transfers of it.
 * A3 orderIds names exactly the open orders' clOrdIds and those of unanswered replaces.
 * A4 no clOrdId is in both orderIds and closedOrders, but that of an unanswered replace may be
 *    there as `Rejected` from an earlier place.
 */
import type { ExecutionReport } from '../contracts/execution-report.ts';
import { tenTo } from '../contracts/money.ts';
import type { OpenOrder, Replace } from './account-order.ts';
import type { Market } from './account-market.ts';
import { Balances, type Balance } from './balances.ts';
import { emptyHolds, type HoldBook } from './holds/book.ts';
import { emptyReversals, type ReversalBook } from './reversals/book.ts';
import { emptyBook, type TransferBook } from './transfers/book.ts';

export interface AccountContext {
  readonly balances: Balances;
  /** The symbols that the account has ordered at. */
  readonly markets: ReadonlyMap<string, Market>;
  /** By orderId, in the order of placing. An order is open from its placing, before the answer. */
  readonly orders: ReadonlyMap<string, OpenOrder>;
  /** clOrdId → orderId, of open orders and of unanswered replaces. */
  readonly orderIds: ReadonlyMap<string, string>;
  /** By clOrdId, oldest first, at most `closedOrdersKept`. */
  readonly closedOrders: ReadonlyMap<string, ClosedOrder>;
  /** Unanswered, by request. */
  readonly replaces: ReadonlyMap<string, Replace>;
  /** Unanswered, by request. */
  readonly cancelAlls: ReadonlyMap<string, CancelAll>;
  /** Absent of an account that never had to do with a transfer. */
  transfers: TransferBook | undefined;
  /** Absent of an account that never held anything but for orders. */
  holds: HoldBook | undefined;
  /** Absent of an account that has reversed nothing. */
  reversals: ReversalBook | undefined;
  /** How many orderIds the account has given out. */
  ordersNumbered: number;
}

/**
 * An account that has had to do with orders. Six maps take 1.2 KB; the many accounts that only keep
 * money share six that stay empty.
 */
export interface TradingAccount extends AccountContext {
  markets: Map<string, Market>;
  orders: Map<string, OpenOrder>;
  orderIds: Map<string, string>;
  closedOrders: Map<string, ClosedOrder>;
  replaces: Map<string, Replace>;
  cancelAlls: Map<string, CancelAll>;
}

/** An order that is closed never changes again and is seldom asked for, but stands in every snapshot. */
export interface ClosedOrder {
  readonly rejected: boolean;
  /** The JSON text of its report. */
  readonly text: string;
}

/** What is kept of an order that is closed. */
export const closedOrder = (report: ExecutionReport): ClosedOrder => ({
  rejected: report.ordStatus === 'Rejected',
  text: JSON.stringify(report),
});

export interface CancelAll {
  unanswered: number;
  canceled: number;
}

/** How many closed orders the `order` query and the check for duplicates reach back. */
export const closedOrdersKept = 1_000;

/** The most that an account may have of one asset, in minor units: no deposit is that absurd. */
export const unitsMax = tenTo(45);

/** So that a balance always fits a reply. */
const assetsMax = 1_000;

const none: ReadonlyMap<string, never> = new Map<string, never>();

/** An account that nothing has happened to yet. */
export const emptyAccount = (): AccountContext => ({
  balances: new Balances(),
  markets: none,
  orders: none,
  orderIds: none,
  closedOrders: none,
  replaces: none,
  cancelAlls: none,
  transfers: undefined,
  holds: undefined,
  reversals: undefined,
  ordersNumbered: 0,
});

/** The account, with maps of its own from now on. */
export function trading(account: AccountContext): TradingAccount {
  if (isTrading(account)) return account;
  return Object.assign(account, {
    markets: new Map(),
    orders: new Map(),
    orderIds: new Map(),
    closedOrders: new Map(),
    replaces: new Map(),
    cancelAlls: new Map(),
  });
}

/** The account's transfers, with a book of their own from now on. */
export const transfersOf = (account: AccountContext): TransferBook =>
  (account.transfers ??= emptyBook());

/** The account's holds, with a book of their own from now on. */
export const holdsOf = (account: AccountContext): HoldBook => (account.holds ??= emptyHolds());

/** The account's reversals, with a book of their own from now on. */
export const reversalsOf = (account: AccountContext): ReversalBook =>
  (account.reversals ??= emptyReversals());

/** Whether it ever had to do with orders. */
export const isTrading = (account: AccountContext): account is TradingAccount =>
  account.orders !== none;

const nothing: Readonly<Balance> = { available: 0n, held: 0n };

/** What the account has of an asset; zeros if it never had any. */
export const balanceOf = (account: AccountContext, asset: string): Readonly<Balance> =>
  account.balances.get(asset) ?? nothing;

/**
 * Whether the account may have this asset too. An asset that a transfer was promised in counts already,
 * so that there is room for it when it comes.
 */
export function hasRoomFor({ balances, transfers }: AccountContext, asset: string): boolean {
  const admitted = transfers?.admitted;
  if (balances.has(asset) || balances.size + (admitted?.size ?? 0) < assetsMax) return true;
  const promised = new Set<string>();
  for (const one of admitted?.values() ?? []) if (!balances.has(one.asset)) promised.add(one.asset);
  return promised.has(asset) || balances.size + promised.size < assetsMax;
}

/** The open order of this clOrdId; an unanswered replace's new clOrdId names its order already. */
export function openOrder(account: AccountContext, clOrdId: string): OpenOrder | undefined {
  const orderId = account.orderIds.get(clOrdId);
  return orderId === undefined ? undefined : account.orders.get(orderId);
}

/** Whether a clOrdId is in use; a rejected one never was an order and may be used again. */
export function isTaken(account: AccountContext, clOrdId: string): boolean {
  if (account.orderIds.has(clOrdId)) return true;
  const closed = account.closedOrders.get(clOrdId);
  return closed !== undefined && !closed.rejected;
}
