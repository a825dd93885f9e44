import type { Clock, Timer } from './clock.ts';

/** Work that is done again and again until it is stopped. */
export class Rounds {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #timers = new Set<Timer>();
  #stopped = false;

  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Calls again `ms` after each call has ended; first after `firstMs`. */
  every(ms: number, work: () => Promise<void>, firstMs = ms): void {
    if (this.#stopped) return;
    const timer = this.#clock.after(firstMs, () => {
      this.#timers.delete(timer);
      void work()
        .catch(this.#onError)
        .finally(() => this.every(ms, work));
    });
    this.#timers.add(timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }
}
