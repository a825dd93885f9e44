import { pause, type Clock } from './clock.ts';

export interface Retrying {
  readonly clock: Clock;
  /** The longest pause; the first is 20 ms, and each is twice the last. */
  readonly msMax: number;
  /** Nobody wants the outcome any more. */
  readonly isClosed: () => boolean;
  /** Told the latest failure, once, when it has lasted: for the operator, for it may be for good. */
  readonly onLasting: (error: unknown) => void;
}

/** So many in a row last: five seconds or ten, longer than a Redis takes that is started again. */
const lastingFailures = 16;

/** Does what may be repeated until the store answers; undefined if it is given up before. */
export async function retried<T>(
  { clock, msMax, isClosed, onLasting }: Retrying,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (let failures = 1; !isClosed(); failures++) {
    try {
      return await work();
    } catch (error) {
      if (failures === lastingFailures && !isClosed()) onLasting(error);
      await pause(clock, Math.min(10 * 2 ** failures, msMax));
    }
  }
  return undefined;
}
