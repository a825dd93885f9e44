/**
 * How a wrong entry is corrected: by a new one that names it, never by changing the past. A deposit
 * or withdrawal is reversed by the account alone; a transfer by its payer, who asks the payee to give
 * it back. Refused if the money is no longer there; an entry is reversed at most once.
 */
import { z } from 'zod';
import type { AccountCommand } from '../../contracts/account.ts';
import { AccountEvent } from '../../contracts/account-events.ts';
import { codes, isCode, type Code } from '../../contracts/codes.ts';
import { actorKey, splitActorKey } from '../../contracts/ids.ts';
import { formatUnits, parseUnits, scaleOf, type Scales } from '../../contracts/money.ts';
import { refusal, success } from '../../contracts/reply.ts';
import { balanceOf, unitsMax, type AccountContext } from '../account-state.ts';
import {
  accept,
  defer,
  react,
  reject,
  type Context,
  type Decision,
  type Incoming,
  type State,
} from '../actor.ts';
import { reversalsMax } from './book.ts';

type Account = State<AccountContext>;
type Judged = Decision<AccountEvent>;
type Reverse = Extract<AccountCommand, { name: 'reverse' }>;
type Entry = Extract<AccountEvent, { type: 'deposited' | 'withdrawn' | 'transfer-sent' }>;

/** To the payee: give a transfer back. */
export const reclaimMessage = 'transfer-reclaim';
/** From the payee: here it is, with the money in the message; or, with `code`, why not. */
export const reclaimAnswer = 'transfer-reclaimed';

const ReclaimBody = z.strictObject({
  of: z.string(),
  transferId: z.string(),
  from: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().exactOptional(),
});
const AnswerBody = z.strictObject({ of: z.string(), code: z.string().exactOptional() });

/** Judges a reversal; `context.cited` is what happened at the address that it names. */
export function reverse(
  state: Account,
  command: Reverse,
  context: Context,
  scales: Scales,
): Judged {
  const { of, reference } = command;
  const { reversals } = state.context;
  const entry = entryOf(context);
  if (!entry) return reject('reversal/unknown');
  if (reversals?.done.has(of) || reversals?.reclaims.has(of)) return reject('reversal/done');
  if (reversals && reversals.done.size + reversals.reclaims.size >= reversalsMax) {
    return reject('reversal/too-many');
  }
  const { asset, amount } = entry;
  const linked = { of, asset, amount, ...(reference !== undefined && { reference }) };
  const frozen = state.value === 'frozen';
  switch (entry.type) {
    case 'deposited': {
      if (frozen) return reject('account/frozen');
      const left = balanceAfter(state, { asset, amount, sign: -1n }, scales);
      if (typeof left === 'string') return reject(left);
      const external = { [asset]: `-${amount}` };
      return accept({ type: 'deposit-reversed', ...linked }, { of, ...left }, { external });
    }
    case 'withdrawn': {
      const left = balanceAfter(state, { asset, amount, sign: 1n }, scales);
      if (typeof left === 'string') return reject(left);
      const external = { [asset]: amount };
      return accept({ type: 'withdrawal-reversed', ...linked }, { of, ...left }, { external });
    }
    case 'transfer-sent': {
      if (frozen) return reject('account/frozen');
      const { transferId, to } = entry;
      const body = { ...linked, transferId, from: splitActorKey(context.self).id };
      return defer(
        { type: 'reversal-requested', ...linked, transferId, from: to, request: context.id },
        { send: [{ to: actorKey('account', to), name: reclaimMessage, body }] },
      );
    }
  }
}

/** At the payee: the transfer goes back, if its money is there. */
export function giveBack(state: Account, message: Incoming, scales: Scales): Judged {
  const { from, ...terms } = ReclaimBody.parse(message.body);
  const { of, asset, amount } = terms;
  const to = actorKey('account', from);
  const refuse = (code: Code): Judged =>
    react([], { send: [{ to, name: reclaimAnswer, body: { of, code } }] });
  if (state.value === 'closed') return refuse('account/closed');
  if (state.value === 'frozen') return refuse('account/frozen');
  const left = balanceAfter(state, { asset, amount, sign: -1n }, scales);
  if (typeof left === 'string') return refuse(left);
  const value = { [asset]: amount };
  return react(
    { type: 'transfer-returned', ...terms, to: from },
    { send: [{ to, name: reclaimAnswer, body: { of }, value }] },
  );
}

/** At the payer: the money is back, or will not come. */
export function takeBack(state: Account, message: Incoming, scales: Scales): Judged {
  const { of, code } = AnswerBody.parse(message.body);
  const reclaim = state.context.reversals?.reclaims.get(of);
  if (!reclaim) throw new Error(`nobody waits for the reversal of ${of}`);
  const { type: _, request, ...reversed } = reclaim;
  if (code !== undefined) {
    const text = isCode(code) ? `Of the payee ${reclaim.from}: ${codes[code].message}` : undefined;
    const reply = refusal(code, text);
    return react({ type: 'reversal-refused', of }, { answers: [{ id: request, reply }] });
  }
  const { asset, amount } = reclaim;
  const { available, held } = balanceOf(state.context, asset);
  const scale = scaleOf(scales, asset);
  const back = formatUnits(available + unitsOf(asset, amount, scales), scale);
  const reply = success({ of, asset, available: back, held: formatUnits(held, scale) });
  return react({ type: 'transfer-reversed', ...reversed }, { answers: [{ id: request, reply }] });
}

/** What the record at the cited address can be reversed of: it has one entry at most. */
function entryOf({ cited }: Context): Entry | undefined {
  for (const event of cited ?? []) {
    const { data: entry } = AccountEvent.safeParse(event);
    if (entry && isEntry(entry)) return entry;
  }
  return undefined;
}

const isEntry = (event: AccountEvent): event is Entry =>
  event.type === 'deposited' || event.type === 'withdrawn' || event.type === 'transfer-sent';

/** The balance that is left or reached, as replies show it; or why it cannot be. */
function balanceAfter(
  { context: account }: Account,
  { asset, amount, sign }: { asset: string; amount: string; sign: 1n | -1n },
  scales: Scales,
): { asset: string; available: string; held: string } | Code {
  const { available, held } = balanceOf(account, asset);
  const after = available + sign * unitsOf(asset, amount, scales);
  if (after < 0n) return 'account/insufficient-funds';
  if (after + held > unitsMax) return 'account/balance-limit';
  const scale = scaleOf(scales, asset);
  return { asset, available: formatUnits(after, scale), held: formatUnits(held, scale) };
}

function unitsOf(asset: string, amount: string, scales: Scales): bigint {
  const units = parseUnits(amount, scaleOf(scales, asset));
  if (units === undefined) throw new Error(`${amount} ${asset} is too precise`);
  return units;
}
