/** What two accounts say to each other about a capture. */
import { z } from 'zod';
import { actorKey } from '../../contracts/ids.ts';
import type { Value } from '../../contracts/money.ts';
import type { Outgoing } from '../actor.ts';

/** The captured amount on its way; the message's value is the same. */
export const CreditHold = z.strictObject({
  /** The account that held it. */
  from: z.string(),
  holdId: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().exactOptional(),
});
export type CreditHold = z.infer<typeof CreditHold>;

/** The answer; with a refusal's code the amount comes back as the message's value. */
export const CreditAnswer = z.strictObject({
  holdId: z.string(),
  refused: z.string().exactOptional(),
});
export type CreditAnswer = z.infer<typeof CreditAnswer>;

export const creditHold = 'credit-hold';
export const creditAnswer = 'credit-answer';

export const creditTo = (to: string, body: CreditHold): Outgoing => ({
  to: actorKey('account', to),
  name: creditHold,
  body,
  value: valueOf(body),
});

export const answerTo = (credit: CreditHold, refused?: string): Outgoing => {
  const to = actorKey('account', credit.from);
  const { holdId } = credit;
  if (refused === undefined) return { to, name: creditAnswer, body: { holdId } };
  return { to, name: creditAnswer, body: { holdId, refused }, value: valueOf(credit) };
};

const valueOf = ({ asset, amount }: CreditHold): Value => ({ [asset]: amount });
