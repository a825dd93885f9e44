/**
 * A partition that this host does not own yet, rebuilt as far as its log goes by now: when it comes to
 * be ours, only what was written last has to be read.
 *
 * Owns the partition until it serves. Invariants:
 * F1  it writes nothing, and serves only when the fence with which it was begun has been granted;
 * F2  it rests on the latest checkpoint. With another one its owner drops ids and takes records out of
 *     the log, so that the partition is begun again; under our fence nobody takes one.
 */
import type { LogEnd, Partition } from './partition.ts';

/** An owner that takes checkpoints faster than they can be read is not followed. */
const beginningsMax = 3;

export class Follower {
  readonly #begin: () => Promise<Partition>;
  #partition: Partition | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** `begin` rebuilds the partition from its latest checkpoint. */
  constructor(begin: () => Promise<Partition>) {
    this.#begin = begin;
  }

  /** Takes in what has been written by now; false if it is not up to date all the same. */
  async readOn(): Promise<boolean> {
    return (await this.#upToDate()) !== undefined;
  }

  /** F1: the fence is granted, and the log ends here. What serves is the caller's to close. */
  async serve(end: LogEnd): Promise<Partition> {
    const partition = await this.#upToDate();
    if (partition === undefined) throw new Error('it is not ours, or not any more');
    await partition.serve(end);
    this.#partition = undefined;
    return partition;
  }

  /** Forgets what it has read; what it is reading yet comes to nothing. */
  close(): void {
    this.#closed = true;
    this.#partition?.close();
    this.#partition = undefined;
  }

  /** One after the other: who takes the partition over may come while it is still being read. */
  #upToDate(): Promise<Partition | undefined> {
    const reading = this.#reading.then(() => this.#readToEnd());
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** F2. */
  async #readToEnd(): Promise<Partition | undefined> {
    for (let beginnings = 0; !this.#closed; beginnings++) {
      if (await this.#partition?.followOn()) return this.#partition;
      this.#partition?.close();
      this.#partition = undefined;
      if (beginnings === beginningsMax) break;
      const begun = await this.#begin();
      if (this.#closed) begun.close();
      else this.#partition = begun;
    }
    return undefined;
  }
}
