/** How an account takes what another has captured for it: it credits it, or sends it back. */
import type { AccountEvent } from '../../contracts/account-events.ts';
import type { Code } from '../../contracts/codes.ts';
import { hasRoomFor, type AccountContext } from '../account-state.ts';
import { react, type Decision, type State } from '../actor.ts';
import { answerTo, CreditHold } from './messages.ts';

/** A frozen account takes it, as it takes a deposit. */
export function takeCredit(state: State<AccountContext>, body: unknown): Decision<AccountEvent> {
  const credit = CreditHold.parse(body);
  const refused = whyNot(state, credit);
  const send = [answerTo(credit, refused)];
  return react(refused === undefined ? { type: 'capture-received', ...credit } : [], { send });
}

function whyNot(
  { value, context }: State<AccountContext>,
  { asset }: CreditHold,
): Code | undefined {
  if (value === 'none') return 'account/unknown';
  if (value === 'closed') return 'account/closed';
  return hasRoomFor(context, asset) ? undefined : 'account/too-many-assets';
}
