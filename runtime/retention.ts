/**
 * Keeps a partition's log within its bytes: the oldest entries go to the archive, then out of the log.
 *
 * Owns the count of the log's bytes, and what is archived but still in the log. Invariants:
 * T1  an entry leaves the log only when it is durable in the archive;
 * T2  it leaves only if all its records lie below the floor: needed by neither of the two kept
 *     checkpoints (nor by a message that is neither in them nor known to them as acknowledged), their
 *     replies older than the reply window, their events published for certain;
 * T3  consumer groups hold back what they have not dealt with, until the log is twice as long as it
 *     may be: then they are left behind, and that is told before (of one that was just made, after).
 */
import type { Archive, SharedArchive } from './archive.ts';
import type { Clock } from './clock.ts';
import type { Staged } from './group-writer.ts';
import type { Limits } from './limits.ts';
import { compareEntries, type Entry, type EntryId, type Fence, type Log } from './log.ts';
import type { Publisher } from './publisher.ts';
import { ReplyWindow } from './reply-window.ts';

/** How long the log is, as a checkpoint keeps it: the records from `first` through `through`. */
export interface RetainedLog {
  readonly first: number;
  readonly through: number;
  /** The length of the entries' text. */
  readonly bytes: number;
}

export interface RetentionOptions {
  readonly partition: number;
  readonly fence: Fence;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly publisher: Publisher;
  /** The first position that recovery from either kept checkpoint would read. */
  readonly recoveryFloor: () => number;
  /** Without one nothing leaves the log. */
  readonly archive?: SharedArchive | undefined;
  readonly restored: RetainedLog | undefined;
  readonly report: (line: string) => void;
  readonly onFenced: () => void;
  readonly onDiverged: () => void;
}

/** An entry that is archived and still in the log. */
interface Archived extends EntryId {
  readonly bytes: number;
}

/** Trimming begins above the limit and ends at this share of it. */
const lowShare = 0.8;
/** Less than this share of the limit is not worth a file. */
const stepShare = 0.05;
const sliceBytesMax = 4 * 1024 * 1024;
const pageBytes = 1024 * 1024;
const pageEntriesMax = 1_000;
/** After a try that freed nothing. */
const restMs = 1_000;

export class Retention {
  readonly #options: RetentionOptions;
  #first: number;
  #through: number;
  #bytes: number;
  readonly #replies: ReplyWindow;
  #archived: readonly Archived[] = [];
  /** The entry after the archived ones. */
  #before: EntryId | undefined;
  readonly #leftBehind = new Set<string>();
  #entryBytes = 16 * 1024;
  #running = false;
  #failing = false;
  #restUntil = 0;
  #behind = false;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#replies = new ReplyWindow(options.limits.replyWindowMs);
    const { first, through, bytes } = options.restored ?? { first: 1, through: 0, bytes: 0 };
    this.#first = first;
    this.#through = through;
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Consumer groups that have lost records because they lag too far. */
  get leftBehind(): readonly string[] {
    return [...this.#leftBehind];
  }

  /** Whether so much waits for the archive that admission must wait: Redis' memory has an end. */
  get behind(): boolean {
    return this.#behind;
  }

  save(): RetainedLog {
    return { first: this.#first, through: this.#through, bytes: this.#bytes };
  }

  /** Recovery has read an entry. */
  restore(entry: Entry): void {
    if (entry.position <= this.#through) return;
    this.#bytes += entry.records.length;
    this.#through = entry.position + entry.n - 1;
  }

  /** Recovery is at its end: the replies that it found count as young as the last of them. */
  restored(lastTime: number): void {
    this.#replies.note(this.#through, lastTime);
  }

  /** A group has become durable. */
  durable(records: readonly Staged[]): void {
    // Each record stands between a bracket or comma and a line's end or bracket: see encodeGroup.
    for (const { text } of records) this.#bytes += text.length + 2;
    const last = records.at(-1);
    if (last === undefined) return;
    this.#through = last.position;
    this.#replies.note(last.position, last.record.time);
  }

  /** Begins to trim if the log is too long and enough of it may go. */
  tick(): void {
    const { clock, limits, archive } = this.#options;
    this.#replies.expire(clock.now());
    this.#behind = archive !== undefined && this.#below(this.#floor) > limits.untrimmedBytesMax;
    const idle = this.#running || clock.monotonic() < this.#restUntil;
    if (archive === undefined || idle || this.#bytes <= limits.retainBytesMax || !this.#due) return;
    this.#running = true;
    void this.#run(archive).finally(() => (this.#running = false));
  }

  close(): void {
    this.#closed = true;
  }

  /** T2. */
  get #floor(): number {
    const { publisher, recoveryFloor } = this.#options;
    return Math.min(recoveryFloor(), this.#replies.floor, publisher.confirmed + 1);
  }

  get #lowBytes(): number {
    return this.#options.limits.retainBytesMax * lowShare;
  }

  get #due(): boolean {
    const { retainBytesMax } = this.#options.limits;
    return this.#archived.length > 0 || this.#below(this.#floor) >= retainBytesMax * stepShare;
  }

  /** About how many bytes stand below a position. */
  #below(position: number): number {
    const records = this.#through + 1 - this.#first;
    return records <= 0 ? 0 : this.#bytes * Math.max(0, (position - this.#first) / records);
  }

  async #run(archive: SharedArchive): Promise<void> {
    const { clock } = this.#options;
    while (!this.#closed && this.#bytes > this.#lowBytes && this.#due) {
      const freed = await archive.use((shared) => this.#slice(shared)).catch(this.#failed);
      if (freed) continue;
      this.#restUntil = clock.monotonic() + restMs;
      return;
    }
  }

  readonly #failed = (error: unknown): boolean => {
    const { partition, report } = this.#options;
    if (!this.#failing && !this.#closed) {
      report(
        `partition ${partition}: its log is too long and could not be archived and trimmed, which ` +
          `is tried again: ${String(error)}`,
      );
    }
    this.#failing = true;
    return false;
  };

