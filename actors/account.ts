/**
 * The account: what a client owns, what of it is held for open orders, and the orders themselves.
 * The statechart below says which histories are legal. In the other files: account-state.ts, what
 * an account knows; account-evolution.ts, what its events add up to; account-order.ts, the
 * arithmetic of one order; account-place.ts and account-requests.ts, how commands about orders are
 * judged; account-updates.ts, how the symbol's answers are taken; holds/, what is held for others;
 * transfers/, transfers between two accounts; reversals/, how wrong entries are corrected.
 */
import { setup } from 'xstate';
import { AccountCommand, AccountQuery, AccountResult } from '../contracts/account.ts';
import { AccountEvent, accountEventsInternal } from '../contracts/account-events.ts';
import { formatUnits, scaleOf, type Scales } from '../contracts/money.ts';
import type { JsonObject } from '../contracts/json.ts';
import { accountEvolution } from './account-evolution.ts';
import { publishedOrder } from './published-order.ts';
import { accountLedger } from './account-ledger.ts';
import { reportIn } from './account-order.ts';
import { placeOrder } from './account-place.ts';
import { accountQueries, balancesOf, holdingsOf } from './account-queries.ts';
import { cancelAll, cancelOrder, replaceOrder } from './account-requests.ts';
import { loadAccount, saveAccount, writeAccount } from './account-snapshot.ts';
import {
  balanceOf,
  hasRoomFor,
  emptyAccount,
  unitsMax,
  type AccountContext,
} from './account-state.ts';
import { takeUpdate } from './account-updates.ts';
import { accountWords } from './account-words.ts';
import {
  accept,
  defineActor,
  reject,
  type ActorType,
  type Context,
  type Decision,
  type Incoming,
  type State,
} from './actor.ts';
import { marketCatalogue, type MarketCatalogue } from './account-market.ts';
import { amountOf } from './amount.ts';
import { capture, expireHolds, hold, release, takeCreditAnswer } from './holds/holder.ts';
import { holdsDeadline } from './holds/book.ts';
import { creditAnswer, creditHold } from './holds/messages.ts';
import { takeCredit } from './holds/receiver.ts';
import { OrderUpdate } from './order-messages.ts';
import {
  giveBack,
  reclaimAnswer,
  reclaimMessage,
  reverse,
  takeBack,
} from './reversals/reversal.ts';
import { expectsMoney } from './transfers/book.ts';
import { transferAnswer } from './transfers/messages.ts';
import { takeTransferRequest } from './transfers/payee.ts';
import {
  beginTransfer,
  expireTransfers,
  takeTransferAnswer,
  transfersDeadline,
} from './transfers/payer.ts';

/** The account actor of a cluster with these scales. */
export function accountActor(scales: Scales): ActorType {
  const marketOf = marketCatalogue(scales);
  return defineActor({
    type: 'account',
    command: AccountCommand,
    event: AccountEvent,
    internal: accountEventsInternal,
    publish: published,
    machine: accountMachine(scales, marketOf),
    decide: (state, command, context) => {
      if (state.value === 'none' && command.name !== 'deposit') return reject('account/unknown');
      if (state.value === 'closed') return reject('account/closed');
      return judge(state, command, context, { scales, marketOf });
    },
    receive: (state, message, context) => receive(state, message, context, scales),
    timer: (state, { name }, context) => {
      if (name === transfersDeadline) return expireTransfers(state, context);
      if (name === holdsDeadline) return expireHolds(state, context, scales);
      throw new Error(`accounts set no deadline ${name}`);
    },
    cites: (command) => (command.name === 'reverse' ? command.of : undefined),
    query: accountQueries(scales),
    results: { commands: AccountResult, queries: AccountQuery },
    persist: {
      save: saveAccount,
      load: (saved) => loadAccount(saved, marketOf),
      write: writeAccount,
    },
    holdings: (state) => holdingsOf(scales, state),
    ledger: (state) => accountLedger(scales, state),
    balances: (state) => balancesOf(scales, state),
    words: accountWords,
  });
}

/** What an order's event tells the world is its report; `origClOrdId` says which order it was before. */
function published(event: AccountEvent): JsonObject {
  if (!('orderType' in event)) return publishedOrder(event);
  const report = reportIn(event);
  return event.type === 'order-replaced' ? { origClOrdId: event.origClOrdId, ...report } : report;
}

type Account = State<AccountContext>;
type Judged = Decision<AccountEvent>;

