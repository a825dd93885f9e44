/**
 * Writes the records of one partition to its log, group by group.
 *
 * Owns the records that are staged (decided, evolved, not yet durable) and the one group in flight.
 * Invariants:
 * I1  positions are dense: the n-th record staged since `resume` has position top + n;
 * I2  one group is in flight at a time; the next is sealed when the last is acknowledged;
 * I3  a group whose fate is unknown is sent again byte for byte until the log says ok, already or
 *     fenced; until then nothing else is appended;
 * I4  nothing is told durable (`onDurable`) before the log has said so, and in order of position.
 */
import { encodeGroup, entryId, type LogRecord } from '../contracts/record.ts';
import type { Clock } from './clock.ts';
import type { Caller } from './command.ts';
import type { IdKey } from './id-table.ts';
import type { Limits } from './limits.ts';
import type { AppendOutcome, Fence, Group, Log } from './log.ts';
import type { Meter, Span, Tracer } from './telemetry.ts';

/** A record on its way into the log. */
export interface Staged {
  readonly position: number;
  readonly record: LogRecord;
  readonly text: string;
  /** Who waits for this record's reply; a repeat of the command joins here. */
  readonly callers: Caller[];
  /** Of a client's command with an id. */
  readonly key?: IdKey | undefined;
  /** The step that made the record, if it is traced. */
  readonly span?: Span | undefined;
}

/** Why a partition can no longer be written by this host. */
export type Loss = Exclude<AppendOutcome, 'ok' | 'already'>;

export interface WriterEvents {
  /** The records of one entry are durable. */
  onDurable(records: readonly Staged[], entry: string): void;
  /**
   * The log refused: nothing staged will become durable under this epoch. Their callers are not
   * answered: the bus gave a new owner its own copies of their requests.
   */
  onLost(loss: Loss): void;
}

export interface WriterOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly fence: Fence;
  readonly events: WriterEvents;
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
}

export class GroupWriter {
  readonly #options: WriterOptions;
  #durable = 0;
  #open: Staged[] = [];
  #stagedBytes = 0;
  #inFlight: readonly Staged[] = [];
  /** The group that was in flight at the last look, and when it was first seen, on the monotonic clock. */
  #watched = { group: 0, since: 0 };
  #stalled = false;
  #groups = 0;
  #sealSoon = false;
  #closed = false;
  readonly #settling = new Set<(durable: boolean) => void>();
  #waiting: { readonly position: number; readonly callback: () => void }[] = [];

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Goes on at the end of a log, before anything is staged. */
  resume(top: number): void {
    this.#durable = top;
  }

  /** The position of the last durable record. */
  get durable(): number {
    return this.#durable;
  }

  /** The position of the last staged record: what decisions are judged against. */
  get staged(): number {
    return this.#durable + this.#inFlight.length + this.#open.length;
  }

  /** Whether a record waits that is in no group yet: the next append begins after now. */
  get hasOpen(): boolean {
    return this.#open.length > 0;
  }

  /** Whether no more may be staged: too much is, or the log has not answered for too long. */
  get full(): boolean {
    return this.#holds(1);
  }

  /** The same for what overload must not keep waiting: it has room above what clients can fill. */
  get overfull(): boolean {
    return this.#holds(1.25);
  }

