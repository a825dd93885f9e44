/**
 * The simulated time, and everything that will happen in it.
 *
 * Owns the queue of what is due. Invariants:
 * S1  what is due at the same time happens in the order in which it was asked for;
 * S2  between two of them all promises settle that can: nothing depends on the real event loop;
 * S3  there is an end: after `stepsMax` of them something calls for itself again and again.
 */
import type { Timer } from '../../runtime/clock.ts';

interface Due {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A simulation takes some 20,000. */
const stepsMax = 5_000_000;

export class Schedule {
  readonly #heap: Due[] = [];
  #steps = 0;
  #now = 0;
  #sequence = 0;

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now;
  }

  /** How many things were asked for so far. */
  get asked(): number {
    return this.#sequence;
  }

  after(ms: number, run: () => void): Timer {
    return this.at(this.#now + ms, run);
  }

  /** At a time of the schedule; one that has passed is now. */
  at(time: number, run: () => void): Timer {
    const due: Due = {
      at: Math.max(this.#now, time),
      sequence: ++this.#sequence,
      run,
      cancelled: false,
    };
    this.#push(due);
    return { cancel: () => void (due.cancelled = true) };
  }

  /** Goes on until this holds (true) or so much time has passed (false). */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const end = this.#now + ms;
    for (;;) {
      await promisesSettled();
      if (holds()) return true;
      const next = this.#heap[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.cancelled) continue;
      if (++this.#steps > stepsMax) throw new Error(`no end after ${stepsMax} steps`);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
    return holds();
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(due);
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, due)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (one === undefined) break;
      const child = other !== undefined && isBefore(other, one) ? left + 1 : left;
      const below = heap[child];
      if (below === undefined || isBefore(last, below)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
  }
}

const isBefore = (one: Due, other: Due): boolean =>
  one.at < other.at || (one.at === other.at && one.sequence < other.sequence);

/** Node runs what is asked for here only when no promise is left that could go on. */
const promisesSettled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
