/**
 * The ports to tracing and to metrics. A host has neither unless somebody listens; then all that is
 * paid is a look whether there is one.
 *
 * The story of a request goes through the log: a record's `trace` is the step that made it, and what
 * follows from the record (messages, a deferred reply) is a step after that one, whoever takes it.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { LogRecord, Origin } from '../contracts/record.ts';
import type { Fence } from './log.ts';

/** One step of a story that is being told. */
export interface Span {
  /** W3C trace context: what follows from this step carries it. */
  readonly traceparent: string;
  /** What came of it stands in the log, here. */
  recorded(epoch: number, position: number): void;
  /** Another step belongs to this one. */
  link(other: Span): void;
  /** Once; further calls do nothing. With the code of a refusal, if it was refused. */
  end(code?: string): void;
}

/** A request of a client. */
export interface RequestStep {
  readonly verb: 'cmd' | 'get';
  readonly type: string;
  /** Of the actor, unless the request is for several. */
  readonly actor?: ActorKey;
  readonly name: string;
  /** The command's id, if the client gave one. */
  readonly id: string | undefined;
  readonly partition: number;
  /** What the client sent of its own trace. */
  readonly trace: string | undefined;
}

/** A message from one actor to another. */
export interface MessageStep {
  readonly to: ActorKey;
  readonly name: string;
  /** Where it comes from, and the partition that it goes to. */
  readonly from: Origin;
  readonly partition: number;
  /** The step that it follows from. */
  readonly trace: string;
}

/** A record on its way into the log, with the step that made it. */
export interface TracedRecord {
  readonly record: Pick<LogRecord, 'trace'>;
  readonly span?: Span | undefined;
}

/** Begins steps; undefined for those that are not sampled. */
export interface Tracer {
  /** A request has come to the owner of its actor. */
  request(step: RequestStep): Span | undefined;
  /** A message is on its way, until its receiver has it in its log. */
  send(step: MessageStep): Span | undefined;
  /** An actor takes a message. */
  take(step: MessageStep): Span | undefined;
  /** A group of records is appended behind a position. */
  append(fence: Fence, after: number, records: readonly TracedRecord[]): Span | undefined;
  /** A deferred reply goes out, to the command of one step, because of another step. */
  reply(trace: string, because: string | undefined): Span | undefined;
}

/** Counts and measures; times in ms. */
export interface Meter {
  /** A command was answered, with the code of a refusal if it was one. */
  answered(type: string, name: string, code: string | undefined, ms: number): void;
  /** How long a decision took, from the recalled id to the staged record. */
  turn(ms: number): void;
  /** A group is durable. */
  appended(records: number, ms: number): void;
}
