import { expect, test } from 'vitest';
import { closedLoop, openLoop, type Send } from '../../tools/bench/loops.ts';

const stallMs = 60;

/** Answers at once, but for one request, during which nothing else happens either. */
const stallsOnce: Send = (n) => {
  const until = performance.now() + (n === 10 ? stallMs : 0);
  while (performance.now() < until);
  return Promise.resolve(1);
};

test('the open loop counts a stall for all requests that it delayed', async () => {
  const { done, latency } = await openLoop({ send: stallsOnce, rate: 1_000, seconds: 0.1 });
  expect(done).toBe(100);
  expect(latency.count).toBe(100);
  // One request was due every millisecond: 60 of the 100 waited, half of those for 30 ms or more.
  expect(latency.percentile(0.75)).toBeGreaterThan(20);
  expect(latency.max).toBeGreaterThan(stallMs - 1);
});

test('the closed loop counts a stall once', async () => {
  const { done, latency } = await closedLoop({ send: stallsOnce, underWay: 1, seconds: 0.1 });
  expect(done).toBeGreaterThan(100);
  expect(latency.max).toBeGreaterThan(stallMs - 1);
  expect(latency.percentile(0.99)).toBeLessThan(stallMs / 2);
});

test('the closed loop keeps just so many requests under way', async () => {
  let underWay = 0;
  let most = 0;
  const send: Send = async () => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    return 1;
  };
  await closedLoop({ send, underWay: 7, seconds: 0.02 });
  expect(most).toBe(7);
  expect(underWay).toBe(0);
});

test('the open loop waits for the last answer', async () => {
  let answered = 0;
  const send: Send = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    answered++;
    return 1;
  };
  const { done } = await openLoop({ send, rate: 5_000, seconds: 0.01 });
  expect(answered).toBe(50);
  expect(done).toBe(50);
});

test('the open loop ends when it is told to, and tells of each answer when it was due', async () => {
  const enough = new AbortController();
  const due: number[] = [];
  const send: Send = (n) => {
    if (n === 20) enough.abort();
    return Promise.resolve(1);
  };
  const { done } = await openLoop({
    send,
    rate: 1_000,
    seconds: Infinity,
    signal: enough.signal,
    hear: (answer) => due.push(answer.due),
  });
  expect(done).toBe(21);
  expect((due.at(-1) ?? 0) - (due[0] ?? 0)).toBeCloseTo(20, 5);
});

test('refusals and failures count as failed, not as work', async () => {
  const send: Send = (n) =>
    n % 3 === 0 ? Promise.reject(new Error('no answer')) : Promise.resolve(n % 3 === 1 ? 0 : 100);
  const { done, failed, latency } = await openLoop({ send, rate: 3_000, seconds: 0.01 });
  expect(failed).toBe(20);
  expect(done).toBe(1_000);
  expect(latency.count).toBe(30);
});
