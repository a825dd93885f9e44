/**
 * Shares the partitions among the living consumers of a group: everyone counts them alike and
 * knows from its place among the names how many seats are its own. Who has too many lets go of
 * some, when what they handed out is acknowledged; who has too few takes free ones.
 */
import type { Clock, Timer } from './clock.ts';
import type { GroupReads } from './group-reads.ts';
import type { EntryId } from './log.ts';
import { SeatReader } from './seat-reader.ts';

export interface SeatsOptions {
  readonly reads: GroupReads;
  readonly clock: Clock;
  readonly group: string;
  /** Unique among the consumers of the group. */
  readonly consumer: string;
  readonly partitions: number;
  /** A consumer that is silent for so long loses its seats. */
  readonly leaseMs: number;
  readonly onError: (error: unknown) => void;
}

export class Seats {
  readonly #options: SeatsOptions;
  readonly #readers = new Map<number, SeatReader>();
  /** Readers whose seats are gone and whose acknowledgements may still be under way. */
  readonly #former = new Set<SeatReader>();
  readonly #newest = new Map<number, EntryId>();
  #timer: Timer | undefined;
  #balancing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SeatsOptions) {
    this.#options = options;
  }

  get readers(): readonly SeatReader[] {
    return [...this.#readers.values()];
  }

  /** Takes the first seats, and goes on to hold and balance them. */
  start(): void {
    this.#balancing = this.#balance()
      .catch(this.#options.onError)
      .then(() => {
        if (this.#stopped) return;
        this.#timer = this.#options.clock.after(this.#options.leaseMs / 3, () => this.start());
      });
  }

  /** Gives all seats up, once what was acknowledged has been told. */
  async stop(): Promise<void> {
    const { reads, group, consumer } = this.#options;
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#balancing;
    await Promise.all([...this.#former, ...this.readers].map((reader) => reader.close()));
    const ending = this.readers.map(({ partition }) => reads.release(this.#seat(partition)));
    // What cannot be said now ends by itself with the lease.
    await Promise.allSettled([...ending, reads.leave(group, consumer)]);
  }

  async #balance(): Promise<void> {
    const { reads, group, consumer, partitions, leaseMs } = this.#options;
    const living = await reads.present(group, consumer, leaseMs);
    const share = fairShare(partitions, living.length, living.indexOf(consumer));
    await this.#hold(this.readers.map((reader) => reader.partition));
    this.readers.forEach((reader, i) => (reader.leaving = i >= share));
    for (const reader of this.readers)
      if (reader.leaving && reader.settled) await this.#giveUp(reader);
    if (this.#readers.size < share) await this.#takeFree(share - this.#readers.size);
  }

  async #takeFree(count: number): Promise<void> {
    const { reads, group, consumer, partitions } = this.#options;
    const holders = await reads.holders(group, partitions);
    const free: number[] = [];
    for (const [partition, holder] of holders.entries()) {
      const takeable = holder === undefined || holder === consumer;
      if (takeable && !this.#readers.has(partition)) free.push(partition);
    }
    await this.#hold(free.slice(0, count));
  }

  /** Takes or extends seats; the right to read is reckoned from before the question was sent. */
  async #hold(wanted: readonly number[]): Promise<void> {
    const { reads, clock, leaseMs, onError } = this.#options;
    const until = clock.monotonic() + leaseMs;
    const held = await reads.hold(
      wanted.map((partition) => this.#seat(partition)),
      leaseMs,
    );
    for (const [i, partition] of wanted.entries()) {
      const reader = this.#readers.get(partition);
      if (held[i] === 'kept' && reader?.holds) reader.until = until;
      // Another may have read meanwhile, so what this one has in hand is out of date.
      else if (reader) this.#drop(reader);
      if (held[i] === 'refused' || this.#readers.has(partition)) continue;
      const newest = this.#newest.get(partition);
      const seat = this.#seat(partition);
      this.#readers.set(partition, new SeatReader({ reads, clock, seat, until, newest, onError }));
    }
  }

  async #giveUp(reader: SeatReader): Promise<void> {
    this.#drop(reader);
    await this.#options.reads.release(this.#seat(reader.partition));
  }

  #drop(reader: SeatReader): void {
    reader.until = 0;
    this.#readers.delete(reader.partition);
    this.#newest.set(reader.partition, reader.newest);
    this.#former.add(reader);
    void reader.close().then(() => this.#former.delete(reader));
  }

  #seat(partition: number) {
    return { group: this.#options.group, consumer: this.#options.consumer, partition };
  }
}

/** How many of the partitions the consumer at this place in the order of names reads. */
export function fairShare(partitions: number, consumers: number, place: number): number {
  return Math.floor(partitions / consumers) + (place < partitions % consumers ? 1 : 0);
}
