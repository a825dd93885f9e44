/**
 * How an account judges its own holds. A hold ends once: by a capture that `to` has taken, by a
 * release, or by its expiry. While a capture is under way nothing else can end it: who asks is told
 * to ask again, and an expiry waits for the answer.
 */
import type { AccountCommand } from '../../contracts/account.ts';
import type { AccountEvent } from '../../contracts/account-events.ts';
import type { Code } from '../../contracts/codes.ts';
import { splitActorKey } from '../../contracts/ids.ts';
import {
  formatUnits,
  parseUnits,
  scaleOf,
  type Scales,
  type Units,
} from '../../contracts/money.ts';
import { refusal, success } from '../../contracts/reply.ts';
import { balanceOf, type AccountContext } from '../account-state.ts';
import { amountOf } from '../amount.ts';
import {
  accept,
  defer,
  react,
  reject,
  type Context,
  type Decision,
  type Effects,
  type State,
} from '../actor.ts';
import {
  holdsDeadline,
  isExpired,
  nextExpiry,
  openHoldsMax,
  type Hold,
  type HoldBook,
  type HoldEnd,
} from './book.ts';
import { CreditAnswer, creditTo } from './messages.ts';

type Command<Name extends AccountCommand['name']> = Extract<AccountCommand, { name: Name }>;
type Account = State<AccountContext>;
type Judged = Decision<AccountEvent>;

/** Holds money until it is captured, released or expired. */
export function hold(
  { value, context: account }: Account,
  command: Command<'hold'>,
  context: Context,
  scales: Scales,
): Judged {
  const { name: _, holdId, ...terms } = command;
  const { asset, expiresAt = Infinity } = terms;
  const amount = amountOf(command, scales);
  if (typeof amount === 'string') return reject(amount);
  if (value === 'frozen') return reject('account/frozen');
  const { holds } = account;
  if (holds?.open.has(holdId) || holds?.closed.has(holdId)) return reject('hold/duplicate');
  if (expiresAt <= context.now) return reject('hold/expired');
  if ((holds?.open.size ?? 0) >= openHoldsMax) return reject('account/too-many-holds');
  if (amount > balanceOf(account, asset).available) return reject('account/insufficient-funds');
  return accept(
    { type: 'held', holdId, ...terms, amount: formatUnits(amount, scaleOf(scales, asset)) },
    { holdId, status: 'held' },
    isNext(expiresAt, holds, context.now) ? deadlineAt(expiresAt) : undefined,
  );
}

/** H3: whether no other hold will have a deadline set before. */
const isNext = (expiresAt: number, holds: HoldBook | undefined, now: number): boolean =>
  expiresAt < Infinity && expiresAt < nextExpiry(holds, now);

/** Sends the amount to its receiver; the answer ends the hold (see `takeCreditAnswer`). */
export function capture(
  { context: account }: Account,
  command: Command<'capture'>,
  context: Context,
  scales: Scales,
): Judged {
  const found = account.holds?.open.get(command.holdId);
  if (!found) return reject(whyNotOpen(account, command.holdId));
  const to = command.to ?? found.to;
  if (to === undefined) return reject('request/malformed', 'to: is in neither hold nor capture.');
  if (found.to !== undefined && found.to !== to)
    return reject('request/malformed', `to: the hold is for ${found.to}.`);
  const scale = scaleOf(scales, found.asset);
  const amount = command.amount === undefined ? found.amount : parseUnits(command.amount, scale);
  if (amount === undefined) return reject('money/too-precise');
  if (found.capture) return reject('runtime/busy', underWay);
  if (isExpired(found, context.now)) return expiredMeanwhile(found, scales);
  if (amount > found.amount) return reject('hold/exceeds');
  // Of nothing nobody needs to be told: all is released.
  if (amount === 0n) {
    return accept(
      captured(found, { amount, to }, scales),
      capturedResult(found, amount, scales),
      ending(found, account.holds),
    );
  }
  const { holdId, asset, reference } = found;
  const text = formatUnits(amount, scale);
  const credit = {
    from: splitActorKey(context.self).id,
    holdId,
    asset,
    amount: text,
    ...(reference !== undefined && { reference }),
  };
  return defer(
    { type: 'capture-requested', holdId, request: context.id, amount: text, to },
    { send: [creditTo(to, credit)] },
  );
}

