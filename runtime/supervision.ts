/**
 * What a partition knows of actors that fail: a failing actor is contained, its partition goes on.
 *
 * Owns the strikes of each actor, which actors are halted, the messages that are parked, and which
 * dead letters of commands are open. All of it follows from the records alone (`evolve`), so a new
 * owner knows the same. Invariants:
 * S1  strikes count distinct commands and messages; one beyond the limit halts the actor alone;
 * S2  a message is parked if its actor fails on it, is halted, or has a parked message of the same
 *     channel: messages between two partitions are applied in order, also after a retry;
 * S3  a parked message is kept until a record has retried it: its value is never lost.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Aside, LogRecord, Origin } from '../contracts/record.ts';
import type { Limits } from './limits.ts';
import type { EntryId } from './log.ts';

/** A message that waits for a retry. */
export interface Parked {
  readonly actor: ActorKey;
  /** Where the record stands that parked it. */
  readonly at: EntryId;
  readonly time: number;
  readonly from: Origin;
  readonly message: Aside;
  /** Absent if it only waits behind another one or for a halted actor. */
  readonly error?: string;
  /** The step that parked it, if that is traced. */
  readonly trace?: string;
}

/** An actor that takes nothing until an operator lets it go on. */
export interface Halt {
  readonly actor: ActorKey;
  readonly at: EntryId;
  readonly time: number;
  readonly error: string;
}

/** A distinct command or message on which an actor failed. */
interface Strike {
  readonly id: string;
  readonly time: number;
}

/** As a checkpoint keeps it. */
export interface SavedSupervision {
  readonly strikes: readonly (readonly [actor: ActorKey, strikes: readonly Strike[]])[];
  readonly halted: readonly Halt[];
  readonly parked: readonly Parked[];
  readonly letters: readonly EntryId[];
}

export class Supervision {
  readonly #limits: Limits;
  readonly #strikes = new Map<ActorKey, readonly Strike[]>();
  readonly #halted = new Map<ActorKey, Halt>();
  /** S2: of each actor, in the order in which they were parked. */
  readonly #parked = new Map<ActorKey, Parked[]>();
  #parkedCount = 0;
  #parkedLength = 0;
  /** By the positions of their records, in order. */
  readonly #letters = new Map<number, EntryId>();

  constructor({ limits }: { readonly limits: Limits }) {
    this.#limits = limits;
  }

  get halted(): readonly Halt[] {
    return [...this.#halted.values()];
  }

  /** The dead letters of commands that can be retried, oldest first. */
  get letters(): readonly EntryId[] {
    return [...this.#letters.values()];
  }

  get letterCount(): number {
    return this.#letters.size;
  }

  get parkedCount(): number {
    return this.#parkedCount;
  }

  /** Whether no more messages may be set aside: their channels wait. */
  get full(): boolean {
    const { parkedMessagesMax, parkedBytesMax } = this.#limits;
    return this.#parkedCount >= parkedMessagesMax || this.#parkedLength >= parkedBytesMax;
  }

  haltOf(actor: ActorKey): Halt | undefined {
    return this.#halted.size === 0 ? undefined : this.#halted.get(actor);
  }

  /** The parked messages of one actor, or of all, in the order in which they were parked. */
  parked(actor?: ActorKey): readonly Parked[] {
    if (actor !== undefined) return this.#parked.get(actor) ?? [];
    return [...this.#parked.values()].flat().toSorted((a, b) => a.at.position - b.at.position);
  }

  /** S2: whether a message from this partition has to be parked. */
  mustWait(actor: ActorKey, from: number): boolean {
    if (this.#halted.size === 0 && this.#parked.size === 0) return false;
    if (this.#halted.has(actor)) return true;
    return this.#parked.get(actor)?.some((parked) => parked.from.partition === from) ?? false;
  }

  isOpen(position: number): boolean {
    return this.#letters.has(position);
  }

  /** S1: whether a failure on this, at this time, would be one too many. */
  isLastStraw(actor: ActorKey, id: string, time: number): boolean {
    return this.#struck(actor, { id, time }).length > this.#limits.strikesMax;
  }

  /** Takes in a record that is staged, or that recovery has found. */
  evolve(record: LogRecord, at: EntryId): void {
    const { actor, aside, failure, from, retried, resumed, time, trace } = record;
    if (retried !== undefined) this.#settle(actor, retried);
    if (aside && from) {
      const error = failure && { error: failure.error };
      const step = trace !== undefined && { trace };
      this.#park({ actor, at, time, from, message: aside, ...error, ...step });
    } else if (aside) {
      this.#open(at);
    }
    if (failure) {
      this.#strike(actor, { id: strikeId(record), time });
      if (failure.halts) this.#halted.set(actor, { actor, at, time, error: failure.error });
    }
    if (resumed) {
      this.#halted.delete(actor);
      this.#strikes.delete(actor);
    }
  }

  save(): SavedSupervision {
    return {
      strikes: [...this.#strikes],
      halted: this.halted,
      parked: this.parked(),
      letters: this.letters,
    };
  }

  load({ strikes, halted, parked, letters }: SavedSupervision): void {
    for (const [actor, all] of strikes) this.#strikes.set(actor, all);
    for (const halt of halted) this.#halted.set(halt.actor, halt);
    for (const one of parked) this.#park(one);
    for (const at of letters) this.#open(at);
  }

  #park(parked: Parked): void {
    const waiting = this.#parked.get(parked.actor);
    if (waiting) waiting.push(parked);
    else this.#parked.set(parked.actor, [parked]);
    this.#parkedCount++;
    this.#parkedLength += lengthOf(parked);
  }

  #open(at: EntryId): void {
    this.#letters.set(at.position, at);
    if (this.#letters.size <= this.#limits.deadLettersMax) return;
    const [oldest] = this.#letters.keys();
    if (oldest !== undefined) this.#letters.delete(oldest);
  }

  #settle(actor: ActorKey, position: number): void {
    if (this.#letters.delete(position)) return;
    const waiting = this.#parked.get(actor) ?? [];
    const index = waiting.findIndex(({ at }) => at.position === position);
    for (const settled of index < 0 ? [] : waiting.splice(index, 1)) {
      this.#parkedCount--;
      this.#parkedLength -= lengthOf(settled);
    }
    if (waiting.length === 0) this.#parked.delete(actor);
  }

  #strike(actor: ActorKey, strike: Strike): void {
    const strikes = this.#struck(actor, strike);
    // The one that failed last is the last to be forgotten.
    this.#strikes.delete(actor);
    this.#strikes.set(actor, strikes);
    if (this.#strikes.size <= this.#limits.strickenActorsMax) return;
    const [oldest] = this.#strikes.keys();
    if (oldest !== undefined) this.#strikes.delete(oldest);
  }

  #struck(actor: ActorKey, strike: Strike): readonly Strike[] {
    const since = strike.time - this.#limits.strikeWindowMs;
    const earlier = this.#strikes.get(actor) ?? [];
    return [...earlier.filter(({ id, time }) => time > since && id !== strike.id), strike];
  }
}

/** What makes a command, a message or a deadline of an actor another one. */
export function strikeId({
  id = '',
  from,
  timer,
}: Pick<LogRecord, 'id' | 'from' | 'timer'>): string {
  if (timer) return `${timer.name}@${timer.at}`;
  return from ? `${from.partition}>${from.n}` : id;
}

const lengthOf = ({ message }: Parked): number => JSON.stringify(message).length;