function accountMachine(scales: Scales, marketOf: MarketCatalogue) {
  const evolve = accountEvolution(scales, marketOf);
  const change = { actions: 'evolve' } as const;
  // A symbol's answers arrive whatever the account's state has become in the meantime.
  const settling = {
    'order-accepted': change,
    'order-traded': change,
    'order-canceled': change,
    'order-rejected': change,
    'order-replaced': change,
    'replace-refused': change,
    'cancel-all-requested': change,
    'cancel-all-answered': change,
  } as const;
  // What is held can be captured, released or expire although the account was frozen meanwhile.
  const holding = {
    captured: change,
    released: change,
    'hold-expired': change,
    'capture-requested': change,
    'capture-refused': change,
    'capture-received': change,
  } as const;
  // As do the answers of another account; and what a yes has promised is kept in any state.
  const transferring = {
    'transfer-rejected': change,
    'transfer-sent': change,
    'transfer-refused': change,
    'transfer-expired': change,
    'transfer-answered': change,
    'transfer-settled': change,
    'transfer-received': change,
    'transfer-voided': change,
    'deposit-reversed': change,
    'withdrawal-reversed': change,
    'transfer-reversed': change,
    'transfer-returned': change,
    'reversal-requested': change,
    'reversal-refused': change,
  } as const;
  return setup({
    types: { context: {} as AccountContext, events: {} as AccountEvent },
    actions: { evolve: ({ context, event }) => evolve(context, event) },
  }).createMachine({
    context: emptyAccount,
    initial: 'none',
    states: {
      none: { on: { deposited: { target: 'open', actions: 'evolve' } } },
      open: {
        on: {
          deposited: change,
          withdrawn: change,
          'symbol-met': change,
          'order-placed': change,
          'replace-requested': change,
          'transfer-begun': change,
          'transfer-admitted': change,
          held: change,
          ...settling,
          ...holding,
          ...transferring,
          frozen: 'frozen',
          closed: 'closed',
        },
      },
      frozen: {
        on: {
          deposited: change,
          ...settling,
          ...holding,
          ...transferring,
          unfrozen: 'open',
          closed: 'closed',
        },
      },
      // What has ended may still have requests behind it, whose answers come last.
      closed: {
        on: {
          'replace-refused': change,
          'cancel-all-answered': change,
          'transfer-answered': change,
          'transfer-settled': change,
        },
      },
    },
  });
}

function judge(
  state: Account,
  command: AccountCommand,
  context: Context,
  { scales, marketOf }: { scales: Scales; marketOf: MarketCatalogue },
): Judged {
  switch (command.name) {
    case 'deposit':
      return deposit(state.context, command, scales);
    case 'withdraw':
      return withdraw(state, command, scales);
    case 'reverse':
      return reverse(state, command, context, scales);
    case 'transfer':
      return beginTransfer(state, command, context, scales);
    case 'hold':
      return hold(state, command, context, scales);
    case 'capture':
      return capture(state, command, context, scales);
    case 'release':
      return release(state, command, context, scales);
    case 'place-order':
      return placeOrder(state, command, context, marketOf);
    case 'cancel-order':
      return cancelOrder(state, command, context);
    case 'cancel-all':
      return cancelAll(state, command, context);
    case 'replace-order':
      return replaceOrder(state, command, context);
    case 'freeze':
      return accept(state.value === 'frozen' ? [] : { type: 'frozen' }, { status: 'frozen' });
    case 'unfreeze':
      return accept(state.value === 'open' ? [] : { type: 'unfrozen' }, { status: 'open' });
    case 'close':
      if (!isEmpty(state.context)) return reject('account/not-empty');
      return accept({ type: 'closed' }, { status: 'closed' });
  }
}

/** What cannot be read may move money, so it must not be passed over: it throws. */
function receive(state: Account, message: Incoming, context: Context, scales: Scales): Judged {
  switch (message.name) {
    case 'order-update':
      return takeUpdate(state, OrderUpdate.parse(message.body), context);
    case creditHold:
      return takeCredit(state, message.body);
    case creditAnswer:
      return takeCreditAnswer(state, message.body, context, scales);
    case reclaimMessage:
      return giveBack(state, message, scales);
    case reclaimAnswer:
      return takeBack(state, message, scales);
    case transferAnswer:
      return takeTransferAnswer(state, message, context);
    default:
      return takeTransferRequest(state, message, context, scales);
  }
}

type Cash = Extract<AccountCommand, { name: 'deposit' | 'withdraw' }>;

function deposit(account: AccountContext, command: Cash, scales: Scales): Judged {
  const { asset } = command;
  const units = amountOf(command, scales);
  if (typeof units === 'string') return reject(units);
  const { available, held } = balanceOf(account, asset);
  if (available + held + units > unitsMax) return reject('money/too-large');
  if (!hasRoomFor(account, asset)) return reject('account/too-many-assets');
  const scale = scaleOf(scales, asset);
  const amount = formatUnits(units, scale);
  return accept(
    moved('deposited', command, amount),
    { asset, available: formatUnits(available + units, scale), held: formatUnits(held, scale) },
    { external: { [asset]: amount } },
  );
}

function withdraw(state: Account, command: Cash, scales: Scales): Judged {
  const { asset } = command;
  const units = amountOf(command, scales);
  if (typeof units === 'string') return reject(units);
  if (state.value === 'frozen') return reject('account/frozen');
  const { available, held } = balanceOf(state.context, asset);
  if (units > available) return reject('account/insufficient-funds');
  const scale = scaleOf(scales, asset);
  return accept(
    moved('withdrawn', command, formatUnits(units, scale)),
    { asset, available: formatUnits(available - units, scale), held: formatUnits(held, scale) },
    { external: { [asset]: formatUnits(-units, scale) } },
  );
}

function moved<Type extends 'deposited' | 'withdrawn'>(
  type: Type,
  { asset, reference }: Cash,
  amount: string,
) {
  return reference === undefined ? { type, asset, amount } : { type, asset, amount, reference };
}

function isEmpty(account: AccountContext): boolean {
  const { orders, holds, transfers, reversals } = account;
  if (orders.size > 0 || (holds?.open.size ?? 0) > 0 || expectsMoney(transfers)) return false;
  if ((reversals?.reclaims.size ?? 0) > 0) return false;
  for (const [, { available, held }] of account.balances) {
    if (available !== 0n || held !== 0n) return false;
  }
  return true;
}
