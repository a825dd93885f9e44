/**
 * The partitions of this host that went wrong in memory. Each is dropped and built again from its
 * log, under a new epoch, after a pause that doubles; one that goes wrong too often is halted.
 *
 * Owns how often each has failed of late.
 */
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Limits } from './limits.ts';

export interface RestartsOptions {
  readonly clock: Clock;
  readonly limits: Limits;
}

const pauses = { msMin: 200, msMax: 10_000 };

export class Restarts {
  readonly #options: RestartsOptions;
  readonly #backoff: Backoff;
  /** On the monotonic clock. */
  readonly #lastAt = new Map<number, number>();

  constructor(options: RestartsOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, pauses);
  }

  /** Whether its pause is over, if it has one. */
  mayTry(partition: number): boolean {
    return this.#backoff.mayTry(partition);
  }

  /** A partition went wrong; tells whether it may be built once more. */
  failed(partition: number): boolean {
    const { clock, limits } = this.#options;
    const now = clock.monotonic();
    const last = this.#lastAt.get(partition) ?? Number.NEGATIVE_INFINITY;
    if (now - last > limits.restartWindowMs) this.#backoff.succeeded(partition);
    this.#lastAt.set(partition, now);
    return this.#backoff.failed(partition) <= limits.restartsMax;
  }
}
