/**
 * What a partition remembers of the commands it has seen, so that none is applied twice.
 *
 * Owns: `underWay`, commands staged or pending, with the callers that wait for them; `recent`, the
 * replies of the latest; `table`, the ids of the whole window (see id-table.ts). All of it can be
 * derived from the log and its sealed segments. Invariants:
 * I1  an id given by a client is in underWay from the moment its command is decided until its reply
 *     is durable, and in the table from then until it has left the window;
 * I2  a caller is answered only when the record with the reply is durable.
 */
import type { ActorKey } from '../contracts/ids.ts';
import { recordAddress, type Answer, type LogRecord } from '../contracts/record.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Clock } from './clock.ts';
import type { Caller, Command } from './command.ts';
import type { Staged } from './group-writer.ts';
import type { Fingerprint, IdTable } from './id-table.ts';
import type { Limits } from './limits.ts';
import type { Span, Tracer } from './telemetry.ts';

interface UnderWay {
  readonly actor: ActorKey;
  readonly id: string;
  readonly hash: string;
  readonly callers: Caller[];
  /** The reply subject that the log keeps: at it the next owner answers, and at no other. */
  readonly subject: string;
  /** Where the pending record stands; 0 for a command whose reply is in its own record. */
  readonly pendingAt: number;
  /** The record's time, from which the callers' patience is measured. */
  readonly time: number;
  readonly trace?: string | undefined;
}

/** A pending command as a checkpoint keeps it. */
export interface PendingCommand {
  readonly actor: ActorKey;
  readonly id: string;
  readonly hash: string;
  readonly subject: string;
  readonly position: number;
  readonly time: number;
  readonly trace?: string | undefined;
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
      readonly code?: string;
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
  /** Makes a caller of a reply subject that the log kept. */
  readonly callerOf: (subject: string, since: number, trace: string | undefined) => Caller;
  readonly tracer?: Tracer | undefined;
}

interface Remembered {
  readonly hash: string;
  readonly text: string;
  readonly code?: string;
}

const keyOf = (actor: ActorKey, id: string): string => `${actor}\n${id}`;

/** A command's id in its scope, with what it is looked up by: computed once a command. */
export interface IdKey {
  readonly text: string;
  readonly print: Fingerprint;
}

export class Recall {
  readonly #options: RecallOptions;
  readonly #underWay = new Map<string, UnderWay>();
  readonly #recent = new Map<string, Remembered>();
  /** Goes on from the last one forgotten: a new iterator would pass the gaps that all before left. */
  #oldest = this.#recent.entries();
  #recentBytes = 0;
  #pendingCount = 0;

  constructor(options: RecallOptions) {
    this.#options = options;
  }

  get table(): IdTable {
    return this.#options.table;
  }

  get full(): boolean {
    return this.#pendingCount >= this.#options.limits.pendingMax;
  }

  /** Whether there is no room to remember one more id for the promised window. */
  get idsFull(): boolean {
    return this.idsLeft === 0;
  }

  /** How many more ids there is room for. */
  get idsLeft(): number {
    return Math.max(0, this.#options.limits.idsMax - this.table.size - this.#underWay.size);
  }

  /** Commands whose reply is deferred. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  find(key: IdKey | undefined): Known | Logged {
    if (key === undefined) return isNew;
    const underWay = this.#underWay.get(key.text);
    if (underWay) return { kind: 'under-way', hash: underWay.hash, callers: underWay.callers };
    const recent = this.#recent.get(key.text);
    if (recent) return { kind: 'answered', ...recent };
    const positions = this.table.find(key.print);
    return positions.length > 0 ? { kind: 'logged', positions } : isNew;
  }

  /** Undefined for a command without an id of its client's. */
  keyOf({ actor, id }: Command): IdKey | undefined {
    return id === '' ? undefined : this.#key(actor, id);
  }

  #key(actor: ActorKey, id: string): IdKey {
    return { text: keyOf(actor, id), print: this.table.fingerprint(actor, id) };
  }

