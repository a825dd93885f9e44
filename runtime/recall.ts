/**
 * What a partition remembers of the commands it has seen, so that none is applied twice.
 *
 * Owns: `pending`, commands whose reply is deferred, with the callers that wait for them; `recent`,
 * the replies of the latest; `table`, the ids of the whole window (see id-table.ts); `owed`, replies that
 * recovery has found for who waits. All of it can be derived from the log and its sealed segments.
 * Invariants:
 * I1  an id given by a client is in the table, with the position of the record that has its reply,
 *     from the moment at which that record is staged until it has left the window; if the reply is
 *     deferred it is in `pending` from the moment at which the command is decided until then;
 * I2  a caller is answered only when the record with the reply is durable, and by the owner alone: what
 *     recovery finds is told when that is at its end, for until then the partition may be another's.
 */
import type { ActorKey } from '../contracts/ids.ts';
import { recordAddress, type Answer, type LogRecord } from '../contracts/record.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Clock } from './clock.ts';
import type { Caller, Command } from './command.ts';
import type { GroupWriter, Staged } from './group-writer.ts';
import type { IdKey, IdTable } from './id-table.ts';
import type { Limits } from './limits.ts';
import { RecentReplies } from './recent-replies.ts';
import type { Span, Tracer } from './telemetry.ts';

/** A pending command as a checkpoint keeps it. */
export interface PendingCommand {
  readonly actor: ActorKey;
  readonly id: string;
  readonly hash: string;
  /** The reply subject that the log keeps: at it the next owner answers, and at no other. */
  readonly subject: string;
  /** Where its record stands. */
  readonly position: number;
  /** That record's time, from which the callers' patience is measured. */
  readonly time: number;
  readonly trace?: string | undefined;
}

interface Pending extends PendingCommand {
  readonly callers: Caller[];
}

/** What is known of a command's id. */
export type Known =
  | { readonly kind: 'new' }
  /** Decided, its reply not durable yet: a repeat joins `callers`. */
  | { readonly kind: 'under-way'; readonly hash: string; readonly callers: Caller[] }
  | {
      readonly kind: 'answered';
      readonly hash: string;
      readonly text: string;
      readonly code?: string | undefined;
    };

/** Perhaps answered, by a record at one of these positions: only the log can tell. */
export interface Logged {
  readonly kind: 'logged';
  readonly positions: readonly number[];
}

const isNew: Known = { kind: 'new' };

export interface RecallOptions {
  readonly partition: number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly table: IdTable;
  readonly writer: Pick<GroupWriter, 'stagedAt'>;
  /** Makes a caller of a reply subject that the log kept. */
  readonly callerOf: (subject: string, since: number, trace: string | undefined) => Caller;
  readonly tracer?: Tracer | undefined;
}

const pendingKey = (actor: ActorKey, id: string): string => `${actor}\n${id}`;

export class Recall {
  readonly #options: RecallOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #recent: RecentReplies;
  #owed: Answered[] = [];

  constructor(options: RecallOptions) {
    this.#options = options;
    this.#recent = new RecentReplies(options.limits);
  }

  get table(): IdTable {
    return this.#options.table;
  }

  get full(): boolean {
    return this.#pending.size >= this.#options.limits.pendingMax;
  }

  /** Whether there is no room to remember one more id for the promised window. */
  get idsFull(): boolean {
    return this.idsLeft === 0;
  }

  /** How many more ids there is room for. */
  get idsLeft(): number {
    return Math.max(0, this.#options.limits.idsMax - this.table.size - this.#pending.size);
  }

  /** Commands whose reply is deferred. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  find(key: IdKey | undefined): Known | Logged {
    if (key === undefined) return isNew;
    const pending = this.#pendingOf(key.actor, key.id);
    if (pending) return { kind: 'under-way', hash: pending.hash, callers: pending.callers };
    const positions = this.table.find(key.print);
    return positions.length === 0 ? isNew : this.#foundAt(positions, key);
  }

  /** Undefined for a command without an id of its client's. */
  keyOf({ actor, id }: Command): IdKey | undefined {
    return id === '' ? undefined : this.#key(actor, id);
  }

  #key(actor: ActorKey, id: string): IdKey {
    return { actor, id, print: this.table.fingerprint(actor, id) };
  }

