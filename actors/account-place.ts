/**
 * How an account judges a new order. What passes goes on to the symbol, which has the last word,
 * and is answered when the symbol's update arrives (see account-updates.ts).
 */
import type { AccountCommand } from '../contracts/account.ts';
import type { AccountEvent } from '../contracts/account-events.ts';
import { isRecorded, type Code } from '../contracts/codes.ts';
import { actorKey } from '../contracts/ids.ts';
import { formatUnits } from '../contracts/money.ts';
import type { Market, MarketCatalogue } from './account-market.ts';
import {
  assetHeld,
  holdOf,
  reportEvent,
  newOrder,
  reportOf,
  scaleHeld,
  type OpenOrder,
} from './account-order.ts';
import { accountId, toSymbol } from './account-requests.ts';
import { balanceOf, isTaken, type AccountContext } from './account-state.ts';
import { defer, reject, type Context, type Decision, type Outgoing, type State } from './actor.ts';
import { SymbolReference } from './order-messages.ts';
import { malformedTerms, parseTerms } from './order-terms.ts';
import { scopedId } from './scoped-id.ts';

type Place = Extract<AccountCommand, { name: 'place-order' }>;
type Judged = Decision<AccountEvent>;

/** More would make one cancel-all too large for a record. */
export const openOrdersMax = 5_000;

/** Judges a new order before it leaves; a refusal that is recorded leaves a `Rejected` order. */
export function placeOrder(
  state: State<AccountContext>,
  command: Place,
  context: Context,
  marketOf: MarketCatalogue,
): Judged {
  const account = state.context;
  const malformed = malformedTerms(command);
  if (malformed !== undefined) return reject('request/malformed', malformed);
  if (isTaken(account, command.clOrdId)) return reject('order/duplicate');
  const listed = listedSymbol(command.symbol, context);
  const market = listed?.settlement === 'accounts' ? marketOf(listed) : undefined;
  const refuse = (code: Code): Judged =>
    isRecorded(code)
      ? reject(code, undefined, rejected(account, command, context, { code, market }))
      : reject(code);
  if (state.value === 'frozen') return refuse('account/frozen');
  if (!listed) return refuse('symbol/unknown');
  if (!market) return refuse('symbol/settlement');
  if (listed.status === 'halted') return refuse('symbol/halted');
  const order = asOrder(account, command, context, market);
  if (typeof order === 'string') return refuse(order);
  if (account.orders.size >= openOrdersMax) return refuse('account/too-many-orders');
  if (order.standing > balanceOf(account, assetHeld(order)).available) {
    return refuse('account/insufficient-funds');
  }
  return defer(placed(account, command, order), { send: [submission(command, order, context)] });
}

const nextOrderId = (account: AccountContext, context: Context): string =>
  scopedId(accountId(context), account.ordersNumbered + 1);

const Listed = SymbolReference.optional();

/** What the symbol has told every partition of itself. */
const listedSymbol = (symbol: string, context: Context): SymbolReference | undefined =>
  Listed.parse(context.reference(actorKey('symbol', symbol)));

/** The order that a place asks for, with its hold, or why the symbol's terms do not allow it. */
function asOrder(
  account: AccountContext,
  command: Place,
  context: Context,
  market: Market,
): OpenOrder | Code {
  const { clOrdId, symbol, side, type, timeInForce } = command;
  if (side === 'buy' && type === 'market' && command.protectionPrice === undefined) {
    return 'order/protection-required';
  }
  const parsed = parseTerms(market.instrument, command);
  if (typeof parsed === 'string') return parsed;
  const { price, quantity, protectionPrice } = parsed;
  return newOrder({
    n: account.ordersNumbered + 1,
    orderId: nextOrderId(account, context),
    symbol,
    market,
    side,
    type,
    timeInForce,
    protectionPrice,
    clOrdId,
    price,
    quantity,
    time: context.now,
    standing: holdOf({ side, market, protectionPrice }, price, quantity),
  });
}

function placed(account: AccountContext, command: Place, order: OpenOrder): AccountEvent[] {
  const { protectionPrice } = command;
  const event: AccountEvent = {
    ...reportEvent('order-placed', reportOf(order, [])),
    ...(protectionPrice !== undefined && { protectionPrice }),
    hold: formatUnits(order.standing, scaleHeld(order)),
  };
  if (account.markets.has(order.symbol)) return [event];
  return [{ type: 'symbol-met', symbol: order.symbol, ...order.market.terms }, event];
}

function submission(command: Place, order: OpenOrder, context: Context): Outgoing {
  const { side, type, timeInForce, price, quantity, postOnly, protectionPrice } = command;
  return toSymbol(order.symbol, {
    name: 'submit-order',
    body: {
      request: context.id,
      account: accountId(context),
      orderId: order.orderId,
      side,
      type,
      timeInForce,
      ...(price !== undefined && { price }),
      quantity,
      ...(postOnly !== undefined && { postOnly }),
      ...(protectionPrice !== undefined && { protectionPrice }),
      selfTradePrevention: command.selfTradePrevention ?? 'EXPIRE_TAKER',
    },
  });
}

/** A place that never left, for the `order` query; its numbers as given where they do not parse. */
function rejected(
  account: AccountContext,
  command: Place,
  context: Context,
  why: { code: Code; market: Market | undefined },
): AccountEvent[] {
  const instrument = why.market?.instrument;
  const price = command.price === undefined ? undefined : instrument?.priceTicks(command.price);
  const quantity = instrument?.lots(command.quantity);
  const none = instrument?.quantityText(0) ?? '0';
  const report = {
    orderId: nextOrderId(account, context),
    clOrdId: command.clOrdId,
    symbol: command.symbol,
    side: command.side,
    type: command.type,
    timeInForce: command.timeInForce,
    price:
      instrument && typeof price === 'number'
        ? instrument.priceText(price)
        : (command.price ?? null),
    ordStatus: 'Rejected' as const,
    orderQty:
      instrument && typeof quantity === 'number'
        ? instrument.quantityText(quantity)
        : command.quantity,
    cumQty: none,
    leavesQty: none,
    avgPx: '0',
    reason: why.code,
    time: context.now,
    fills: [],
  };
  return [reportEvent('order-rejected', report)];
}
