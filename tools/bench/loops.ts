/**
 * Two ways to put load on something. The closed loop keeps a number of requests under way and so
 * finds the capacity; the open loop sends at a fixed rate whatever the answers do, and measures each
 * latency from the moment at which the request was due: a stall counts for all that it delayed
 * (coordinated omission).
 */
import { Histogram } from './histogram.ts';

/** Sends the n-th request; resolves with how many units of work it did, 0 if it was refused. */
export type Send = (n: number) => Promise<number>;

export interface Measured {
  /** Units of work, such as commands. */
  readonly done: number;
  /** Requests that were refused or failed. */
  readonly failed: number;
  readonly seconds: number;
  /** Of whole requests, in ms. */
  readonly latency: Histogram;
}

interface Counts {
  done: number;
  failed: number;
}

export interface ClosedLoop {
  readonly send: Send;
  readonly underWay: number;
  readonly seconds: number;
}

/** Keeps `underWay` requests going for so many seconds. */
export async function closedLoop({ send, underWay, seconds }: ClosedLoop): Promise<Measured> {
  const latency = new Histogram();
  const counts: Counts = { done: 0, failed: 0 };
  const began = performance.now();
  const until = began + seconds * 1_000;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < until) await timed(send, next++, performance.now(), latency, counts);
  };
  await Promise.all(Array.from({ length: underWay }, worker));
  return { ...counts, seconds: (performance.now() - began) / 1_000, latency };
}

export interface OpenLoop {
  readonly send: Send;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
}

/**
 * Sends at a fixed rate for so many seconds, then waits for the last answers. What is due is sent
 * once a millisecond: that can add one to a latency, but waiting in a tight loop takes a core from
 * the system that is measured (its p50 at 3,000 orders a second doubled on two cores).
 */
export async function openLoop({ send, rate, seconds }: OpenLoop): Promise<Measured> {
  const latency = new Histogram();
  const counts: Counts = { done: 0, failed: 0 };
  const total = Math.floor(rate * seconds);
  const began = performance.now();
  const answers: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    const sendDue = (): void => {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1_000) * rate));
      while (answers.length < due) {
        const n = answers.length;
        answers.push(timed(send, n, began + (n / rate) * 1_000, latency, counts));
      }
      if (answers.length < total) setTimeout(sendDue, 1);
      else resolve();
    };
    sendDue();
  });
  await Promise.all(answers);
  return { ...counts, seconds: (performance.now() - began) / 1_000, latency };
}

async function timed(
  send: Send,
  n: number,
  from: number,
  latency: Histogram,
  counts: Counts,
): Promise<void> {
  const done = await send(n).catch(() => 0);
  latency.add(performance.now() - from);
  if (done > 0) counts.done += done;
  else counts.failed++;
}
