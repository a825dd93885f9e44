/** Waits for what a condition says, never for a guessed time. */
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again until the condition gives something other than undefined, and returns that. After the
 * deadline it fails with the claim, and with the last error that the condition threw.
 */
export async function until<T>(
  claim: string,
  condition: () => Promise<T | undefined> | T | undefined,
  deadlineMs = 15_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  let cause: unknown;
  do {
    try {
      const found = await condition();
      if (found !== undefined) return found;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(10);
  } while (performance.now() < end);
  throw new Error(`not within ${deadlineMs} ms: ${claim}`, { cause });
}
