/** The real time and the real chance. */
import { randomFillSync } from 'node:crypto';
import type { Clock, Random } from './clock.ts';
import { uuidSource } from './uuid.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (callback) => void setImmediate(callback),
};

/** Real chance. */
export const systemRandom = (): Random => ({
  next: () => Math.random(),
  id: uuidSource(randomWords()),
});

/** Random words of 32 bits, drawn a page at a time: one system call for each would cost more than the id. */
function randomWords(): () => number {
  const page = new Uint32Array(1_024);
  let next = page.length;
  return () => {
    if (next === page.length) {
      randomFillSync(page);
      next = 0;
    }
    return page[next++] ?? 0;
  };
}
