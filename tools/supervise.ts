import { setTimeout as pause } from 'node:timers/promises';

/** Something that runs until it ends by itself or is stopped; `exited` never rejects. */
export interface Running {
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
}

export interface Supervised<T extends Running> {
  /** What runs now, or ran last. */
  readonly current: T;
  /** Ends it for good; resolves when it is gone. */
  stop(): Promise<void>;
}

const pauseMsMin = 100;
const pauseMsMax = 5_000;
/** After so long a run the next failure counts as the first again. */
const soundRunMs = 30_000;

export interface Supervision {
  /** Hears of each restart, a sentence at a time. */
  readonly tell: (line: string) => void;
  /** Once aborted, what ends is not started again. */
  readonly ending?: AbortSignal | undefined;
}

/**
 * Starts something and starts it again whenever it ends, after a pause that doubles from 100 ms to
 * 5 s. A failure of the first start is the caller's; later ones are told and tried again.
 */
export async function supervise<T extends Running>(
  name: string,
  start: () => Promise<T>,
  { tell, ending }: Supervision,
): Promise<Supervised<T>> {
  const stopping = new AbortController();
  const ended = ending ? AbortSignal.any([stopping.signal, ending]) : stopping.signal;
  let current = await start();
  const watching = watch();

  async function watch(): Promise<void> {
    let pauseMs = pauseMsMin;
    let startedAt = performance.now();
    for (;;) {
      const status = await current.exited;
      if (ended.aborted) return;
      if (performance.now() - startedAt > soundRunMs) pauseMs = pauseMsMin;
      const next = await startAfter(pauseMs, String(status));
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
      startedAt = performance.now();
      if (next === undefined) continue;
      current = next;
      if (stopping.signal.aborted) return current.stop();
    }
  }

  async function startAfter(pauseMs: number, status: string): Promise<T | undefined> {
    try {
      // Ctrl-C may reach the child before it reaches us: told only if nobody has asked for the end.
      await pause(pauseMs, undefined, { signal: ended });
      tell(`${name} ended with status ${status} and is started again`);
      return await start();
    } catch (error) {
      if (!ended.aborted) tell(`${name} could not be started: ${String(error)}`);
      return undefined;
    }
  }

  return {
    get current() {
      return current;
    },
    stop: async () => {
      stopping.abort();
      await current.stop();
      await watching;
    },
  };
}