  /** A command was decided; its callers wait for this record or, if deferred, for a later one. */
  staged(staged: Staged): void {
    const { record } = staged;
    if (record.id === undefined) return;
    const deferred = record.reply === undefined;
    if (!deferred && record.hash === undefined) return;
    if (deferred) this.#pendingCount++;
    this.#underWay.set(staged.key?.text ?? keyOf(record.actor, record.id), {
      actor: record.actor,
      id: record.id,
      hash: record.hash ?? '',
      callers: staged.callers,
      subject: record.pending ?? '',
      pendingAt: deferred ? staged.position : 0,
      time: record.time,
      trace: record.trace,
    });
  }

  /** Step 6: the record is durable; whoever waits for a reply in it is told. */
  durable(staged: Staged, epoch: number): void {
    const { record, position } = staged;
    // Most records of messages answer nobody.
    if (record.reply === undefined && record.answers === undefined) return;
    const at = recordAddress(this.#options.partition, epoch, position);
    if (record.id !== undefined && record.reply !== undefined) {
      const { id, hash, reply } = record;
      if (hash === undefined) tell(staged.callers, reply, at);
      else
        this.#answer(staged.key ?? this.#key(record.actor, id), { id, hash, reply }, position, at);
    }
    for (const answer of record.answers ?? []) {
      const key = this.#key(record.actor, answer.id);
      const span = this.#replies(key, record.trace);
      this.#answer(key, answer, position, at);
      span?.end(answer.reply.ok ? undefined : answer.reply.error.code);
    }
  }

  /** The step of a deferred reply, which follows from the command and happens because of a record. */
  #replies({ text }: IdKey, because: string | undefined): Span | undefined {
    const { tracer } = this.#options;
    const trace = tracer && this.#underWay.get(text)?.trace;
    return trace === undefined ? undefined : tracer?.reply(trace, because);
  }

  #answer(key: IdKey, answer: Answer, position: number, at: string): void {
    const underWay = this.#underWay.get(key.text);
    this.#underWay.delete(key.text);
    if (underWay && underWay.pendingAt > 0) this.#pendingCount--;
    const text = encodeReply(answer.reply, at);
    const code = answer.reply.ok ? undefined : answer.reply.error.code;
    for (const caller of underWay?.callers ?? []) caller.answer(text, code);
    if (answer.hash === undefined) return;
    this.table.add(key.print, position);
    this.#remember(key.text, { hash: answer.hash, text, ...(code !== undefined && { code }) });
  }

  #remember(key: string, reply: Remembered): void {
    const { recentRepliesMax, recentBytesMax } = this.#options.limits;
    this.#recent.set(key, reply);
    this.#recentBytes += reply.text.length;
    while (this.#recent.size > recentRepliesMax || this.#recentBytes > recentBytesMax) {
      if (!this.#forgetOldest()) return;
    }
  }

  /** False if nothing is remembered. */
  #forgetOldest(): boolean {
    let { value } = this.#oldest.next();
    if (value === undefined) {
      this.#oldest = this.#recent.entries();
      ({ value } = this.#oldest.next());
    }
    if (value === undefined) return false;
    const [key, { text }] = value;
    this.#recentBytes -= text.length;
    return this.#recent.delete(key);
  }

  /** The hash under which a pending command came, for the record that answers it. */
  hashOf(actor: ActorKey, id: string): string | undefined {
    return this.#underWay.get(keyOf(actor, id))?.hash || undefined;
  }

  /** Tells callers that have waited too long; the command itself stays pending. */
  expire(): void {
    const { clock, limits } = this.#options;
    const before = clock.now() - limits.replyWaitMs;
    for (const waiting of this.#underWay.values()) {
      if (waiting.time > before) break;
      // Commands may be pending for long that nobody waits for any more.
      if (waiting.pendingAt === 0 || waiting.callers.length === 0) continue;
      const patient = waiting.callers.filter((caller) => caller.since > before);
      const impatient = waiting.callers.filter((caller) => caller.since <= before);
      waiting.callers.splice(0, waiting.callers.length, ...patient);
      tell(impatient, refusal('runtime/pending'));
    }
  }

  /** Tells those who wait for a deferred reply at a subject that the log does not know to ask again. */
  dismiss(): void {
    for (const { callers, subject, pendingAt } of this.#underWay.values()) {
      if (pendingAt === 0) continue;
      const joined = callers.filter((caller) => caller.subject !== subject);
      tell(joined, refusal('runtime/pending'));
    }
  }

  /** The pending commands whose records stand at or before a position. */
  pending(through: number): PendingCommand[] {
    const pending: PendingCommand[] = [];
    for (const { pendingAt, ...command } of this.#underWay.values()) {
      if (pendingAt === 0 || pendingAt > through) continue;
      const { actor, id, hash, subject, time, trace } = command;
      pending.push({ actor, id, hash, subject, position: pendingAt, time, trace });
    }
    return pending;
  }

  /** Takes in a pending command of a checkpoint or of the log's tail, with its caller. */
  restorePending(command: PendingCommand): void {
    const { clock, limits, callerOf } = this.#options;
    const { subject, time, trace } = command;
    const inTime = time > clock.now() - limits.replyWaitMs;
    const callers = subject !== '' && inTime ? [callerOf(subject, time, trace)] : [];
    this.#pendingCount++;
    this.#underWay.set(keyOf(command.actor, command.id), {
      ...command,
      callers,
      pendingAt: command.position,
    });
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
      this.#answer(this.#key(actor, id), { id, hash, reply }, position, at);
    }
    for (const answer of record.answers ?? []) {
      this.#answer(this.#key(actor, answer.id), answer, position, at);
    }
  }
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
