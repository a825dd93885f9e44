/**
 * The record that a decision becomes, made ready before anything changes: what cannot be written,
 * sent or published fails here, where a command can still be refused.
 */
import type { Decision, Effects, Outgoing } from '../actors/actor.ts';
import type { ActorKey } from '../contracts/ids.ts';
import type { Answer, Deadline, DeadlineChange, LogRecord, Origin } from '../contracts/record.ts';
import type { Reply } from '../contracts/reply.ts';
import type { Caller, Command } from './command.ts';
import type { Limits } from './limits.ts';
import type { Delivered, Outbox } from './outbox.ts';
import type { Recall } from './recall.ts';
import {
  partitionKey,
  referenceEvent,
  referenceMessage,
  replicatedMessage,
  type ReferenceValue,
} from './reference-data.ts';
import type { Resident } from './resident.ts';
import type { Span } from './telemetry.ts';

/** A decision with the record that it becomes, and the record's bytes. */
export interface Draft {
  readonly decision: Decision;
  readonly record: LogRecord;
  readonly text: string;
}

/** What a record says besides its decision; the caller's subject only if the reply is deferred. */
export interface Origins {
  readonly time: number;
  readonly id: string | undefined;
  readonly hash: string | undefined;
  /** What the record answers, where nothing else in the log says it. */
  readonly asked?: Pick<Command, 'name' | 'body'> | undefined;
  readonly caller: Caller | undefined;
  readonly from: Origin | undefined;
  readonly timer?: Deadline;
  readonly trace: string | undefined;
  /** The step that ends when the record is durable. */
  readonly span?: Span | undefined;
  /** The position of the record that had set this aside. */
  readonly retried: number | undefined;
}

export interface DraftsOptions {
  readonly partition: number;
  readonly partitions: number;
  readonly limits: Limits;
  readonly outbox: Outbox;
  readonly recall: Recall;
  /** Whether records with events hold the commands that they answer, too. */
  readonly keepCommands?: boolean | undefined;
}

/** While it is put together, field by field: spreading parts cost a tenth of a turn. */
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class Drafts {
  readonly #options: DraftsOptions;

  constructor(options: DraftsOptions) {
    this.#options = options;
  }

  /** Throws if the decision cannot be a record; changes nothing in either case. */
  draft(resident: Resident, decision: Decision, origins: Origins): Draft {
    const { events, reply, effects } = decision;
    const { time, id, hash, caller, from, trace, retried } = origins;
    const { limits } = this.#options;
    const version = resident.version + (events.length > 0 ? 1 : 0);
    const out = this.#options.outbox.plan(this.#messages(resident.key, version, effects));
    const record: Mutable<LogRecord> = { time, actor: resident.key, version };
    if (id !== undefined) record.id = id;
    if (hash !== undefined) record.hash = hash;
    const { asked } = origins;
    // Events tell what was asked; where there are none, nothing else would (0017).
    if (asked && (events.length === 0 || this.#options.keepCommands === true))
      record.command = { name: asked.name, body: asked.body };
    if (events.length > 0) record.events = events;
    if (reply) record.reply = reply;
    else if (caller) record.pending = caller.subject;
    if (effects?.answers) record.answers = this.#withHashes(record, effects.answers);
    if (out.length > 0) record.out = out;
    if (from) record.from = from;
    if (origins.timer) record.timer = origins.timer;
    if (effects?.timers && effects.timers.length > 0) record.timers = checked(effects.timers);
    if (effects?.external) record.external = effects.external;
    if (trace !== undefined) record.trace = trace;
    if (retried !== undefined) record.retried = retried;
    const text = JSON.stringify(record);
    if (text.length > limits.messageBytesMax / 4) checkSizes(record, text, limits);
    return { decision, record, text };
  }

  /** The record of a value that was replicated to this partition; it confirms to the actor. */
  reference(message: Delivered, from: Origin, time: number): Omit<Draft, 'decision'> {
    const { outbox, partition } = this.#options;
    if (message.name !== referenceMessage)
      throw new Error(`no message "${message.name}" to a partition`);
    const value = message.body as ReferenceValue;
    const { actor: to, version } = value;
    const out = outbox.plan([{ to, name: replicatedMessage, body: { version } }]);
    const actor = partitionKey(partition);
    const events = [referenceEvent(value)];
    const { trace } = message;
    const record = { time, actor, version: 0, events, out, from, ...(trace && { trace }) };
    return { record, text: JSON.stringify(record) };
  }

  #messages(actor: ActorKey, version: number, effects: Effects = {}): readonly Outgoing[] {
    const { send = [], replicate } = effects;
    if (replicate === undefined) return send;
    const body = { actor, version, value: replicate };
    const copies = Array.from({ length: this.#options.partitions }, (_, partition) => ({
      to: partitionKey(partition),
      name: referenceMessage,
      body,
    }));
    return [...send, ...copies];
  }

  #withHashes(record: LogRecord, answers: readonly { id: string; reply: Reply }[]): Answer[] {
    return answers.map(({ id, reply }) => {
      // One that is deferred by this very record is not pending yet.
      const own = id === record.id ? record.hash : undefined;
      const hash = own ?? this.#options.recall.hashOf(record.actor, id);
      return { id, ...(hash !== undefined && { hash }), reply };
    });
  }
}

const deadlineNameMax = 256;

/** JSON has null for what is not a number, which would clear the deadline instead. */
function checked(changes: readonly DeadlineChange[]): readonly DeadlineChange[] {
  for (const { name, at } of changes) {
    if (at !== null && !Number.isSafeInteger(at))
      throw new Error(`the deadline "${name}" must be a whole number of ms, not ${at}`);
    if (name.length > deadlineNameMax)
      throw new Error(
        `a deadline's name has ${name.length} characters, more than ${deadlineNameMax}`,
      );
  }
  return changes;
}

/** What could not be written, sent or published later must not be decided. */
function checkSizes(
  { reply, answers = [], events = [], out = [] }: LogRecord,
  text: string,
  limits: Limits,
): void {
  const { recordLengthMax, messageBytesMax } = limits;
  if (text.length > recordLengthMax) {
    throw new Error(
      `the record has ${text.length} characters; at most ${recordLengthMax} are allowed`,
    );
  }
  for (const part of [reply, ...answers, ...events, ...out]) {
    const bytes = part === undefined ? 0 : Buffer.byteLength(JSON.stringify(part));
    if (bytes <= messageBytesMax) continue;
    throw new Error(
      `a reply, event or message has ${bytes} bytes; at most ${messageBytesMax} are allowed`,
    );
  }
}
