import type { Clock, Timer } from '../clock.ts';

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass: calls back every timer that falls due, in order of time, each at its own time. */
  advance(ms: number): void;
}

interface Due extends Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** `soon` is a real turn of the event loop, so that promises and the memory bus keep running. */
export function manualClock(start = 1_700_000_000_000): ManualClock {
  let elapsed = 0;
  const timers = new Set<Due>();

  const next = (until: number): Due | undefined => {
    let first: Due | undefined;
    for (const timer of timers)
      if (timer.at <= until && (!first || timer.at < first.at)) first = timer;
    return first;
  };

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after(ms, callback) {
      const timer = { at: elapsed + ms, callback, cancel: () => void timers.delete(timer) };
      timers.add(timer);
      return timer;
    },
    soon: (callback) => void setImmediate(callback),
    advance(ms) {
      const until = elapsed + ms;
      for (let due = next(until); due !== undefined; due = next(until)) {
        timers.delete(due);
        elapsed = Math.max(elapsed, due.at);
        due.callback();
      }
      elapsed = until;
    },
  };
}
