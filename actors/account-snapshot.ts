/** An account as a snapshot keeps it: plain JSON, the same for accounts with the same history. */
import { z } from 'zod';
import {
  ExecutionReport,
  Fill,
  OrderType,
  Side,
  TimeInForce,
} from '../contracts/execution-report.ts';
import type { Json } from '../contracts/json.ts';
import { MarketTerms } from '../contracts/symbol.ts';
import type { OpenOrder, Replace } from './account-order.ts';
import {
  closedOrder,
  emptyAccount,
  isTrading,
  trading,
  type AccountContext,
  type TradingAccount,
} from './account-state.ts';
import type { MarketCatalogue } from './account-market.ts';
import { loadReversals, SavedReversals, saveReversals } from './reversals/snapshot.ts';
import { loadTransfers, SavedTransfers, writeTransfers } from './transfers/snapshot.ts';
import { loadHolds, SavedHolds, saveHolds } from './holds/snapshot.ts';

const units = z.string().transform((text) => BigInt(text));
const lots = z.number().int();

const SavedOrder = z.strictObject({
  n: z.number().int(),
  orderId: z.string(),
  symbol: z.string(),
  side: Side,
  type: OrderType,
  timeInForce: TimeInForce,
  protectionPrice: lots.nullable(),
  clOrdId: z.string(),
  price: lots.nullable(),
  quantity: lots,
  cumQuantity: lots,
  ticksTimesLots: units,
  fills: z.array(Fill),
  time: z.number().int(),
  taken: units,
  standing: units,
});

const SavedAccount = z.strictObject({
  balances: z.array(z.tuple([z.string(), units, units])),
  markets: z.array(z.tuple([z.string(), MarketTerms])),
  orders: z.array(SavedOrder),
  closedOrders: z.array(ExecutionReport),
  replaces: z.array(
    z.strictObject({
      request: z.string(),
      orderId: z.string(),
      clOrdId: z.string(),
      price: lots,
      quantity: lots,
      budget: units,
    }),
  ),
  cancelAlls: z.array(z.tuple([z.string(), z.strictObject({ unanswered: lots, canceled: lots })])),
  ordersNumbered: z.number().int(),
  transfers: SavedTransfers.exactOptional(),
  holds: SavedHolds.exactOptional(),
  reversals: SavedReversals.exactOptional(),
});

/** Lists keep the order of their maps, which is history too: of placing, or of closing. */
export const saveAccount = (account: AccountContext): Json => JSON.parse(writeAccount(account));

/** The same as JSON text: what has ended is text already, and most of a busy account (0019). */
export function writeAccount(account: AccountContext): string {
  const { ordersNumbered, holds } = account;
  const transfers = writeTransfers(account.transfers);
  const reversals = saveReversals(account.reversals);
  // By far the most accounts have balances and nothing else: for them this is all that is done.
  return (
    `{"balances":${writeBalances(account)},${isTrading(account) ? writeTrading(account) : untraded}` +
    `,"ordersNumbered":${ordersNumbered}` +
    (transfers === undefined ? '' : `,"transfers":${transfers}`) +
    (holds === undefined ? '' : `,"holds":${JSON.stringify(saveHolds(holds))}`) +
    (reversals === undefined ? '' : `,"reversals":${JSON.stringify(reversals)}`) +
    '}'
  );
}

function writeBalances({ balances }: AccountContext): string {
  let text = '';
  for (const [asset, { available, held }] of balances)
    text += `${text === '' ? '[' : ','}[${JSON.stringify(asset)},"${available}","${held}"]`;
  return text === '' ? '[]' : `${text}]`;
}

const untraded = '"markets":[],"orders":[],"closedOrders":[],"replaces":[],"cancelAlls":[]';

function writeTrading(account: TradingAccount): string {
  const { markets, orders, closedOrders, replaces, cancelAlls } = account;
  const terms = Array.from(markets, ([symbol, market]) => [symbol, market.terms]);
  const closed = Array.from(closedOrders.values(), ({ text }) => text);
  return (
    `"markets":${JSON.stringify(terms)},` +
    `"orders":${JSON.stringify([...orders.values()].map(saveOrder))},` +
    `"closedOrders":[${closed.join(',')}],` +
    `"replaces":${JSON.stringify([...replaces.values()].map(saveReplace))},` +
    `"cancelAlls":${JSON.stringify([...cancelAlls])}`
  );
}

/** Field by field: the same state must give the same text, wherever the order came from. */
const saveOrder = (order: OpenOrder): Json => ({
  n: order.n,
  orderId: order.orderId,
  symbol: order.symbol,
  side: order.side,
  type: order.type,
  timeInForce: order.timeInForce,
  protectionPrice: order.protectionPrice ?? null,
  clOrdId: order.clOrdId,
  price: order.price ?? null,
  quantity: order.quantity,
  cumQuantity: order.cumQuantity,
  ticksTimesLots: order.ticksTimesLots.toString(),
  fills: order.fills,
  time: order.time,
  taken: order.taken.toString(),
  standing: order.standing.toString(),
});

const saveReplace = (replace: Replace): Json => ({
  request: replace.request,
  orderId: replace.orderId,
  clOrdId: replace.clOrdId,
  price: replace.price,
  quantity: replace.quantity,
  budget: replace.budget.toString(),
});

/** The account that was saved; its names and each order's replaces are indexed again. */
export function loadAccount(saved: Json, marketOf: MarketCatalogue): AccountContext {
  const parsed = SavedAccount.parse(saved);
  const account = emptyAccount();
  account.ordersNumbered = parsed.ordersNumbered;
  if (parsed.transfers) account.transfers = loadTransfers(parsed.transfers);
  if (parsed.holds) account.holds = loadHolds(parsed.holds);
  if (parsed.reversals) account.reversals = loadReversals(parsed.reversals);
  for (const [asset, available, held] of parsed.balances) {
    account.balances.set(asset, { available, held });
  }
  const { markets, orders, closedOrders, replaces, cancelAlls } = parsed;
  const traded = [markets, orders, closedOrders, replaces, cancelAlls].some((list) => list.length);
  if (traded) loadTrading(trading(account), parsed, marketOf);
  return account;
}

function loadTrading(
  account: TradingAccount,
  saved: z.infer<typeof SavedAccount>,
  marketOf: MarketCatalogue,
): void {
  for (const [symbol, terms] of saved.markets) account.markets.set(symbol, marketOf(terms));
  for (const report of saved.closedOrders) {
    account.closedOrders.set(report.clOrdId, closedOrder(report));
  }
  for (const replace of saved.replaces) account.replaces.set(replace.request, replace);
  for (const [request, counts] of saved.cancelAlls) account.cancelAlls.set(request, counts);
  for (const { price, protectionPrice, ...order } of saved.orders) {
    const market = account.markets.get(order.symbol);
    if (!market) throw new Error(`the saved account has an order but no market ${order.symbol}`);
    account.orders.set(order.orderId, {
      ...order,
      market,
      price: price ?? undefined,
      protectionPrice: protectionPrice ?? undefined,
      replaces: saved.replaces.filter(({ orderId }) => orderId === order.orderId),
    });
    account.orderIds.set(order.clOrdId, order.orderId);
  }
  for (const { clOrdId, orderId } of saved.replaces) account.orderIds.set(clOrdId, orderId);
}
