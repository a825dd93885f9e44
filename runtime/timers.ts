/**
 * The deadlines of the actors of one partition.
 *
 * Owns which are set, which of them have been handed out to be handled, and which wait for a halted
 * actor. All of it follows from the records alone (`evolve`), so a new owner knows the same.
 * Invariants:
 * D1  an actor has at most one deadline of each name;
 * D2  one that has come stays set until a record handles it (`LogRecord.timer`): if that record does
 *     not become durable, the next owner handles it, so it is handled exactly once in the log;
 * D3  each one that is set is in the heap, handed out, or held for a halted actor; only the first of
 *     these can be handed out. What is in the heap and no longer set is passed over.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Deadline, LogRecord } from '../contracts/record.ts';
import type { Limits } from './limits.ts';

/** A deadline of an actor; the same object as long as it is set. */
export interface Timer extends Deadline {
  readonly actor: ActorKey;
}

/** As a checkpoint keeps it. */
export type SavedTimer = readonly [actor: ActorKey, name: string, at: number];

export class Timers {
  readonly #limits: Limits;
  /** By actor and name. */
  readonly #set = new Map<string, Timer>();
  #heap: Timer[] = [];
  #held: Timer[] = [];

  constructor({ limits }: { readonly limits: Limits }) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#set.size;
  }

  /** Whether client commands may set no more. */
  get full(): boolean {
    return this.#set.size >= this.#limits.timersMax;
  }

  isSet(timer: Timer): boolean {
    return this.#set.get(keyOf(timer.actor, timer.name)) === timer;
  }

  /** Hands out so many that have come by now, the earliest first; each is given back or handled. */
  due(now: number, atMost: number): readonly Timer[] {
    const due: Timer[] = [];
    for (let [first] = this.#heap; first !== undefined && first.at <= now; [first] = this.#heap) {
      if (due.length >= atMost) break;
      popFirst(this.#heap);
      if (this.isSet(first)) due.push(first);
    }
    return due;
  }

  /** Takes back one that was handed out too early. */
  again(timer: Timer): void {
    push(this.#heap, timer);
  }

  /** Keeps one that was handed out until its actor is let go on. */
  hold(timer: Timer): void {
    this.#held.push(timer);
  }

  /** Takes in a record that is staged, or that recovery has found. */
  evolve({ actor, timer, timers, resumed }: LogRecord): void {
    if (timer) this.#clear(actor, timer.name);
    for (const { name, at } of timers ?? []) {
      this.#clear(actor, name);
      if (at !== null) this.#add({ actor, name, at });
    }
    if (resumed) this.#release(actor);
  }

  save(): readonly SavedTimer[] {
    return Array.from(this.#set.values(), ({ actor, name, at }) => [actor, name, at]);
  }

  load(saved: readonly SavedTimer[]): void {
    for (const [actor, name, at] of saved) this.#add({ actor, name, at });
  }

  #add(timer: Timer): void {
    this.#set.set(keyOf(timer.actor, timer.name), timer);
    push(this.#heap, timer);
  }

  #clear(actor: ActorKey, name: string): void {
    if (!this.#set.delete(keyOf(actor, name))) return;
    // Most are cleared long before they come: they must not fill the heap until then.
    if (this.#heap.length <= 2 * this.#set.size + 64) return;
    const left = this.#heap.filter((timer) => this.isSet(timer));
    this.#heap = left.toSorted(compare);
  }

  #release(actor: ActorKey): void {
    for (const timer of this.#held) if (timer.actor === actor) push(this.#heap, timer);
    this.#held = this.#held.filter((timer) => timer.actor !== actor);
  }
}

const keyOf = (actor: ActorKey, name: string): string => `${actor}\n${name}`;

/** Of those of the same moment first the one that sorts first: every owner would take it first. */
function compare(a: Timer, b: Timer): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.actor !== b.actor) return a.actor < b.actor ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/** A binary heap in an array: the parent of n is at (n − 1) / 2, and never later. */
function push(heap: Timer[], timer: Timer): void {
  let at = heap.length;
  for (;;) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || compare(above, timer) <= 0) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = timer;
}

function popFirst(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
    if (left === undefined) break;
    const takesRight = right !== undefined && compare(right, left) < 0;
    const child = takesRight ? right : left;
    if (compare(last, child) <= 0) break;
    heap[at] = child;
    at = 2 * at + (takesRight ? 2 : 1);
  }
  heap[at] = last;
}
