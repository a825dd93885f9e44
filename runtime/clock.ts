/** The port to time and chance; the simulator brings its own. */
export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Monotonic, ms since an arbitrary point. */
  monotonic(): number;
  /** Calls back once after `ms`; the timer keeps no process alive by itself. */
  after(ms: number, callback: () => void): Timer;
  /** Calls back soon, after the I/O events that have already arrived. */
  soon(callback: () => void): void;
}

export interface Timer {
  cancel(): void;
}

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A fresh UUIDv7. */
  id(now: number): string;
}

/** Whether a promise is fulfilled within `ms`. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false));
    const settle = (done: boolean) => (): void => {
      timer.cancel();
      resolve(done);
    };
    work.then(settle(true), settle(false));
  });
}

/** Resolves after `ms`. */
export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve));
