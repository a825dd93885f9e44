import { AccountQuery } from '../contracts/account.ts';
import type { ExecutionReport } from '../contracts/execution-report.ts';
import { formatUnits, scaleOf, type Scales, type Units, type Value } from '../contracts/money.ts';
import { refusal, success } from '../contracts/reply.ts';
import { reportOf } from './account-order.ts';
import { openOrder, type AccountContext } from './account-state.ts';
import { query, type State } from './actor.ts';
import { sentTransfer } from './transfers/book.ts';
import { transferReport } from './transfers/report.ts';

type Account = State<AccountContext>;

const pageDefault = 100;

/** What can be asked of an account, with amounts at these scales. */
export const accountQueries = (scales: Scales) => ({
  balance: (state: Account) => ({ status: state.value, balances: balancesOf(scales, state) }),
  orders: query(AccountQuery.orders.body, openOrders),
  order: query(AccountQuery.order.body, oneOrder),
  transfer: query(AccountQuery.transfer.body, oneTransfer),
});

/** What an account may spend of each asset, and what is held. */
export const balancesOf = (scales: Scales, state: Account) =>
  perAsset(state.context, (asset, { available, held }) => ({
    available: formatUnits(available, scaleOf(scales, asset)),
    held: formatUnits(held, scaleOf(scales, asset)),
  }));

/** What an account owns, held or not. */
export const holdingsOf = (scales: Scales, state: Account): Value =>
  perAsset(state.context, (asset, { available, held }) =>
    formatUnits(available + held, scaleOf(scales, asset)),
  );

/** Assets in code-unit order; entries become own properties, whatever the asset is called. */
function perAsset<T>(
  account: AccountContext,
  show: (asset: string, balance: { available: Units; held: Units }) => T,
): { [asset: string]: T } {
  const assets = [...account.balances].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(assets.map(([asset, balance]) => [asset, show(asset, balance)]));
}

/**
 * One page of the open orders, in the order of placing; the cursor is the number of its last. A
 * report without fills has less than a kilobyte, so the most that a page may list is far below
 * the most that it may weigh.
 */
function openOrders(
  state: Account,
  body: { after?: string | undefined; limit?: number | undefined },
) {
  const after = body.after === undefined ? 0 : Number(body.after);
  if (!Number.isSafeInteger(after) || after < 0) {
    return refusal('request/malformed', 'after: must be the `next` of an earlier page.');
  }
  const limit = body.limit ?? pageDefault;
  const orders = [];
  let last = 0;
  for (const order of state.context.orders.values()) {
    if (order.n <= after) continue;
    if (orders.length === limit) return success({ orders, next: String(last) });
    orders.push(withoutFills(reportOf(order, [])));
    last = order.n;
  }
  return success({ orders });
}

const withoutFills = ({ fills: _, ...report }: ExecutionReport) => report;

function oneOrder(state: Account, { clOrdId }: { clOrdId: string }) {
  const open = openOrder(state.context, clOrdId);
  // The name of an unanswered replace is reserved, and not yet an order's.
  if (open?.clOrdId === clOrdId) return success(reportOf(open, open.fills));
  const closed = state.context.closedOrders.get(clOrdId);
  return closed ? success(JSON.parse(closed.text)) : refusal('order/unknown');
}

function oneTransfer({ context }: Account, { transferId }: { transferId: string }) {
  const transfer = sentTransfer(context.transfers, transferId);
  return transfer ? success(transferReport(transfer)) : refusal('transfer/unknown');
}
