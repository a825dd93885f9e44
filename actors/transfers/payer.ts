/**
 * The paying account's side, which coordinates: it begins a transfer, decides it once, by the payee's
 * answer or by the deadline, whichever is recorded first, and answers the command with the decision.
 */
import type { AccountCommand } from '../../contracts/account.ts';
import type { AccountEvent } from '../../contracts/account-events.ts';
import { codes, isCode, type Code } from '../../contracts/codes.ts';
import { splitActorKey } from '../../contracts/ids.ts';
import { formatUnits, scaleOf, type Scales } from '../../contracts/money.ts';
import { refusal, success, type Reply } from '../../contracts/reply.ts';
import { balanceOf, type AccountContext } from '../account-state.ts';
import {
  alreadyApplied,
  defer,
  react,
  reject,
  type Context,
  type Decision,
  type Effects,
  type Incoming,
  type Outgoing,
  type State,
} from '../actor.ts';
import { amountOf } from '../amount.ts';
import { sentTransfer, transfersMax, type TransferBook } from './book.ts';
import { toPayee, TransferAnswer } from './messages.ts';
import type { SentTransfer } from './sent.ts';

type Account = State<AccountContext>;
type Judged = Decision<AccountEvent>;
type Transfer = Extract<AccountCommand, { name: 'transfer' }>;

/** The name of the account's deadline for all its undecided transfers. */
export const transfersDeadline = 'transfers';

/** How long a transfer may stay undecided. */
const deadlineMs = 30_000;

/** So many are undone by one record; what is left follows in the next. */
const expiredMax = 500;

/** Begins a transfer, or refuses it; a refusal that is recorded stays visible in the query. */
export function beginTransfer(
  state: Account,
  command: Transfer,
  context: Context,
  scales: Scales,
): Judged {
  const { to, asset } = command;
  const units = amountOf(command, scales);
  if (typeof units === 'string') return reject(units);
  const { transfers: book } = state.context;
  // Within the window the runtime answers a known id; after it, the id is still not to be used again.
  const earlier = sentTransfer(book, context.id);
  if (earlier) return alreadyApplied(earlier.begun);
  const terms = termsOf(command, formatUnits(units, scaleOf(scales, asset)), context);
  const refuse = (code: Code): Judged =>
    reject(code, undefined, [{ type: 'transfer-rejected', ...terms, code, time: context.now }]);
  if (to === selfOf(context)) return refuse('transfer/same-account');
  if (state.value === 'frozen') return refuse('account/frozen');
  if (units > balanceOf(state.context, asset).available) {
    return refuse('account/insufficient-funds');
  }
  if (book && book.undecided.size + book.awaited.size >= transfersMax) {
    return reject('runtime/busy');
  }
  return defer(
    { type: 'transfer-begun', ...terms, time: context.now },
    begin(book, terms, context),
  );
}

type Terms = ReturnType<typeof termsOf>;

const termsOf = (
  { to, asset, reference, protocol = 'tcc' }: Transfer,
  amount: string,
  context: Context,
) => ({
  transferId: context.id,
  protocol,
  to,
  asset,
  amount,
  ...(reference !== undefined && { reference }),
  deadline: context.now + deadlineMs,
});

/** The payee is asked; a choreography's money goes with the question, and has no deadline here. */
function begin(
  book: TransferBook | undefined,
  { protocol, ...terms }: Terms,
  context: Context,
): Effects {
  const body = { ...terms, from: selfOf(context) };
  if (protocol === 'choreography') {
    const value = { [terms.asset]: terms.amount };
    return { send: [toPayee({ name: 'transfer-take', ...body }, value)] };
  }
  const send = [toPayee({ name: 'transfer-ask', ...body })];
  if (book && book.undecided.size > 0) return { send };
  return { send, timers: [{ name: transfersDeadline, at: terms.deadline }] };
}

const selfOf = (context: Context): string => splitActorKey(context.self).id;

/** What the payee's answer leads to. */
export function takeTransferAnswer(state: Account, message: Incoming, context: Context): Judged {
  const answer = TransferAnswer.parse(message.body);
  const { transfers: book } = state.context;
  const undecided = book?.undecided.get(answer.transferId);
  const awaited = book?.awaited.get(answer.transferId);
  switch (answer.answers) {
    case 'asked':
      if (undecided) return decide(book, undecided, answer, context);
      // It was undone before; and where the payee undid it first, nobody waits for this any more.
      if (!awaited) return react([]);
      return react({ type: 'transfer-answered', transferId: awaited.transferId });
    case 'done':
    case 'undone': {
      const { transferId } = known(awaited, answer);
      return react({ type: 'transfer-settled', transferId, time: context.now });
    }
    case 'taken':
      return decide(book, known(awaited, answer), answer, context);
  }
}

/** Undoes what has passed its deadline. */
export function expireTransfers(state: Account, context: Context): Judged {
  const { transfers: book } = state.context;
  const events: AccountEvent[] = [];
  const send: Outgoing[] = [];
  const answers: { id: string; reply: Reply }[] = [];
  let next: number | undefined;
  for (const { transferId, to, deadline } of book?.undecided.values() ?? []) {
    if (deadline > context.now || events.length === expiredMax) {
      next = deadline;
      break;
    }
    events.push({ type: 'transfer-expired', transferId, time: context.now });
    const from = selfOf(context);
    send.push(toPayee({ name: 'transfer-undo', transferId, from, to }));
    answers.push({ id: transferId, reply: refusal('transfer/expired') });
  }
  const timers = next === undefined ? [] : [{ name: transfersDeadline, at: next }];
  return react(events, { send, answers, timers });
}

/** The one decision, by the payee's answer: done, or not. */
function decide(
  book: TransferBook | undefined,
  transfer: SentTransfer,
  { code }: TransferAnswer,
  context: Context,
): Judged {
  const { transferId, to, asset, amount, reference } = transfer;
  const { now: time } = context;
  const last = isLastUndecided(book, transfer);
  const effects = (reply: Reply): Effects => ({
    answers: [{ id: transferId, reply }],
    ...(last && { timers: [{ name: transfersDeadline, at: null }] }),
  });
  if (code !== undefined) {
    const reply = refusal(code, refusalText(code, to));
    return react({ type: 'transfer-refused', transferId, code, time }, effects(reply));
  }
  const moved = { transferId, to, asset, amount, ...(reference !== undefined && { reference }) };
  const done = effects(success({ transferId, status: 'completed' }));
  const from = selfOf(context);
  const send =
    transfer.protocol === 'choreography'
      ? []
      : [toPayee({ name: 'transfer-do', transferId, from, to }, { [asset]: amount })];
  return react({ type: 'transfer-sent', ...moved, time }, { ...done, send });
}

const isLastUndecided = (book: TransferBook | undefined, transfer: SentTransfer): boolean =>
  book?.undecided.size === 1 && book.undecided.has(transfer.transferId);

const refusalText = (code: string, to: string): string | undefined =>
  isCode(code) && code !== 'transfer/expired'
    ? `Of the payee ${to}: ${codes[code].message}`
    : undefined;

function known(transfer: SentTransfer | undefined, answer: TransferAnswer): SentTransfer {
  if (transfer) return transfer;
  throw new Error(`transfer ${answer.transferId} waits for no answer "${answer.answers}"`);
}
