/**
 * What an operator asks the owner of a partition: about dead letters (dead-letter.ts), and at
 * `<prefix>.part.<n>.states` in which state actors are that it has in memory.
 */
import { z } from 'zod';
import { DeadLetterRequest } from './dead-letter.ts';
import { parseActorKey } from './ids.ts';

/** So many actors can be asked for at once. */
export const statesMax = 200;

const Actor = z.string().transform((text, context) => {
  const key = parseActorKey(text);
  if (key !== undefined) return key;
  context.addIssue('must be like account/you');
  return z.NEVER;
});

export const StatesRequest = z.strictObject({
  verb: z.literal('states'),
  actors: z.array(Actor).min(1).max(statesMax),
});

export const OperatorRequest = z.discriminatedUnion('verb', [
  ...DeadLetterRequest.options,
  StatesRequest,
]);
export type OperatorRequest = z.infer<typeof OperatorRequest>;
export type OperatorVerb = OperatorRequest['verb'];

/** The result: those of the actors that are in memory, the others are as their snapshots are. */
export const States = z.object({
  states: z.array(
    z.object({
      actor: z.string(),
      version: z.number(),
      /** Of the state as a snapshot would have it. */
      hash: z.string(),
    }),
  ),
  /** To be asked for again: one answer takes no more time than it may. */
  rest: z.array(z.string()),
  /** Too large to be looked at between two turns. */
  large: z.array(z.string()),
});
export type States = z.infer<typeof States>;
