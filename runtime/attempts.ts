/**
 * Partitions that this host tries to get, a few at a time; what failed is tried again ever later.
 *
 * Owns what is wanted, what is under way, and how often each has failed of late.
 */
import { Backoff, type Pauses } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface AttemptsOptions<Wanted> {
  readonly clock: Clock;
  readonly pauses: Pauses;
  readonly isHeld: (partition: number) => boolean;
  /** Fewer than so many may be under way when this one begins. */
  readonly atOnce: (wanted: Wanted) => number;
  /** Resolves to false, or rejects, if it failed. */
  readonly attempt: (wanted: Wanted) => Promise<boolean>;
  readonly onError: (partition: number, tries: number, error: unknown) => void;
}

export class Attempts<Wanted extends { readonly partition: number }> {
  readonly #options: AttemptsOptions<Wanted>;
  readonly #backoff: Backoff;
  readonly #running = new Set<number>();
  #wanted: readonly Wanted[] = [];
  #stopped = false;

  constructor(options: AttemptsOptions<Wanted>) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, options.pauses);
  }

  /** Whether any is under way. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether the pause after a partition's last failure is over. */
  mayTry(partition: number): boolean {
    return this.#backoff.mayTry(partition);
  }

  /** Tries for these from now on, in this order, and for nothing that was wanted before. */
  want(wanted: readonly Wanted[]): void {
    this.#wanted = wanted;
    this.#next();
  }

  #next(): void {
    const { atOnce, isHeld } = this.#options;
    while (!this.#stopped) {
      const [first, ...rest] = this.#wanted;
      if (first === undefined || this.#running.size >= atOnce(first)) return;
      this.#wanted = rest;
      const { partition } = first;
      if (!this.#running.has(partition) && !isHeld(partition)) void this.#try(first);
    }
  }

  async #try(wanted: Wanted): Promise<void> {
    const { partition } = wanted;
    this.#running.add(partition);
    try {
      if (await this.#options.attempt(wanted)) this.#backoff.succeeded(partition);
      else this.#backoff.failed(partition);
    } catch (error) {
      this.#options.onError(partition, this.#backoff.failed(partition), error);
    } finally {
      this.#running.delete(partition);
      this.#next();
    }
  }
}
