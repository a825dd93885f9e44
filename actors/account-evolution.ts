/** What an account's events add up to: the only place that changes an account. */
import type { AccountEvent } from '../contracts/account-events.ts';
import type { ExecutionReport } from '../contracts/execution-report.ts';
import { parseUnits, scaleOf, type Scales, type Units } from '../contracts/money.ts';
import {
  assetHeld,
  assetReceived,
  bookFills,
  bookReplaced,
  forgetReplace,
  heldBy,
  known,
  newOrder,
  reportIn,
  reportOf,
  scaleHeld,
  type OpenOrder,
} from './account-order.ts';
import {
  closedOrder,
  closedOrdersKept,
  holdsOf,
  trading,
  reversalsOf,
  transfersOf,
  type AccountContext,
  type TradingAccount,
} from './account-state.ts';
import type { Balance } from './balances.ts';
import { evolveReversal } from './reversals/book.ts';
import { evolveTransfer, type Books } from './transfers/evolution.ts';
import type { Market, MarketCatalogue } from './account-market.ts';
import { evolveHold, type HoldBooks } from './holds/evolution.ts';

/** Makes the function that moves an account by one event, in place. */
export function accountEvolution(
  scales: Scales,
  marketOf: MarketCatalogue,
): (account: AccountContext, event: AccountEvent) => void {
  const unitsOf = ({ asset, amount }: { asset: string; amount: string }): Units =>
    known(parseUnits(amount, scaleOf(scales, asset)));
  return (account, event) => {
    switch (event.type) {
      case 'deposited':
        fundsOf(account, event.asset).available += unitsOf(event);
        return;
      case 'withdrawn':
        fundsOf(account, event.asset).available -= unitsOf(event);
        return;
      case 'symbol-met':
        trading(account).markets.set(event.symbol, marketOf(event));
        return;
      case 'order-placed':
        return placeOrder(trading(account), event);
      case 'order-accepted':
        orderOf(account, event.orderId).time = event.time;
        return;
      case 'order-traded':
        return tradeOrder(trading(account), event);
      case 'order-canceled':
        return cancelOrder(trading(account), event);
      case 'order-rejected':
        return rejectOrder(trading(account), event);
      case 'replace-requested':
        return requestReplace(trading(account), event);
      case 'order-replaced':
        return replaceOrder(trading(account), event);
      case 'replace-refused':
        return refuseReplace(trading(account), event);
      case 'cancel-all-requested':
        trading(account).cancelAlls.set(event.request, { unanswered: event.orders, canceled: 0 });
        return;
      case 'cancel-all-answered':
        return countAnswer(trading(account), event);
      case 'held':
      case 'captured':
      case 'released':
      case 'hold-expired':
      case 'capture-requested':
      case 'capture-refused':
        return evolveHold(holdBooksOf(account), event, scales);
      case 'capture-received':
        fundsOf(account, event.asset).available += unitsOf(event);
        return;
      case 'frozen':
      case 'unfrozen':
      case 'closed':
        return;
      case 'transfer-begun':
      case 'transfer-rejected':
      case 'transfer-sent':
      case 'transfer-refused':
      case 'transfer-expired':
      case 'transfer-answered':
      case 'transfer-settled':
      case 'transfer-admitted':
      case 'transfer-received':
      case 'transfer-voided':
        return evolveTransfer(booksOf(account), event, scales);
      case 'deposit-reversed':
      case 'withdrawal-reversed':
      case 'transfer-reversed':
      case 'transfer-returned':
      case 'reversal-requested':
      case 'reversal-refused':
        return evolveReversal(reversalBooksOf(account), event, scales);
    }
  };
}

const booksOf = (account: AccountContext): Books => ({
  book: transfersOf(account),
  fundsOf: (asset) => fundsOf(account, asset),
});

const reversalBooksOf = (account: AccountContext) => ({
  book: reversalsOf(account),
  fundsOf: (asset: string) => fundsOf(account, asset),
});

/** One kind of event. */
type Of<Type extends AccountEvent['type']> = Extract<AccountEvent, { type: Type }>;

function fundsOf(account: AccountContext, asset: string): Balance {
  let found = account.balances.get(asset);
  if (!found) account.balances.set(asset, (found = { available: 0n, held: 0n }));
  return found;
}

const holdBooksOf = (account: AccountContext): HoldBooks => ({
  book: holdsOf(account),
  fundsOf: (asset) => fundsOf(account, asset),
});

function orderOf(account: AccountContext, orderId: string): OpenOrder {
  const found = account.orders.get(orderId);
  if (!found) throw new Error(`order ${orderId} is not open`);
  return found;
}

/** Moves an asset from available to held for an order, or back if `more` is negative. */
function hold(account: AccountContext, order: OpenOrder, more: Units): void {
  const funds = fundsOf(account, assetHeld(order));
  funds.held += more;
  funds.available -= more;
  if (funds.available < 0n) {
    throw new Error(`order ${order.orderId} holds more than the account has`);
  }
}

function changeHold(account: AccountContext, order: OpenOrder, change: () => void): void {
  const before = heldBy(order);
  change();
  hold(account, order, heldBy(order) - before);
}

