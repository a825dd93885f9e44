/**
 * Two ways to put load on something. The closed loop keeps a number of requests under way and so
 * finds the capacity; the open loop sends at a fixed rate whatever the answers do, and measures each
 * latency from the moment at which the request was due: a stall counts for all that it delayed
 * (coordinated omission).
 */
import { Histogram } from './histogram.ts';

/** Sends the n-th request; resolves with how many units of work it did, 0 if it was refused. */
export type Send = (n: number) => Promise<number>;

/** What became of one request. */
export interface Answer {
  readonly n: number;
  /** When it was sent or, in the open loop, due: as `performance.now()` tells. */
  readonly due: number;
  readonly ms: number;
  /** Units of work that it did. */
  readonly done: number;
}

export interface Measured {
  /** Units of work, such as commands. */
  readonly done: number;
  /** Requests that were refused or failed. */
  readonly failed: number;
  readonly seconds: number;
  /** Of whole requests, in ms. */
  readonly latency: Histogram;
}

export interface ClosedLoop {
  readonly send: Send;
  readonly underWay: number;
  readonly seconds: number;
}

/** Keeps `underWay` requests going for so many seconds. */
export async function closedLoop({ send, underWay, seconds }: ClosedLoop): Promise<Measured> {
  const tally = new Tally();
  const until = performance.now() + seconds * 1_000;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < until) tally.add(await timed(send, next++, performance.now()));
  };
  await Promise.all(Array.from({ length: underWay }, worker));
  return tally.measured();
}

export interface OpenLoop {
  readonly send: Send;
  /** Requests a second. */
  readonly rate: number;
  /** Infinity: until the signal says so. */
  readonly seconds: number;
  readonly signal?: AbortSignal;
  /** Hears of each answer. */
  readonly hear?: (answer: Answer) => void;
}

/**
 * Sends at a fixed rate for so many seconds, then waits for the last answers. What is due is sent
 * once a millisecond: that can add one to a latency, but waiting in a tight loop takes a core from
 * the system that is measured (its p50 at 3,000 orders a second doubled on two cores).
 */
export async function openLoop(options: OpenLoop): Promise<Measured> {
  const { send, rate, seconds, signal, hear } = options;
  const tally = new Tally();
  const total = Math.floor(rate * seconds);
  const began = performance.now();
  let sent = 0;
  let underWay = 0;
  await new Promise<void>((resolve) => {
    const isOver = (): boolean => sent >= total || signal?.aborted === true;
    const heard = (answer: Answer): void => {
      tally.add(answer);
      hear?.(answer);
      underWay--;
      if (underWay === 0 && isOver()) resolve();
    };
    const sendDue = (): void => {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1_000) * rate));
      for (; sent < due && signal?.aborted !== true; sent++) {
        underWay++;
        void timed(send, sent, began + (sent / rate) * 1_000).then(heard);
      }
      if (!isOver()) setTimeout(sendDue, 1);
      else if (underWay === 0) resolve();
    };
    sendDue();
  });
  return tally.measured();
}

/** Sums up answers as they come: however many, it stays as small. */
class Tally {
  readonly #latency = new Histogram();
  readonly #began = performance.now();
  #done = 0;
  #failed = 0;

  add({ ms, done }: Answer): void {
    this.#latency.add(ms);
    if (done > 0) this.#done += done;
    else this.#failed++;
  }

  measured(): Measured {
    const seconds = (performance.now() - this.#began) / 1_000;
    return { done: this.#done, failed: this.#failed, seconds, latency: this.#latency };
  }
}

async function timed(send: Send, n: number, due: number): Promise<Answer> {
  const done = await send(n).catch(() => 0);
  return { n, due, ms: performance.now() - due, done };
}
