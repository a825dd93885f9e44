/**
 * The paid account's side: it says whether a transfer may come, and takes it. Its yes binds it: it
 * cannot be closed, and takes the money even when it is frozen by then, until it is told the decision.
 * It never decides alone.
 */
import type { AccountEvent } from '../../contracts/account-events.ts';
import type { Code } from '../../contracts/codes.ts';
import { isJsonObject } from '../../contracts/json.ts';
import { parseUnits, scaleOf, type Scales } from '../../contracts/money.ts';
import { balanceOf, hasRoomFor, unitsMax, type AccountContext } from '../account-state.ts';
import { react, type Context, type Decision, type Incoming, type State } from '../actor.ts';
import { incomingKey, transfersMax } from './book.ts';
import { toPayer, TransferRequest } from './messages.ts';

type Account = State<AccountContext>;
type Judged = Decision<AccountEvent>;
type Request<Name extends TransferRequest['name']> = Extract<TransferRequest, { name: Name }>;

/** What a request of the payer leads to. */
export function takeTransferRequest(
  state: Account,
  { name, body, value }: Incoming,
  context: Context,
  scales: Scales,
): Judged {
  const request = TransferRequest.parse(isJsonObject(body) ? { name, ...body } : body);
  switch (request.name) {
    case 'transfer-ask':
      return asked(state, request, refusalOf(state, request, context, scales));
    case 'transfer-take': {
      const { transferId } = request;
      const code = refusalOf(state, request, context, scales);
      if (code === undefined) {
        const answer = toPayer(request, { transferId, answers: 'taken' });
        return react(received(request), { send: [answer] });
      }
      const answer = toPayer(request, { transferId, answers: 'taken', code }, value);
      return react([], { send: [answer] });
    }
    case 'transfer-do':
      return told(state, request);
    case 'transfer-undo':
      return undo(state, request);
  }
}

function asked(state: Account, request: Request<'transfer-ask'>, code: Code | undefined): Judged {
  const { transferId, from, asset, amount, reference } = request;
  const admitted = state.context.transfers?.admitted.has(incomingKey(request)) === true;
  // Asked again after a yes it says yes again.
  if (code === undefined || admitted) {
    const send = [toPayer(request, { transferId, answers: 'asked' })];
    if (admitted) return react([], { send });
    const moved = { transferId, asset, amount, ...(reference !== undefined && { reference }) };
    return react({ type: 'transfer-admitted', from, ...moved }, { send });
  }
  return react([], { send: [toPayer(request, { transferId, answers: 'asked', code })] });
}

/** What was admitted comes. Anything else is a mistake of ours, and its money must not get lost. */
function told({ context: account }: Account, request: Request<'transfer-do'>): Judged {
  const { transferId } = request;
  const admitted = account.transfers?.admitted.get(incomingKey(request));
  if (!admitted) throw new Error(`transfer ${incomingKey(request)} was not admitted`);
  return react(received(admitted), { send: [toPayer(request, { transferId, answers: 'done' })] });
}

/**
 * Whatever was not received is voided from here on, also what was never asked for: should the
 * question come later, it is refused. An account that is not open admits nothing in any case.
 */
function undo(state: Account, request: Request<'transfer-undo'>): Judged {
  const { transferId, from } = request;
  const send = [toPayer(request, { transferId, answers: 'undone' })];
  const ended = state.context.transfers?.incomingEnded.get(incomingKey(request));
  if (ended === 'received') throw new Error(`transfer ${incomingKey(request)} was received`);
  const open = state.value === 'open' || state.value === 'frozen';
  if (ended === 'voided' || !open) return react([], { send });
  return react({ type: 'transfer-voided', transferId, from }, { send });
}

function refusalOf(
  state: Account,
  request: Request<'transfer-ask' | 'transfer-take'>,
  { now }: Context,
  scales: Scales,
): Code | undefined {
  const { asset, amount, deadline } = request;
  const { transfers } = state.context;
  if (state.value === 'none') return 'account/unknown';
  if (state.value === 'closed') return 'account/closed';
  if (state.value === 'frozen') return 'account/frozen';
  if (now >= deadline || transfers?.incomingEnded.has(incomingKey(request))) {
    return 'transfer/expired';
  }
  if (transfers && transfers.admitted.size >= transfersMax) return 'account/too-many-transfers';
  if (!hasRoomFor(state.context, asset)) return 'account/too-many-assets';
  const { available, held } = balanceOf(state.context, asset);
  const units = parseUnits(amount, scaleOf(scales, asset)) ?? 0n;
  return available + held + units > unitsMax ? 'account/balance-limit' : undefined;
}

const received = (transfer: {
  readonly transferId: string;
  readonly from: string;
  readonly asset: string;
  readonly amount: string;
  readonly reference?: string | undefined;
}): AccountEvent => {
  const { transferId, from, asset, amount, reference } = transfer;
  const text = reference !== undefined && { reference };
  return { type: 'transfer-received', from, transferId, asset, amount, ...text };
};
