/** How an account takes what a symbol did to its orders, and answers the commands that wait. */
import type { AccountEvent } from '../contracts/account-events.ts';
import type { ExecutionReport, Fill } from '../contracts/execution-report.ts';
import { refusal, success, type Reply } from '../contracts/reply.ts';
import {
  bookFills,
  bookReplaced,
  known,
  reportEvent,
  reportOf,
  type Ending,
  type OpenOrder,
} from './account-order.ts';
import type { AccountContext } from './account-state.ts';
import { react, type Context, type Decision, type State } from './actor.ts';
import type { OrderStep, OrderUpdate } from './order-messages.ts';

type Judged = Decision<AccountEvent>;
type Request = NonNullable<OrderUpdate['request']>;
type Refused = Extract<OrderStep, { kind: 'refused' }>;

/** What becomes of an account by a symbol's update: one event for each step. */
export function takeUpdate(
  state: State<AccountContext>,
  update: OrderUpdate,
  context: Context,
): Judged {
  const account = state.context;
  const { request, steps } = update;
  const refused = steps.find((step) => step.kind === 'refused');
  if (refused) return takeRefusal(account, update, refused, context);
  const { events, report } = follow(account, update, context);
  if (!request) return react(events);
  return answer(account, request, { events, reply: success(report), canceled: true });
}

function takeRefusal(
  account: AccountContext,
  { orderId, request }: OrderUpdate,
  { code, message }: Refused,
  context: Context,
): Judged {
  if (!request) throw new Error(`order ${orderId} was refused without having asked`);
  const reply = refusal(code, message);
  const refused = (events: AccountEvent[]): Judged =>
    answer(account, request, { events, reply, canceled: false });
  switch (request.kind) {
    case 'place': {
      const order = { ...orderOf(account, orderId), time: context.now };
      const report = reportOf(order, [], { ordStatus: 'Rejected', reason: code });
      return refused([reportEvent('order-rejected', report)]);
    }
    case 'replace':
      return refused([{ type: 'replace-refused', request: request.id }]);
    case 'cancel':
      return refused([]);
  }
}

/** Walks a copy of the order through the steps, for the reports; evolution does it for good. */
function follow(
  account: AccountContext,
  { orderId, request, steps }: OrderUpdate,
  context: Context,
): { events: AccountEvent[]; report: ExecutionReport } {
  const order = { ...orderOf(account, orderId), time: context.now };
  const events: AccountEvent[] = [];
  const fills: Fill[] = [];
  let ending: Ending | undefined;
  for (const step of steps) {
    switch (step.kind) {
      case 'accepted':
        events.push(reportEvent('order-accepted', reportOf(order, [])));
        break;
      case 'replaced': {
        const origClOrdId = order.clOrdId;
        followReplace(account, order, request);
        const event = reportEvent('order-replaced', reportOf(order, []));
        events.push({ ...event, origClOrdId });
        break;
      }
      case 'traded':
        bookFills(order, step.fills);
        events.push(reportEvent('order-traded', reportOf(order, step.fills)));
        fills.push(...step.fills);
        break;
      case 'canceled':
        checkCanceled(order, step.quantity);
        ending = { ordStatus: 'Canceled', reason: step.reason };
        events.push(reportEvent('order-canceled', reportOf(order, [], ending)));
        break;
      case 'refused':
        break;
    }
  }
  return { events, report: reportOf(order, fills, ending) };
}

function orderOf(account: AccountContext, orderId: string): OpenOrder {
  const order = account.orders.get(orderId);
  if (!order) throw new Error(`order ${orderId} is not open at its account`);
  return order;
}

function followReplace(
  account: AccountContext,
  order: OpenOrder,
  request: Request | undefined,
): void {
  const replace = request && account.replaces.get(request.id);
  if (!replace) throw new Error(`order ${order.orderId} was replaced without having asked`);
  bookReplaced(order, replace);
}

/** orderQty = cumQty + leavesQty + cancelled: the symbol cancels all that is left, or disagrees. */
function checkCanceled(order: OpenOrder, quantity: string): void {
  const canceled = known(order.market.instrument.lots(quantity));
  if (order.cumQuantity + canceled !== order.quantity) {
    throw new Error(`order ${order.orderId} has other lots left than the ${quantity} canceled`);
  }
}

/** Answers the waiting command; a cancel-all waits for the answers about all its orders. */
function answer(
  account: AccountContext,
  request: Request,
  outcome: { events: AccountEvent[]; reply: Reply; canceled: boolean },
): Judged {
  const { events, reply, canceled } = outcome;
  const all = request.kind === 'cancel' ? account.cancelAlls.get(request.id) : undefined;
  if (!all) return react(events, { answers: [{ id: request.id, reply }] });
  events.push({ type: 'cancel-all-answered', request: request.id, canceled });
  if (all.unanswered > 1) return react(events);
  const total = success({ canceled: all.canceled + (canceled ? 1 : 0) });
  return react(events, { answers: [{ id: request.id, reply: total }] });
}
