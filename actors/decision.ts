/** What a judgement comes to: events, a reply, and what else shall follow from them. */
import type { ActorKey } from '../contracts/ids.ts';
import type { Json } from '../contracts/json.ts';
import type { Value } from '../contracts/money.ts';
import type { DeadlineChange, EventBody } from '../contracts/record.ts';
import { refusal, success, type Reply } from '../contracts/reply.ts';

/** What a judgement came to. Built with `accept`, `reject`, `defer` and `react`. */
export interface Decision<Event extends { type: string } = EventBody> {
  readonly events: readonly Event[];
  /** Absent: the reply follows in a later record (`defer`), or there is nobody to answer (`react`). */
  readonly reply?: Reply;
  readonly effects?: Effects;
  /** See `alreadyApplied`. */
  readonly appliedAt?: number;
}

/** What a decision does besides its events. */
export interface Effects {
  readonly send?: readonly Outgoing[];
  /** Replies to commands of this actor that were deferred earlier, by their ids. */
  readonly answers?: readonly { readonly id: string; readonly reply: Reply }[];
  /** What enters (positive) or leaves (negative) the system: a deposit, a withdrawal. */
  readonly external?: Value;
  /**
   * Reference data: the value that `Context.reference` of every partition shall give for this
   * actor from now on. Each partition that has recorded it sends the message `replicated` with
   * body `{version}`, the actor's version of the record that carried it.
   */
  readonly replicate?: Json;
  /**
   * Deadlines: `at` in ms since 1970 sets the one of this name, in place of an earlier one; null
   * clears it. One that has come goes to `ActorSource.timer`: once, late rather than early, also
   * if the actor has left memory or its host is gone.
   */
  readonly timers?: readonly DeadlineChange[];
}

/** A message to another actor; `value` is what the receiver's holdings change by. */
export interface Outgoing {
  readonly to: ActorKey;
  readonly name: string;
  readonly body: Json;
  readonly value?: Value;
}

/** The command succeeds: its events, and its result (default `{}`). */
export const accept = <const Event extends { type: string }>(
  events: Event | readonly Event[],
  result: Json = {},
  effects?: Effects,
): Decision<Event> =>
  effects
    ? { events: list(events), reply: success(result), effects }
    : { events: list(events), reply: success(result) };

/** The command is refused. Most refusals change nothing; one may still have events and messages. */
export const reject = <const Event extends { type: string } = never>(
  code: string,
  message?: string,
  events: readonly Event[] = [],
  effects?: Effects,
): Decision<Event> => ({ events, reply: refusal(code, message), ...(effects && { effects }) });

/**
 * The actor has applied a command of this id, in its record of this time (ms since 1970), although the
 * runtime no longer remembers it. The reply says where that record stands.
 */
export const alreadyApplied = (time: number): Decision<never> => ({
  events: [],
  reply: refusal('runtime/already-applied'),
  appliedAt: time,
});

/** The command's reply follows in a later record of this actor, through `Effects.answers`. */
export const defer = <const Event extends { type: string }>(
  events: Event | readonly Event[],
  effects?: Effects,
): Decision<Event> => (effects ? { events: list(events), effects } : { events: list(events) });

/** What a message leads to. A message cannot be refused: what it asks may be, by a message back. */
export const react = <const Event extends { type: string }>(
  events: Event | readonly Event[],
  effects?: Effects,
): Decision<Event> => defer(events, effects);

const list = <T>(one: T | readonly T[]): readonly T[] => (Array.isArray(one) ? one : [one as T]);
