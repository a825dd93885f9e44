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

/** An archive as the partitions of a host share it: one at a time, for each holds a slice in memory. */
export class SharedArchive {
  readonly #archive: Archive;
  #latest: Promise<unknown> = Promise.resolve();

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  /** Does this once everybody who asked before is done. */
  use<T>(work: (archive: Archive) => Promise<T>): Promise<T> {
    const done = this.#latest.then(() => work(this.#archive));
    this.#latest = done.catch(() => undefined);
    return done;
  }
}
