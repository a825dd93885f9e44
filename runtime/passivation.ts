import type { Clock } from './clock.ts';
import type { Residents } from './residents.ts';
import type { Snapshots } from './snapshots.ts';

export interface PassivationOptions {
  readonly residents: Residents;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly onFailure: (reason: string) => void;
}

/** Lets actors leave memory while there are too many: those that have changed are snapshot first. */
export class Passivation {
  readonly #options: PassivationOptions;
  #underWay = false;

  constructor(options: PassivationOptions) {
    this.#options = options;
  }

  tick(): void {
    if (this.#underWay || !this.#options.residents.crowded) return;
    this.#underWay = true;
    this.#run()
      .catch((error: unknown) =>
        this.#options.onFailure(`actors could not leave memory: ${String(error)}`),
      )
      .finally(() => (this.#underWay = false));
  }

  /** Once around those in memory at most, a few in each turn of the event loop. */
  async #run(): Promise<void> {
    const { residents, snapshots, clock } = this.#options;
    for (let left = 2 * residents.size; left > 0 && residents.crowded;) {
      const { changed, lookedAt } = residents.evict();
      left -= lookedAt;
      await snapshots.write(changed);
      for (const resident of changed) residents.drop(resident);
      await new Promise<void>((resolve) => clock.soon(resolve));
    }
  }
}
