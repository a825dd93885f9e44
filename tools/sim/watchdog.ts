/**
 * Ends this process when a simulation does not come to its end, and says which: a loop of promises
 * lets nothing else run in its thread, so the watch is kept in another.
 */
import { writeSync } from 'node:fs';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** What makes of this module the thread that keeps watch. */
interface Watch {
  readonly patienceMs: number;
}

export class Watchdog {
  readonly #thread: Worker;

  constructor(patienceMs: number) {
    const watch: Watch = { patienceMs };
    this.#thread = new Worker(new URL(import.meta.url), { workerData: { watch } });
    this.#thread.unref();
  }

  /** A simulation begins, and the last one has ended. */
  begins(seed: string): void {
    this.#thread.postMessage(seed);
  }

  async end(): Promise<void> {
    await this.#thread.terminate();
  }
}

const { watch } = (workerData ?? {}) as { readonly watch?: Watch };
if (watch) keepWatch(watch);

function keepWatch({ patienceMs }: Watch): void {
  let timer: NodeJS.Timeout | undefined;
  parentPort?.on('message', (seed: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const after = `${patienceMs / 1_000} s`;
      writeSync(2, `seed ${seed} has not ended after ${after}: something in it never lets go\n`);
      process.kill(process.pid, 'SIGKILL');
    }, patienceMs);
  });
}
