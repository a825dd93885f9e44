/** The real time and the real chance. */
import { randomFillSync } from 'node:crypto';
import type { Clock, Random } from './clock.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (callback) => void setImmediate(callback),
};

/**
 * Real chance. Its UUIDv7 (RFC 9562) carry 48 bits of time, then a counter of 42 bits that begins at
 * a random place in each millisecond (method 1 of section 6.2, over rand_a and the head of rand_b),
 * then 32 random bits: ids of one source grow strictly, even if the clock steps back.
 */
export function systemRandom(): Random {
  let time = 0;
  let counter = 0;
  const random = randomWords();
  return {
    next: () => Math.random(),
    id(now) {
      if (now > time) {
        time = now;
        counter = (random() % 2 ** 8) * 2 ** 32 + random();
      } else {
        counter += 1;
      }
      return uuid7(time, counter, random());
    },
  };
}

/** 42 bits leave room for 2^41 ids in one millisecond above a random start of 40 bits. */
function uuid7(time: number, counter: number, tail: number): string {
  const clock = time.toString(16).padStart(12, '0');
  const high = Math.floor(counter / 2 ** 30);
  const middle = Math.floor(counter / 2 ** 16) % 2 ** 14;
  const low =
    (counter % 2 ** 16).toString(16).padStart(4, '0') + tail.toString(16).padStart(8, '0');
  const version = (0x7000 + high).toString(16);
  const variant = (0x8000 + middle).toString(16);
  return `${clock.slice(0, 8)}-${clock.slice(8)}-${version}-${variant}-${low}`;
}

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
