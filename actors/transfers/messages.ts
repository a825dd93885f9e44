/**
 * What payer and payee say to each other. A message is delivered exactly once and in order, however
 * long it takes, so nothing is asked twice; what makes no sense in the receiver's state throws, and
 * is set aside with the money that it carries.
 */
import { z } from 'zod';
import { actorKey } from '../../contracts/ids.ts';
import type { Value } from '../../contracts/money.ts';
import type { Outgoing } from '../actor.ts';

const terms = {
  transferId: z.string(),
  from: z.string(),
  to: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().exactOptional(),
  /** From this moment on a payee that has not been asked before refuses. */
  deadline: z.number().int(),
};
const named = { transferId: z.string(), from: z.string(), to: z.string() };

/** From the payer. */
export const TransferRequest = z.discriminatedUnion('name', [
  /** May it come? Answered `asked`. */
  z.strictObject({ name: z.literal('transfer-ask'), ...terms }),
  /** It comes, and cannot be refused: the money is in the message. Answered `done`. */
  z.strictObject({ name: z.literal('transfer-do'), ...named }),
  /** It does not come. Answered `undone`. */
  z.strictObject({ name: z.literal('transfer-undo'), ...named }),
  /** The money is in the message, and comes back in the answer, `taken`, if it is refused. */
  z.strictObject({ name: z.literal('transfer-take'), ...terms }),
]);
export type TransferRequest = z.infer<typeof TransferRequest>;

/** From the payee; with `code` it refuses. */
export const TransferAnswer = z.strictObject({
  transferId: z.string(),
  answers: z.enum(['asked', 'done', 'undone', 'taken']),
  code: z.string().exactOptional(),
});
export type TransferAnswer = z.infer<typeof TransferAnswer>;

/** The name of the message that carries an answer. */
export const transferAnswer = 'transfer-answer';

/** A request on its way, with the money that it moves. */
export function toPayee({ name, ...body }: TransferRequest, value?: Value): Outgoing {
  return { to: actorKey('account', body.to), name, body, ...(value && { value }) };
}

/** An answer on its way, with the money that goes back. */
export const toPayer = (
  { from }: Pick<TransferRequest, 'from'>,
  answer: TransferAnswer,
  value?: Value,
): Outgoing => ({
  to: actorKey('account', from),
  name: transferAnswer,
  body: answer,
  ...(value && { value }),
});
