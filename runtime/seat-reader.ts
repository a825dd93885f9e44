/**
 * Reads one partition for one consumer group, for as long as this consumer holds its seat.
 *
 * I1 entries are taken in the order of the log: first what the group was given and has not
 *    acknowledged (by a former holder, or in an answer that was lost on the way here), then what
 *    comes next.
 * I2 what comes next is asked for by what it follows. A group that has been given more, by a call whose
 *    answer was lost or that landed late, answers `moved`, and the reader begins with I1 again.
 * I3 at most `unacknowledgedMax` entries are out without an acknowledgement.
 */
import type { Clock } from './clock.ts';
import type { GroupReads, Seat } from './group-reads.ts';
import { compareEntries, logStart, type Entry, type EntryId } from './log.ts';

/** The log ends before something that was read from it: a failover lost its tail. Reading on would skip. */
export class LogWentBack extends Error {
  override readonly name = 'LogWentBack';
  constructor(partition: number, log: EntryId, read: EntryId) {
    const [end, known] = [log, read].map(({ epoch, position }) => `${epoch}-${position}`);
    super(
      `The log of partition ${partition} ends at ${end}, but ${known} was read from it. ` +
        'Records were lost: find out which before reading on with a new group.',
    );
  }
}

export interface SeatReaderOptions {
  readonly reads: GroupReads;
  readonly clock: Clock;
  readonly seat: Seat;
  /** When the right to read ends, on the monotonic clock. */
  readonly until: number;
  /** The newest entry that this process ever read of the partition. */
  readonly newest: EntryId | undefined;
  readonly onError: (error: unknown) => void;
}

/** Bounds what one answer of Redis brings, and with it the memory of a reader. */
const entriesPerRead = 8;
const unacknowledgedMax = 64;
const retryMs = 100;

export class SeatReader {
  readonly partition: number;
  /** When the right to read ends, on the monotonic clock; 0 once the seat is lost. */
  until: number;
  /** The seat is to go to another consumer: nothing more is read for it. */
  leaving = false;
  newest: EntryId;
  readonly #options: SeatReaderOptions;
  #repeating = true;
  #repeatedTo = logStart;
  /** The newest entry that the group was given, as far as this reader knows. */
  #delivered = logStart;
  #waiting: Entry[] = [];
  #acknowledged: EntryId[] = [];
  #unacknowledged = 0;
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(options: SeatReaderOptions) {
    this.#options = options;
    this.partition = options.seat.partition;
    this.until = options.until;
    this.newest = options.newest ?? logStart;
  }

  get holds(): boolean {
    return this.#options.clock.monotonic() < this.until;
  }

  /** Whether nothing that was handed out still waits for its acknowledgement. */
  get settled(): boolean {
    return this.#unacknowledged === this.#waiting.length;
  }

  get wantsMore(): boolean {
    return this.holds && !this.leaving && this.#unacknowledged < unacknowledgedMax;
  }

  /** The next entry, if one has been read and the seat still allows to hand it out. */
  take(): Entry | undefined {
    return this.holds && !this.leaving ? this.#waiting.shift() : undefined;
  }

  /** Reads on; tells whether there was anything. Rejects with LogWentBack, or as the port does. */
  async fetch(): Promise<boolean> {
    const repeating = this.#repeating;
    if (repeating) await this.#checkTop();
    const entries = await this.#read(repeating);
    if (entries === 'lost') {
      this.until = 0;
      return false;
    }
    if (entries === 'moved') {
      this.#repeating = true;
      return true;
    }
    if (entries.length === 0) this.#repeating = false;
    if (!repeating) this.#delivered = entries.at(-1) ?? this.#delivered;
    for (const entry of entries) this.#accept(entry);
    return entries.length > 0 || repeating;
  }

  /** Notes that an entry has been dealt with; what cannot be told at once is told again. */
  acknowledge(entry: EntryId): void {
    this.#acknowledged.push(entry);
    this.#sending ??= this.#sendAcknowledgements();
  }

  /** Returns once all acknowledgements are told, or one has failed after this call. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#sending;
  }

  #read(repeating: boolean): Promise<readonly Entry[] | 'lost' | 'moved'> {
    const { reads, seat } = this.#options;
    const count = Math.min(entriesPerRead, unacknowledgedMax - this.#unacknowledged);
    return repeating
      ? reads.unacknowledged(seat, this.#repeatedTo, count)
      : reads.next(seat, this.#delivered, count);
  }

  #accept(entry: Entry): void {
    this.#repeatedTo = entry;
    if (compareEntries(entry, this.newest) > 0) this.newest = entry;
    this.#unacknowledged += 1;
    if (entry.n > 0) this.#waiting.push(entry);
    else this.acknowledge(entry);
  }

  /** Asked before anything is repeated, so that all up to `#delivered` has been repeated in the end. */
  async #checkTop(): Promise<void> {
    const { group, partition } = this.#options.seat;
    const { log, delivered } = await this.#options.reads.tops(group, partition);
    const read = compareEntries(delivered, this.newest) > 0 ? delivered : this.newest;
    if (compareEntries(log, read) < 0) throw new LogWentBack(partition, log, read);
    this.#delivered = delivered;
  }

  async #sendAcknowledgements(): Promise<void> {
    const { reads, seat, onError, clock } = this.#options;
    while (this.#acknowledged.length > 0) {
      const told = this.#acknowledged;
      this.#acknowledged = [];
      try {
        await reads.acknowledge(seat.group, seat.partition, told);
        this.#unacknowledged -= told.length;
      } catch (error) {
        this.#acknowledged = [...told, ...this.#acknowledged];
        onError(error);
        if (this.#closed) break;
        await new Promise<void>((resolve) => clock.after(retryMs, resolve));
      }
    }
    this.#sending = undefined;
  }
}