  /** Archives and trims some of the oldest entries; tells whether any have gone. */
  async #slice(archive: Archive): Promise<boolean> {
    if (this.#closed) return false;
    if (this.#archived.length === 0) await this.#archive(archive);
    const freed = !this.#closed && (await this.#trim());
    this.#failing = false;
    return freed;
  }

  async #archive(archive: Archive): Promise<void> {
    const { partition } = this.#options;
    const { entries, before } = await this.#collect(this.#floor);
    if (entries.length === 0) return;
    await archive.write(partition, entries);
    this.#archived = entries.map(({ epoch, position, records }) => ({
      epoch,
      position,
      bytes: records.length,
    }));
    this.#before = before;
  }

  /** The oldest entries below a floor, as many as one slice takes, and the one that follows them. */
  async #collect(floor: number): Promise<{ entries: Entry[]; before: EntryId | undefined }> {
    const { log, partition } = this.#options;
    const entries: Entry[] = [];
    let size = 0;
    for (let next = this.#first; ;) {
      const count = Math.min(Math.ceil(pageBytes / this.#entryBytes), pageEntriesMax);
      const page = await log.read(partition, next, count);
      if (entries.length === 0) this.#beginsAt(page[0]?.position ?? next);
      const wanted = Math.min(sliceBytesMax, this.#bytes - this.#lowBytes);
      for (const entry of page) {
        if (size >= wanted || entry.position + entry.n > floor) return { entries, before: entry };
        entries.push(entry);
        size += entry.records.length;
        next = entry.position + entry.n;
      }
      // The newest entry always stays: without one to follow there is nothing to take out.
      if (page.length === 0) return { entries: [], before: undefined };
      this.#entryBytes = Math.max(1, size / entries.length);
    }
  }

  /** The owner before has trimmed after its last checkpoint: what it took out is estimated. */
  #beginsAt(position: number): void {
    this.#bytes -= this.#below(position);
    this.#first = Math.max(this.#first, position);
  }

  async #trim(): Promise<boolean> {
    const { limits } = this.#options;
    if (this.#before === undefined || this.#archived.length === 0) return false;
    const bytes = this.#bytes;
    const holding = await this.#cut(this.#before, false);
    const excess = this.#bytes - 2 * limits.retainBytesMax;
    if (holding.length > 0 && excess > 0) await this.#leaveBehind(this.#after(excess));
    return this.#bytes < bytes;
  }

  /** Told first: a cut whose answer is lost, or whose host dies, may have been carried out. */
  async #leaveBehind(before: EntryId | undefined): Promise<void> {
    const behind = await this.#cut(before, false);
    if (before === undefined || behind.length === 0) return;
    for (const group of behind) this.#tellLeftBehind(group, before);
    // One that was made in between could not be told before.
    for (const group of await this.#cut(before, true)) this.#tellLeftBehind(group, before);
  }

  /** The entry that is the first once so many bytes have gone, as far as they are archived. */
  #after(bytes: number): EntryId | undefined {
    let gone = 0;
    for (const entry of this.#archived) {
      if (gone >= bytes) return entry;
      gone += entry.bytes;
    }
    return this.#before;
  }

  /** Takes out what is archived (T1), and says which groups still needed some of it. */
  async #cut(before: EntryId | undefined, leaveBehind: boolean): Promise<readonly string[]> {
    const { log, fence, onFenced, onDiverged } = this.#options;
    if (before === undefined || this.#closed) return [];
    const trimmed = await log.trim({ fence, before, leaveBehind });
    switch (trimmed.kind) {
      case 'fenced':
        onFenced();
        return [];
      case 'diverged':
        onDiverged();
        return [];
      case 'trimmed': {
        const stays = (entry: Archived): boolean => compareEntries(entry, trimmed.first) >= 0;
        const kept = this.#archived.filter(stays);
        for (const entry of this.#archived) if (!stays(entry)) this.#bytes -= entry.bytes;
        this.#archived = kept;
        this.#first = kept[0]?.position ?? this.#before?.position ?? this.#first;
        return trimmed.behind;
      }
    }
  }

  #tellLeftBehind(group: string, before: EntryId): void {
    if (this.#leftBehind.has(group)) return;
    this.#leftBehind.add(group);
    const { partition, report } = this.#options;
    report(
      `partition ${partition}: the consumer group "${group}" lags so far that records leave the log ` +
        `before it has dealt with them, now up to position ${before.position - 1}; the archive has them. ` +
        `If nobody reads with it any more: "millrace groups remove ${group}"`,
    );
  }
}
