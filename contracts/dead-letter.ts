/**
 * What an operator asks of a partition about what its actors failed on, at the subjects
 * `<prefix>.part.<n>.dead-letters.<verb>`. A reply has the envelope of every reply; its result is as
 * below, with fields added in later versions.
 */
import { z } from 'zod';
import { parseActorKey } from './ids.ts';
import type { Json } from './json.ts';

/** The address of a record, `17:3-4711`: also the name of the dead letter that repeats it. */
export const Address = z.string().regex(/^\d{1,5}:\d{1,15}-\d{1,15}$/, 'must be like 17:3-4711');

const Actor = z.string().transform((text, context) => {
  const key = parseActorKey(text);
  if (key !== undefined) return key;
  context.addIssue('must be like account/you');
  return z.NEVER;
});

/** A request: the subject's verb, and the fields of its body. */
export const DeadLetterRequest = z.discriminatedUnion('verb', [
  /** A page of what is set aside: that after an address, or the first. */
  z.strictObject({ verb: z.literal('list'), after: Address.exactOptional() }),
  /** All that is known of one. */
  z.strictObject({ verb: z.literal('show'), at: Address }),
  /** A command by its address; all that an actor has parked by its key, or the address of any of it. */
  z
    .strictObject({
      verb: z.literal('retry'),
      at: Address.exactOptional(),
      actor: Actor.exactOptional(),
    })
    .refine(({ at, actor }) => (at === undefined) !== (actor === undefined), 'name at or actor'),
]);
export type DeadLetterRequest = z.infer<typeof DeadLetterRequest>;
export type DeadLetterVerb = DeadLetterRequest['verb'];

export const isDeadLetterVerb = (text: string): text is DeadLetterVerb =>
  text === 'list' || text === 'show' || text === 'retry';

/** A line of a list: a command that can be retried, or a message that is parked. */
export const LetterLine = z.looseObject({
  at: Address,
  /** In ms since 1970. */
  time: z.number(),
  actor: z.string(),
  kind: z.enum(['command', 'message']),
  name: z.string(),
  /** Of a command. */
  id: z.string().exactOptional(),
  /** Of a message: the partition that sent it. */
  from: z.number().exactOptional(),
  /** The first line; absent for a message that only waits. */
  error: z.string().exactOptional(),
});

/** An actor that takes nothing until it is retried. */
export const HaltLine = z.looseObject({
  at: Address,
  time: z.number(),
  actor: z.string(),
  error: z.string(),
});

/** The result of `list`; `next` is where the next page begins. */
export const LetterList = z.looseObject({
  halted: z.array(HaltLine),
  letters: z.array(LetterLine),
  next: Address.exactOptional(),
});

/** The result of `show`, besides the line's fields; the state is that in which the actor failed. */
export const Letter = z.looseObject({
  ...LetterLine.shape,
  body: z.custom<Json>((body) => body !== undefined),
  version: z.number().exactOptional(),
  stateHash: z.string().exactOptional(),
  trace: z.string().exactOptional(),
});

/** The result of a retry of an actor: how many messages were applied, how many are parked still. */
export const Drained = z.looseObject({
  actor: z.string(),
  /** It was halted, and goes on. */
  resumed: z.boolean(),
  applied: z.number(),
  parked: z.number(),
  /** On which it failed again; what follows them in their channels waits. */
  failed: z.array(z.looseObject({ at: Address, error: z.string() })),
});
