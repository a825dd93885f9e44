import type { ActorKey } from './ids.ts';
import type { Json, JsonObject } from './json.ts';
import type { Value } from './money.ts';
import type { Reply } from './reply.ts';

/** An event as the log keeps it: its `type` in the past tense, the rest its body. */
export type EventBody = JsonObject & { readonly type: string };

/** The outcome of one command or message: what one position of a partition's log holds. */
export interface LogRecord {
  /** Milliseconds since 1970; never decreases within a partition. */
  readonly time: number;
  readonly actor: ActorKey;
  /** The actor's version after this record: one more than before if there are events. */
  readonly version: number;
  /** The command's id: the client's, or a UUIDv7 that the host gave it. Absent for a message. */
  readonly id?: string;
  /** Hash of name and canonical body, for a command whose id came from the client. */
  readonly hash?: string;
  /**
   * The command as it came, where no events tell of it or hosts keep all; one that was set aside is
   * in `aside`.
   */
  readonly command?: Pick<Aside, 'name' | 'body'>;
  readonly events?: readonly EventBody[];
  /** Absent while the reply is pending, and for a message. */
  readonly reply?: Reply;
  /** The subject a deferred reply goes to; empty if its caller waits inside a batch. */
  readonly pending?: string;
  /** The deferred commands of the same actor that this record ends. */
  readonly answers?: readonly Answer[];
  readonly out?: readonly Message[];
  /** Where a message came from. */
  readonly from?: Origin;
  /** The deadline that has come and that this record handles: with it, it is no longer set. */
  readonly timer?: Deadline;
  /** Deadlines that the actor sets or clears with this record. */
  readonly timers?: readonly DeadlineChange[];
  /** What this record sets aside instead of carrying it out: with `from` a message, else a command. */
  readonly aside?: Aside;
  /** Why; absent for a message that waits behind another one or for a halted actor. */
  readonly failure?: Failure;
  /** The position of the record that had set aside what this one carries out, or tries again. */
  readonly retried?: number;
  /** An operator lets the halted actor go on. */
  readonly resumed?: true;
  /** What entered (positive) or left (negative) the system with this record. */
  readonly external?: Value;
  /** The W3C traceparent, if the command was sampled. */
  readonly trace?: string;
}

/** A moment of which an actor wants to be told; it has at most one of each name. */
export interface Deadline {
  readonly name: string;
  /** In ms since 1970: it is handled by a record whose time is this or later. */
  readonly at: number;
}

/** Sets a deadline, in place of an earlier one of this name, or clears it with null. */
export interface DeadlineChange {
  readonly name: string;
  readonly at: number | null;
}

export interface Answer {
  readonly id: string;
  readonly hash?: string;
  readonly reply: Reply;
}

/** A message between actors; `n` is its number in the channel from this partition to `to`'s. */
export interface Message {
  readonly to: ActorKey;
  readonly n: number;
  readonly name: string;
  readonly body: Json;
  /** What the receiver's holdings change by when it applies the message. */
  readonly value?: Value;
}

/** A command or message as it came; a message's value moves when a later record has `retried` it. */
export interface Aside {
  readonly name: string;
  readonly body: Json;
  readonly value?: Value;
}

/**
 * Judgement or the statechart failed, and nothing of it happened. What it failed on is set aside;
 * only a deadline is not: the same record sets it anew, for a while later.
 */
export interface Failure {
  readonly error: string;
  /** It was one too many: from here on the actor takes nothing until it is `resumed`. */
  readonly halts?: true;
}

export interface Origin {
  readonly partition: number;
  readonly n: number;
  /** The id of the log entry in which the sender's record stands. */
  readonly entry: string;
}

/** The records of one stream entry, one JSON document a line, so that redis-cli shows them readably. */
export const encodeGroup = (records: readonly string[]): string => `[${records.join(',\n')}]`;

export const decodeGroup = (text: string): LogRecord[] => JSON.parse(text) as LogRecord[];

/** Of the records in a group those of one actor; the others are not parsed. */
export function decodeRecordsOf(actor: ActorKey, text: string): LogRecord[] {
  const mark = `"actor":${JSON.stringify(actor)}`;
  const records: LogRecord[] = [];
  for (let at = text.indexOf(mark); at >= 0;) {
    // A line feed inside of a record would be escaped.
    const from = text.lastIndexOf('\n', at) + 1;
    const next = text.indexOf('\n', at);
    const end = next < 0 ? text.length - 1 : next - 1;
    const record = JSON.parse(text.slice(from === 0 ? 1 : from, end)) as LogRecord;
    if (record.actor === actor) records.push(record);
    at = next < 0 ? -1 : text.indexOf(mark, next);
  }
  return records;
}

/** The id of the stream entry whose first record stands at `position`. */
export const entryId = (epoch: number, position: number): string => `${epoch}-${position}`;

export function parseEntryId(id: string): { epoch: number; position: number } {
  const dash = id.indexOf('-');
  return { epoch: Number(id.slice(0, dash)), position: Number(id.slice(dash + 1)) };
}

/** The address of a record, `17:3-4711`: partition, epoch, position. */
export const recordAddress = (partition: number, epoch: number, position: number): string =>
  `${partition}:${epoch}-${position}`;

/** Reads an address that is known to be one. */
export function parseRecordAddress(address: string): {
  readonly partition: number;
  readonly epoch: number;
  readonly position: number;
} {
  const colon = address.indexOf(':');
  return { partition: Number(address.slice(0, colon)), ...parseEntryId(address.slice(colon + 1)) };
}
