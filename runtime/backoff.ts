import type { Clock } from './clock.ts';

interface Failures {
  readonly count: number;
  /** On the monotonic clock. */
  readonly notBefore: number;
}

/** The pause after the first failure in a row, which doubles with each, and the longest. */
export interface Pauses {
  readonly msMin: number;
  readonly msMax: number;
}

/** Which partitions have failed of late: each is tried again after a pause that doubles. */
export class Backoff {
  readonly #clock: Clock;
  readonly #msMin: number;
  readonly #msMax: number;
  readonly #failures = new Map<number, Failures>();

  constructor(clock: Clock, { msMin, msMax }: Pauses) {
    this.#clock = clock;
    this.#msMin = msMin;
    this.#msMax = msMax;
  }

  mayTry(partition: number): boolean {
    return this.#clock.monotonic() >= (this.#failures.get(partition)?.notBefore ?? 0);
  }

  /** Counts one more failure in a row, and tells how many there are. */
  failed(partition: number): number {
    const count = (this.#failures.get(partition)?.count ?? 0) + 1;
    const pauseMs = Math.min(this.#msMin * 2 ** (count - 1), this.#msMax);
    this.#failures.set(partition, { count, notBefore: this.#clock.monotonic() + pauseMs });
    return count;
  }

  succeeded(partition: number): void {
    this.#failures.delete(partition);
  }
}
