/**
 * The port to the archive: where entries go before they leave the log. The adapters are `files/` (the
 * product) and `memory/`; both pass `test/conformance/archive.ts`.
 */
import type { Entry } from './log.ts';

export interface Archive {
  /**
   * Keeps entries of a partition, oldest first and without a gap; resolves when they are durable.
   * The same again changes nothing, and what is kept may overlap.
   */
  write(partition: number, entries: readonly Entry[]): Promise<void>;
  /**
   * The entries that were kept together with the one that holds a position, from that one on; none
   * if it was not archived. Rejects with ArchiveDamaged if they are not what was written.
   */
  read(partition: number, position: number): Promise<readonly Entry[]>;
}

/** What the archive holds is not what was written to it. */
export class ArchiveDamaged extends Error {
  override readonly name = 'ArchiveDamaged';
}

/** Each holds a slice of a log in memory, and mostly waits: for Redis, for the disk. */
const atOnceMax = 3;

/**
 * An archive as the partitions of a host share it: a few at a time, for one after the other is as slow
 * as each answer. Under load that was too slow to keep up, and what waited made the load heavier.
 */
export class SharedArchive {
  readonly #archive: Archive;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  /** Does this as soon as those who asked before leave room. */
  async use<T>(work: (archive: Archive) => Promise<T>): Promise<T> {
    if (this.#underWay >= atOnceMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#underWay++;
    }
    try {
      return await work(this.#archive);
    } finally {
      // Whoever waits takes over this place.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#underWay--;
    }
  }
}