/** Makes what is held available again. */
export function release(
  { context: account }: Account,
  { holdId }: Command<'release'>,
  context: Context,
  scales: Scales,
): Judged {
  const found = account.holds?.open.get(holdId);
  if (!found) return reject(whyNotOpen(account, holdId));
  if (found.capture) return reject('runtime/busy', underWay);
  if (isExpired(found, context.now)) return expiredMeanwhile(found, scales);
  return accept(
    { type: 'released', ...about(found, scales) },
    { holdId, status: 'released' },
    ending(found, account.holds),
  );
}

/** What the receiver has said to a capture: the hold has ended, or is as it was and may expire. */
export function takeCreditAnswer(
  { context: account }: Account,
  body: unknown,
  context: Context,
  scales: Scales,
): Judged {
  const { holdId, refused } = CreditAnswer.parse(body);
  const found = account.holds?.open.get(holdId);
  if (!found?.capture) throw new Error(`no capture of hold ${holdId} is under way`);
  const { request, amount } = found.capture;
  if (refused === undefined) {
    const reply = success(capturedResult(found, amount, scales));
    const event = captured(found, found.capture, scales);
    return react(event, { answers: [{ id: request, reply }], ...ending(found, account.holds) });
  }
  const answers = [{ id: request, reply: refusal(refused) }];
  const events: AccountEvent[] = [{ type: 'capture-refused', holdId }];
  if (isExpired(found, context.now)) events.push(expired(found, scales));
  return react(events, { answers });
}

const expiredAtOnce = 500;

/** The deadline of the holds has come: those end whose time it is, and the next one is set. */
export function expireHolds(
  { context: account }: Account,
  context: Context,
  scales: Scales,
): Judged {
  const events: AccountEvent[] = [];
  let next = Infinity;
  for (const found of account.holds?.open.values() ?? []) {
    if (!isExpired(found, context.now)) next = Math.min(next, found.expiresAt ?? Infinity);
    else if (found.capture) continue;
    else if (events.length < expiredAtOnce) events.push(expired(found, scales));
    else next = context.now;
  }
  return react(events, next === Infinity ? undefined : deadlineAt(next));
}

const underWay = 'The hold is being captured. Send it again with the same id after a pause.';

const ended: { readonly [end in HoldEnd]: Code } = {
  captured: 'hold/captured',
  released: 'hold/released',
  expired: 'hold/expired',
};

function whyNotOpen({ holds }: AccountContext, holdId: string): Code {
  const end = holds?.closed.get(holdId);
  return end ? ended[end] : 'hold/unknown';
}

/** The deadline may come late, but from its moment on the hold can only expire. */
const expiredMeanwhile = (found: Hold, scales: Scales): Judged =>
  reject('hold/expired', undefined, [expired(found, scales)]);

const deadlineAt = (at: number): Effects => ({ timers: [{ name: holdsDeadline, at }] });

/** H3: with the last hold that could expire goes the deadline, which would find nothing to do. */
function ending(found: Hold, holds: HoldBook | undefined): Effects | undefined {
  if (found.expiresAt === undefined) return undefined;
  for (const hold of holds?.open.values() ?? [])
    if (hold !== found && hold.expiresAt !== undefined) return undefined;
  return { timers: [{ name: holdsDeadline, at: null }] };
}

const expired = (found: Hold, scales: Scales): AccountEvent => ({
  type: 'hold-expired',
  ...about(found, scales),
});

function captured(
  found: Hold,
  { amount, to }: { amount: Units; to: string },
  scales: Scales,
): AccountEvent {
  const scale = scaleOf(scales, found.asset);
  return {
    type: 'captured',
    ...about(found, scales),
    amount: formatUnits(amount, scale),
    to,
    released: formatUnits(found.amount - amount, scale),
  };
}

const capturedResult = ({ holdId, asset }: Hold, amount: Units, scales: Scales) => ({
  holdId,
  status: 'captured',
  amount: formatUnits(amount, scaleOf(scales, asset)),
});

const about = ({ holdId, asset, amount, reference }: Hold, scales: Scales) => ({
  holdId,
  asset,
  amount: formatUnits(amount, scaleOf(scales, asset)),
  ...(reference !== undefined && { reference }),
});
