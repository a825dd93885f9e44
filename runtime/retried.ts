import { pause, type Clock } from './clock.ts';

export interface Retrying {
  readonly clock: Clock;
  /** The longest pause; the first is 20 ms, and each is twice the last. */
  readonly msMax: number;
  /** Nobody wants the outcome any more. */
  readonly isClosed: () => boolean;
}

/** Does what may be repeated until the store answers; undefined if it is given up before. */
export async function retried<T>(
  { clock, msMax, isClosed }: Retrying,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (let failures = 1; !isClosed(); failures++) {
    try {
      return await work();
    } catch {
      await pause(clock, Math.min(10 * 2 ** failures, msMax));
    }
  }
  return undefined;
}
