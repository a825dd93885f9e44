/**
 * How an account judges requests about its open orders, and how any request leaves for the symbol.
 *
 * Requests name an order by its orderId, which stays through replaces, and the way there and back
 * is FIFO. So a cancel or replace may follow an unanswered place or replace: it reaches the order
 * under whichever clOrdId it has by then.
 */
import type { AccountCommand } from '../contracts/account.ts';
import type { AccountEvent } from '../contracts/account-events.ts';
import type { Code } from '../contracts/codes.ts';
import { actorKey, splitActorKey } from '../contracts/ids.ts';
import { formatUnits } from '../contracts/money.ts';
import {
  assetHeld,
  budgetOf,
  heldBy,
  scaleHeld,
  type OpenOrder,
  type Replace,
} from './account-order.ts';
import { balanceOf, isTaken, openOrder, type AccountContext } from './account-state.ts';
import {
  accept,
  defer,
  reject,
  type Context,
  type Decision,
  type Outgoing,
  type State,
} from './actor.ts';
import type { OrderRequest } from './order-messages.ts';

type Command<Name extends AccountCommand['name']> = Extract<AccountCommand, { name: Name }>;
type Judged = Decision<AccountEvent>;

/** Judges a replace: what it may cost beyond the order's hold is held until it is answered. */
export function replaceOrder(
  state: State<AccountContext>,
  command: Command<'replace-order'>,
  context: Context,
): Judged {
  const account = state.context;
  if (state.value === 'frozen') return reject('account/frozen');
  const order = openOrder(account, command.origClOrdId);
  if (!order) return reject('order/unknown');
  if (isTaken(account, command.clOrdId)) return reject('order/duplicate');
  const replace = asReplace(order, command, context);
  if (typeof replace === 'string') return reject(replace);
  const hold = replace.budget - order.taken;
  if (hold - heldBy(order) > balanceOf(account, assetHeld(order)).available) {
    return reject('account/insufficient-funds');
  }
  const { instrument } = order.market;
  const price = instrument.priceText(replace.price);
  const quantity = instrument.quantityText(replace.quantity);
  const budget = formatUnits(replace.budget, scaleHeld(order));
  const { request, orderId, clOrdId } = replace;
  return defer(
    { type: 'replace-requested', request, orderId, clOrdId, price, quantity, budget },
    {
      send: [
        toSymbol(order.symbol, {
          name: 'replace-order',
          body: { request, account: accountId(context), orderId, price, quantity, budget },
        }),
      ],
    },
  );
}

/** Asks the symbol to cancel; also an order whose place is still unanswered. */
export function cancelOrder(
  state: State<AccountContext>,
  command: Command<'cancel-order'>,
  context: Context,
): Judged {
  const order = openOrder(state.context, command.origClOrdId);
  if (!order) return reject('order/unknown');
  return defer([], { send: [cancellation(order, context)] });
}

/** Asks to cancel every open order, of one symbol if named; answered when the last answer is in. */
export function cancelAll(
  state: State<AccountContext>,
  command: Command<'cancel-all'>,
  context: Context,
): Judged {
  const send: Outgoing[] = [];
  for (const order of state.context.orders.values()) {
    if (command.symbol === undefined || order.symbol === command.symbol) {
      send.push(cancellation(order, context));
    }
  }
  if (send.length === 0) return accept([], { canceled: 0 });
  return defer(
    { type: 'cancel-all-requested', request: context.id, orders: send.length },
    { send },
  );
}

/** The account's own id, without its type. */
export const accountId = (context: Context): string => splitActorKey(context.self).id;

/** A request on its way to the symbol. */
export const toSymbol = (symbol: string, request: OrderRequest): Outgoing => ({
  to: actorKey('symbol', symbol),
  ...request,
});

const cancellation = ({ symbol, orderId }: OpenOrder, context: Context): Outgoing =>
  toSymbol(symbol, {
    name: 'cancel-order',
    body: { request: context.id, account: accountId(context), orderId },
  });

function asReplace(
  order: OpenOrder,
  command: Command<'replace-order'>,
  context: Context,
): Replace | Code {
  const { instrument } = order.market;
  const price = instrument.priceTicks(command.price);
  if (typeof price === 'string') return price;
  const quantity = instrument.lots(command.quantity);
  if (typeof quantity === 'string') return quantity;
  if (order.protectionPrice !== undefined && price > order.protectionPrice) {
    return 'order/above-protection';
  }
  if (quantity <= order.cumQuantity) return 'order/too-late';
  return {
    request: context.id,
    orderId: order.orderId,
    clOrdId: command.clOrdId,
    price,
    quantity,
    budget: budgetOf(order, price, quantity),
  };
}
