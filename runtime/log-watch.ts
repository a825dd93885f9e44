/**
 * Notices a log that has gone back: a store that came back from an older copy of itself, or lost a
 * tail in a fail-over, while a host lives that had seen more of it.
 *
 * Owns how far each log is known to have reached, whoever wrote it. A log never gets shorter by
 * itself, so one that a later look finds shorter has lost acknowledged records.
 */
import type { Leases, Overview } from './leases.ts';

export interface LogWatchOptions {
  readonly leases: Pick<Leases, 'ownerOf'>;
  /** Called at every look, until the log has reached again what it had. */
  readonly onWentBack: (partition: number, reason: string) => void;
}

/** How far a partition has come, by its owner. */
export interface Reached {
  readonly partition: number;
  readonly position: number;
}

export class LogWatch {
  readonly #options: LogWatchOptions;
  readonly #reached = new Map<number, number>();

  constructor(options: LogWatchOptions) {
    this.#options = options;
  }

  /** The highest position that a partition's log has had, as far as is known here; 0 if nothing is. */
  reached(partition: number): number {
    return this.#reached.get(partition) ?? 0;
  }

  /**
   * Compares the owners' records with what was known. They may have been read before our own
   * positions were noted, so what seems to have gone back is read once more.
   */
  async look({ owners }: Overview, own: readonly Reached[]): Promise<void> {
    for (const { partition, position } of own) this.#note(partition, position);
    for (const [partition, owner] of owners.entries()) {
      if (owner === undefined) continue;
      if (owner.top < this.reached(partition)) await this.#compare(partition);
      else this.#note(partition, owner.top);
    }
  }

  async #compare(partition: number): Promise<void> {
    const { leases, onWentBack } = this.#options;
    const known = this.reached(partition);
    const found = (await leases.ownerOf(partition))?.top ?? 0;
    if (found < known) onWentBack(partition, lostRecords(found, known));
  }

  #note(partition: number, position: number): void {
    if (position > this.reached(partition)) this.#reached.set(partition, position);
  }
}

/** What an operator is told of a log that ends at `found` and is known to have reached `known`. */
export const lostRecords = (found: number, known: number): string =>
  `its log ends at ${found} and has reached ${known} before: acknowledged records are gone; restore ` +
  `the log from a copy, then restart the hosts`;
