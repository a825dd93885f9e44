import type { Refusal } from '../contracts/reply.ts';
import type { Answer } from './client-types.ts';

/** What was asked, for the message of a failure. `id` is that of the command; a query has none. */
export interface Asked {
  readonly actor: string;
  readonly name: string;
  readonly id?: string;
}

/** What the last attempt met: a refusal that may be retried, or an error of the bus. */
export type LastTry = Refusal | Error;

/**
 * No answer until the deadline or the last attempt, and whether the command was carried out is not known. Ask again
 * with the same id: it is applied once, and its first reply repeated.
 */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
  readonly asked: Asked & { readonly id: string };

  constructor(asked: Asked & { readonly id: string }, last?: LastTry) {
    const what = `the outcome of ${asked.name} at ${asked.actor} is unknown (${reason(last)})`;
    super(`${what}; ask again with the same id, ${asked.id}`, { cause: last });
    this.asked = asked;
  }
}

/** No answer until the deadline or the last attempt, and nothing was done: each was turned away. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  readonly asked: Asked;

  constructor(asked: Asked, last?: LastTry) {
    super(`${asked.name} at ${asked.actor} was not done (${reason(last)}); ask again later`, {
      cause: last,
    });
    this.asked = asked;
  }
}

/** Some commands of a batch have no answer; `outcomes` has one entry for each, in order. */
export class BatchIncomplete extends Error {
  override readonly name = 'BatchIncomplete';
  readonly outcomes: readonly (Answer | OutcomeUnknown | Unavailable)[];

  constructor(outcomes: readonly (Answer | OutcomeUnknown | Unavailable)[]) {
    const missing = outcomes.filter((outcome) => outcome instanceof Error).length;
    super(`${missing} of ${outcomes.length} commands have no answer; ask again with the same ids`);
    this.outcomes = outcomes;
  }
}

/**
 * The client was closed, by its user or because NATS will not have it back (`message` says why); what
 * was under way may have been carried out.
 */
export class ClientClosed extends Error {
  override readonly name = 'ClientClosed';

  constructor(why?: string) {
    super(why === undefined ? 'the client is closed' : `the client is closed: ${why}`);
  }
}

/** A host answered with something that is no reply of the wire contract. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
}

function reason(last: LastTry | undefined): string {
  if (last === undefined) return 'it was not sent before the deadline';
  return last instanceof Error ? last.message : last.code;
}