  #pendingOf(actor: ActorKey, id: string): Pending | undefined {
    return this.#pending.size === 0 ? undefined : this.#pending.get(pendingKey(actor, id));
  }

  /** The id, or another with its fingerprint, is answered at these positions. */
  #foundAt(positions: readonly number[], { actor, id }: IdKey): Known | Logged {
    const durable: number[] = [];
    for (const position of positions) {
      const staged = this.#options.writer.stagedAt(position);
      if (staged === undefined) durable.push(position);
      else if (staged.record.actor === actor && staged.record.id === id)
        return { kind: 'under-way', hash: staged.record.hash ?? '', callers: staged.callers };
    }
    for (const position of durable) {
      const recent = this.#recent.find(position, actor, id);
      if (recent) return { kind: 'answered', ...recent };
    }
    return durable.length > 0 ? { kind: 'logged', positions: durable } : isNew;
  }

  /** A record was decided: who waits for it is told when it is durable or, if deferred, later. */
  staged({ record, position, key, callers }: Staged): void {
    const { actor, id, hash, reply } = record;
    if (id !== undefined && reply === undefined) {
      const { pending: subject = '', time, trace } = record;
      const pending = { actor, id, hash: hash ?? '', callers, subject, position, time, trace };
      this.#pending.set(pendingKey(actor, id), pending);
    } else if (id !== undefined && hash !== undefined) {
      this.table.add(key?.print ?? this.table.fingerprint(actor, id), position);
    }
    this.#tabulateAnswers(record, position);
  }

  /** I1, of earlier commands that a record answers. */
  #tabulateAnswers({ actor, answers = [] }: LogRecord, position: number): void {
    for (const { id, hash } of answers)
      if (hash !== undefined) this.table.add(this.table.fingerprint(actor, id), position);
  }

  /** Step 6: the record is durable, at this address; whoever waits for a reply in it is told. */
  durable({ record, position, callers }: Staged, at: string): void {
    const { actor, id, hash, reply, answers } = record;
    // Most records of messages answer nobody.
    if (reply === undefined && answers === undefined) return;
    if (id !== undefined && reply !== undefined)
      this.#answer({ actor, id, hash, reply, position, at, callers });
    for (const answer of answers ?? []) {
      const pending = this.#take(actor, answer.id);
      const span = pending && this.#replies(pending, record.trace);
      this.#answer({ actor, ...answer, position, at, callers: pending?.callers ?? [] });
      span?.end(answer.reply.ok ? undefined : answer.reply.error.code);
    }
  }

  /** The step of a deferred reply, which follows from the command and happens because of a record. */
  #replies({ trace }: Pending, because: string | undefined): Span | undefined {
    return trace === undefined ? undefined : this.#options.tracer?.reply(trace, because);
  }

  /** A pending command, which is pending no more. */
  #take(actor: ActorKey, id: string): Pending | undefined {
    const key = pendingKey(actor, id);
    const pending = this.#pending.get(key);
    if (pending) this.#pending.delete(key);
    return pending;
  }

  #answer({ actor, id, hash, reply, position, at, callers }: Answered): void {
    const text = encodeReply(reply, at);
    const code = reply.ok ? undefined : reply.error.code;
    for (const caller of callers) caller.answer(text, code);
    if (hash !== undefined) this.#recent.add({ position, actor, id, hash, text, code });
  }

  /** The hash under which a pending command came, for the record that answers it. */
  hashOf(actor: ActorKey, id: string): string | undefined {
    return this.#pendingOf(actor, id)?.hash || undefined;
  }

  /** Tells callers that have waited too long; the command itself stays pending. */
  expire(): void {
    const { clock, limits } = this.#options;
    const before = clock.now() - limits.replyWaitMs;
    for (const waiting of this.#pending.values()) {
      if (waiting.time > before) break;
      // Commands may be pending for long that nobody waits for any more.
      if (waiting.callers.length === 0) continue;
      const patient = waiting.callers.filter((caller) => caller.since > before);
      const impatient = waiting.callers.filter((caller) => caller.since <= before);
      waiting.callers.splice(0, waiting.callers.length, ...patient);
      tell(impatient, refusal('runtime/pending'));
    }
  }

  /** Tells those who wait for a deferred reply at a subject that the log does not know to ask again. */
  dismiss(): void {
    for (const { callers, subject } of this.#pending.values()) {
      const joined = callers.filter((caller) => caller.subject !== subject);
      tell(joined, refusal('runtime/pending'));
    }
  }

  /** The pending commands whose records stand at or before a position. */
  pending(through: number): PendingCommand[] {
    const pending: PendingCommand[] = [];
    for (const { callers: _, ...command } of this.#pending.values())
      if (command.position <= through) pending.push(command);
    return pending;
  }

  /** Takes in a pending command of a checkpoint or of the log's tail, with its caller. */
  restorePending(command: PendingCommand): void {
    const { clock, limits, callerOf } = this.#options;
    const { subject, time, trace } = command;
    const inTime = time > clock.now() - limits.replyWaitMs;
    const callers = subject !== '' && inTime ? [callerOf(subject, time, trace)] : [];
    this.#pending.set(pendingKey(command.actor, command.id), { ...command, callers });
  }

  /** Takes in a record of the log's tail. */
  restore(record: LogRecord, position: number, epoch: number): void {
    const { id, hash, reply, pending, actor, time, trace } = record;
    const at = recordAddress(this.#options.partition, epoch, position);
    if (id !== undefined && reply === undefined) {
      const subject = pending ?? '';
      this.restorePending({ actor, id, hash: hash ?? '', subject, position, time, trace });
    }
    if (id !== undefined && reply !== undefined && hash !== undefined) {
      this.table.add(this.table.fingerprint(actor, id), position);
      this.#answer({ actor, id, hash, reply, position, at, callers: [] });
    }
    this.#tabulateAnswers(record, position);
    for (const answer of record.answers ?? []) {
      const callers = this.#take(actor, answer.id)?.callers ?? [];
      const found = { actor, ...answer, position, at };
      this.#answer({ ...found, callers: [] });
      if (callers.length > 0) this.#owed.push({ ...found, callers });
    }
  }

  /** Recovery is at its end, and the partition is ours. */
  restored(): void {
    for (const found of this.#owed.splice(0)) tell(found.callers, found.reply, found.at);
    this.expire();
  }
}

/** A reply, the record that has it, and who waits for it. */
interface Answered {
  readonly actor: ActorKey;
  readonly id: string;
  /** Of a client's command with an id. */
  readonly hash?: string | undefined;
  readonly reply: Reply;
  readonly position: number;
  readonly at: string;
  readonly callers: readonly Caller[];
}

/** The reply that a record holds for a command of this id, if it is that record. */
export function replyIn(record: LogRecord, actor: ActorKey, id: string): Answer | undefined {
  if (record.actor !== actor) return undefined;
  const { hash = '', reply } = record;
  if (record.id === id && reply !== undefined) return { id, hash, reply };
  return record.answers?.find((answer) => answer.id === id);
}

function tell(callers: readonly Caller[], reply: Reply, at?: string): void {
  if (callers.length === 0) return;
  const text = encodeReply(reply, at);
  for (const caller of callers) caller.answer(text, reply.ok ? undefined : reply.error.code);
}