/** Puts an order, whose hold is released, among the closed ones. */
function endOrder(account: TradingAccount, order: OpenOrder, report: ExecutionReport): void {
  hold(account, order, -heldBy(order));
  account.orders.delete(order.orderId);
  account.orderIds.delete(order.clOrdId);
  rememberClosed(account, report);
}

function rememberClosed(account: TradingAccount, report: ExecutionReport): void {
  const { closedOrders } = account;
  // Deleted first, so that a clOrdId that was used again counts as the youngest.
  closedOrders.delete(report.clOrdId);
  closedOrders.set(report.clOrdId, closedOrder(report));
  if (closedOrders.size <= closedOrdersKept) return;
  for (const oldest of closedOrders.keys()) {
    closedOrders.delete(oldest);
    return;
  }
}

function placeOrder(account: TradingAccount, event: Of<'order-placed'>): void {
  const market = account.markets.get(event.symbol);
  if (!market) throw new Error(`the account has not met the symbol ${event.symbol}`);
  const order = newOrder({
    n: ++account.ordersNumbered,
    orderId: event.orderId,
    symbol: event.symbol,
    market,
    side: event.side,
    type: event.orderType,
    timeInForce: event.timeInForce,
    protectionPrice: ticks(market, event.protectionPrice),
    clOrdId: event.clOrdId,
    price: ticks(market, event.price),
    quantity: known(market.instrument.lots(event.orderQty)),
    time: event.time,
    standing: known(parseUnits(event.hold, scaleHeld({ side: event.side, market }))),
  });
  hold(account, order, order.standing);
  account.orders.set(order.orderId, order);
  account.orderIds.set(order.clOrdId, order.orderId);
  account.closedOrders.delete(order.clOrdId);
}

const ticks = (market: Market, text: string | null | undefined): number | undefined =>
  text === null || text === undefined ? undefined : known(market.instrument.priceTicks(text));

function tradeOrder(account: TradingAccount, event: Of<'order-traded'>): void {
  const order = orderOf(account, event.orderId);
  const { taken, received } = bookFills(order, event.fills);
  order.time = event.time;
  fundsOf(account, assetHeld(order)).held -= taken;
  fundsOf(account, assetReceived(order)).available += received;
  if (event.ordStatus === 'Filled') endOrder(account, order, reportOf(order, order.fills));
}

function cancelOrder(account: TradingAccount, event: Of<'order-canceled'>): void {
  const order = orderOf(account, event.orderId);
  order.time = event.time;
  const { reason = '' } = event;
  endOrder(account, order, reportOf(order, order.fills, { ordStatus: 'Canceled', reason }));
}

/** A symbol refused an order that was placed, or the account itself never let it become one. */
function rejectOrder(account: TradingAccount, event: Of<'order-rejected'>): void {
  const report = reportIn(event);
  const order = account.orders.get(event.orderId);
  if (order) return endOrder(account, order, report);
  account.ordersNumbered++;
  rememberClosed(account, report);
}

function requestReplace(account: TradingAccount, event: Of<'replace-requested'>): void {
  const order = orderOf(account, event.orderId);
  const { instrument } = order.market;
  const replace = {
    request: event.request,
    orderId: event.orderId,
    clOrdId: event.clOrdId,
    price: known(instrument.priceTicks(event.price)),
    quantity: known(instrument.lots(event.quantity)),
    budget: known(parseUnits(event.budget, scaleHeld(order))),
  };
  changeHold(account, order, () => {
    order.replaces = [...order.replaces, replace];
  });
  account.replaces.set(replace.request, replace);
  account.orderIds.set(replace.clOrdId, replace.orderId);
}

function replaceOrder(account: TradingAccount, event: Of<'order-replaced'>): void {
  const order = orderOf(account, event.orderId);
  const replace = order.replaces.find(({ clOrdId }) => clOrdId === event.clOrdId);
  if (!replace) throw new Error(`order ${order.orderId} was replaced without having asked`);
  order.time = event.time;
  const replaced = reportOf(order, order.fills, { ordStatus: 'Replaced' });
  changeHold(account, order, () => bookReplaced(order, replace));
  account.replaces.delete(replace.request);
  account.orderIds.delete(replaced.clOrdId);
  account.closedOrders.delete(order.clOrdId);
  rememberClosed(account, replaced);
}

/** The order may have ended before: then only the name is still to be freed. */
function refuseReplace(account: TradingAccount, { request }: Of<'replace-refused'>): void {
  const replace = account.replaces.get(request);
  if (!replace) throw new Error(`there is no unanswered replace ${request}`);
  account.replaces.delete(request);
  account.orderIds.delete(replace.clOrdId);
  const order = account.orders.get(replace.orderId);
  if (order) changeHold(account, order, () => forgetReplace(order, replace));
}

function countAnswer(account: TradingAccount, event: Of<'cancel-all-answered'>): void {
  const cancelAll = account.cancelAlls.get(event.request);
  if (!cancelAll) throw new Error(`there is no unanswered cancel-all ${event.request}`);
  cancelAll.unanswered--;
  if (event.canceled) cancelAll.canceled++;
  if (cancelAll.unanswered === 0) account.cancelAlls.delete(event.request);
}