  /**
   * Looks, several times a second, whether the log answers: what is taken meanwhile would wait for one
   * that may be gone for long. The clock is not read for each group, which would cost every command.
   */
  tick(): void {
    const { clock, limits } = this.#options;
    const now = clock.monotonic();
    if (this.#inFlight.length === 0 || this.#watched.group !== this.#groups)
      this.#watched = { group: this.#groups, since: now };
    this.#stalled = now - this.#watched.since > limits.appendMsMax;
  }

  /** Adds a record at position `staged` + 1; its group goes out when the last has been acknowledged. */
  stage(ready: Omit<Staged, 'position'>): Staged {
    const { record, text, callers, key, span } = ready;
    const staged: Staged = { position: this.staged + 1, record, text, callers, key, span };
    this.#open.push(staged);
    this.#stagedBytes += staged.text.length;
    this.#wake();
    return staged;
  }

  /** The record at a position, if it is staged and not yet durable. */
  stagedAt(position: number): Staged | undefined {
    const ahead = position - this.#durable - 1;
    const inFlight = this.#inFlight.length;
    return ahead < inFlight ? this.#inFlight[ahead] : this.#open[ahead - inFlight];
  }

  /** Calls back once the record at `position` is durable; at once if it is. */
  whenDurable(position: number, callback: () => void): void {
    if (position <= this.#durable) callback();
    else this.#waiting.push({ position, callback });
  }

  /** Resolves when all that is staged now is durable, or with false when it will not be. */
  settled(): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#settling.add(resolve);
      this.whenDurable(this.staged, () => {
        this.#settling.delete(resolve);
        resolve(true);
      });
    });
  }

  /** Forgets everything staged; a group in flight may still arrive. */
  close(): void {
    this.#closed = true;
    this.#open = [];
    this.#waiting = [];
    for (const resolve of this.#settling) resolve(false);
    this.#settling.clear();
  }

  /** Whether so many times the bounds are staged, or the log does not answer. */
  #holds(times: number): boolean {
    const { stagedRecordsMax, stagedBytesMax } = this.#options.limits;
    return (
      this.#stalled ||
      this.#inFlight.length + this.#open.length >= times * stagedRecordsMax ||
      this.#stagedBytes >= times * stagedBytesMax
    );
  }

  /** What one turn of the event loop brings goes out together. */
  #wake(): void {
    if (this.#sealSoon || this.#inFlight.length > 0 || this.#closed) return;
    this.#sealSoon = true;
    this.#options.clock.soon(() => {
      this.#sealSoon = false;
      if (this.#inFlight.length === 0 && this.#open.length > 0 && !this.#closed) void this.#write();
    });
  }

  async #write(): Promise<void> {
    const { fence, tracer, meter, clock } = this.#options;
    const records = this.#seal();
    this.#inFlight = records;
    const group: Group = {
      fence,
      after: this.#durable,
      n: records.length,
      records: encodeGroup(records.map((staged) => staged.text)),
      token: `${fence.nonce}.${++this.#groups}`,
    };
    const span = tracer?.append(fence, this.#durable, records);
    const began = meter ? clock.monotonic() : 0;
    const outcome = await this.#append(group);
    span?.end(outcome === 'ok' || outcome === 'already' ? undefined : outcome);
    if (this.#closed || outcome === undefined) return;
    if (outcome !== 'ok' && outcome !== 'already') {
      this.close();
      this.#options.events.onLost(outcome);
      return;
    }
    meter?.appended(records.length, clock.monotonic() - began);
    const entry = entryId(fence.epoch, this.#durable + 1);
    this.#durable += records.length;
    this.#inFlight = [];
    this.#stalled = false;
    for (const staged of records) this.#stagedBytes -= staged.text.length;
    this.#options.events.onDurable(records, entry);
    while (this.#waiting[0] && this.#waiting[0].position <= this.#durable)
      this.#waiting.shift()?.callback();
    if (this.#open.length > 0 && !this.#closed) void this.#write();
  }

  #seal(): readonly Staged[] {
    const { groupBytesMax } = this.#options.limits;
    let bytes = 0;
    let count = 0;
    for (const staged of this.#open) {
      bytes += staged.text.length;
      if (count > 0 && bytes > groupBytesMax) break;
      count++;
    }
    return this.#open.splice(0, count);
  }

  /** I3: the same bytes until the log has answered. */
  async #append(group: Group): Promise<AppendOutcome | undefined> {
    const { log, clock } = this.#options;
    for (let sendings = 1; ; sendings++) {
      try {
        return await log.append(group);
      } catch {
        if (this.#closed) return undefined;
        await new Promise<void>(
          (resolve) => void clock.after(Math.min(10 * 2 ** sendings, 500), resolve),
        );
      }
    }
  }
}
