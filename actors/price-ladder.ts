/**
 * One side's price levels, sorted, in chunks: the best level stands last in the last chunk, where
 * reading it costs nothing and adding or taking a level beside it costs next to nothing. Elsewhere
 * a change moves at most one chunk, so a ladder of a million levels is about as fast as one of ten.
 *
 * Invariants: no chunk is empty or longer than `chunkLengthMax`; ranks ascend strictly through all
 * chunks; every level of the ladder is in `byPrice`.
 */
import type { Side } from '../contracts/execution-report.ts';

/** What a ladder sorts; `price` is in ticks. */
export interface Priced {
  readonly price: number;
}

const chunkLengthMax = 512;
const chunkLengthMin = 64;

export class PriceLadder<Level extends Priced> {
  readonly #byPrice = new Map<number, Level>();
  readonly #chunks: Level[][] = [];
  /** Makes the better of two prices the higher rank on both sides. */
  readonly #sign: 1 | -1;

  constructor(side: Side) {
    this.#sign = side === 'buy' ? 1 : -1;
  }

  get size(): number {
    return this.#byPrice.size;
  }

  get best(): Level | undefined {
    const chunk = this.#chunks.at(-1);
    return chunk?.[chunk.length - 1];
  }

  get worst(): Level | undefined {
    return this.#chunks[0]?.[0];
  }

  at(price: number): Level | undefined {
    return this.#byPrice.get(price);
  }

  /** Visits the levels, best first, for as long as `visit` returns true. */
  walk(visit: (level: Level) => boolean): void {
    for (let c = this.#chunks.length - 1; c >= 0; c--) {
      const chunk = this.#chunks[c] as Level[];
      for (let i = chunk.length - 1; i >= 0; i--) {
        if (!visit(chunk[i] as Level)) return;
      }
    }
  }

  /** Adds a level whose price the ladder does not have. */
  insert(level: Level): void {
    this.#byPrice.set(level.price, level);
    const rank = this.#rankOf(level);
    const c = this.#chunkFor(rank);
    const chunk = this.#chunks[c];
    if (!chunk) {
      this.#chunks.push([level]);
      return;
    }
    const i = this.#indexIn(chunk, rank);
    if (i === chunk.length) chunk.push(level);
    else chunk.splice(i, 0, level);
    if (chunk.length > chunkLengthMax) {
      this.#chunks.splice(c + 1, 0, chunk.splice(chunk.length >>> 1));
    }
  }

  /** Takes out a level that the ladder has. */
  remove(level: Level): void {
    this.#byPrice.delete(level.price);
    const rank = this.#rankOf(level);
    const c = this.#chunkFor(rank);
    const chunk = this.#chunks[c] as Level[];
    const i = this.#indexIn(chunk, rank);
    if (i === chunk.length - 1) chunk.pop();
    else chunk.splice(i, 1);
    if (chunk.length < chunkLengthMin) this.#shrink(c, chunk);
  }

  /** Merges a short chunk into the one before it, so that few levels never hold many chunks. */
  #shrink(c: number, chunk: Level[]): void {
    const before = this.#chunks[c - 1];
    if (before && before.length + chunk.length <= chunkLengthMax / 2) {
      for (const level of chunk) before.push(level);
      this.#chunks.splice(c, 1);
    } else if (chunk.length === 0) {
      this.#chunks.splice(c, 1);
    }
  }

  #rankOf(level: Priced): number {
    return level.price * this.#sign;
  }

  /** The first chunk that ends at or above the rank, else the last one. */
  #chunkFor(rank: number): number {
    let low = 0;
    let high = Math.max(0, this.#chunks.length - 1);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = (this.#chunks[middle] as Level[]).at(-1) as Level;
      if (this.#rankOf(last) < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where in a chunk the rank is or belongs; a rank above all of them is the common case. */
  #indexIn(chunk: readonly Level[], rank: number): number {
    let high = chunk.length;
    if (high > 0 && this.#rankOf(chunk[high - 1] as Level) < rank) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rankOf(chunk[middle] as Level) < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
