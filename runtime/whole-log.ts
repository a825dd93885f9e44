/** A partition's log from any position on, whatever of it stands in the archive by now. */
import {
  decodeGroup,
  entryId,
  parseRecordAddress,
  recordAddress,
  type LogRecord,
} from '../contracts/record.ts';
import type { Archive } from './archive.ts';
import type { Entry, Log } from './log.ts';

/** A record and where it stands. */
export interface Placed {
  readonly partition: number;
  readonly position: number;
  readonly epoch: number;
  /** `17:3-4711` */
  readonly at: string;
  /** The id of its stream entry. */
  readonly entry: string;
  readonly record: LogRecord;
}

export interface LogSources {
  readonly log: Pick<Log, 'read'>;
  /** Without one the log must still hold what is read. */
  readonly archive?: Pick<Archive, 'read'> | undefined;
}

/** A record that must be somewhere is neither in the log nor in the archive. */
export class RecordsMissing extends Error {
  override readonly name = 'RecordsMissing';
}

export interface Reach {
  /** The first position that is read; default 1. */
  readonly from?: number;
  /** A page has about so many characters; default 1 MiB. */
  readonly pageLength?: number;
}

/** Groups have one record or hundreds: how many make a page is learnt from those before. */
const entriesFirst = 16;
/** As recovery reads: entries of one record may be followed by such of 256 KB. */
const entriesMax = 128;
const pageLengthDefault = 1_048_576;

export class WholeLog {
  readonly partition: number;
  readonly #sources: LogSources;
  readonly #pageLength: number;
  #count = entriesFirst;
  #next: number;

  constructor(
    partition: number,
    sources: LogSources,
    { from = 1, pageLength = pageLengthDefault }: Reach = {},
  ) {
    this.partition = partition;
    this.#sources = sources;
    this.#next = from;
    this.#pageLength = pageLength;
  }

  /** The position that is read next. */
  get next(): number {
    return this.#next;
  }

  /**
   * The entries that follow, none at the end; the first may begin before the position that is next.
   * Rejects with RecordsMissing if some of them are nowhere.
   */
  async entries(): Promise<readonly Entry[]> {
    const found = await this.#entries(this.#next, this.#count);
    const [first, last] = [found[0], found.at(-1)];
    if (first === undefined || last === undefined) return [];
    if (first.position > this.#next) throw new RecordsMissing(this.#missing(first.position));
    const length = found.reduce((sum, { records }) => sum + records.length, 0);
    const fitting = Math.ceil((this.#pageLength * found.length) / Math.max(1, length));
    this.#count = Math.min(entriesMax, Math.max(1, fitting));
    this.#next = last.position + last.n;
    return found;
  }

  /** The records that follow, none at the end; rejects as `entries` does. */
  async page(): Promise<readonly Placed[]> {
    const from = this.#next;
    const placed = (await this.entries()).flatMap((entry) => placedOf(this.partition, entry));
    return placed[0]?.position === from ? placed : placed.filter((one) => one.position >= from);
  }

  /** The record of an address; undefined if there is none in this log, or none yet. */
  async record(address: string): Promise<LogRecord | undefined> {
    const { partition, position } = parseRecordAddress(address);
    if (partition !== this.partition) return undefined;
    const placed = await this.at(position);
    return placed?.at === address ? placed.record : undefined;
  }

  /** What stands at a position; undefined if nothing does. */
  async at(position: number): Promise<Placed | undefined> {
    const [entry] = await this.#entries(position, 1);
    const placed = entry === undefined ? [] : placedOf(this.partition, entry);
    return placed.find((one) => one.position === position);
  }

  async #entries(position: number, count: number): Promise<readonly Entry[]> {
    const { log, archive } = this.#sources;
    const found = await log.read(this.partition, position, count);
    if ((found[0]?.position ?? 0) <= position) return found;
    const archived = (await archive?.read(this.partition, position)) ?? [];
    return archived.length === 0 ? found : archived;
  }

  #missing(position: number): string {
    const [partition, next] = [this.partition, this.#next];
    const gone = `partition ${partition}: record ${next} is not there, its log goes on with ${position}`;
    return `${gone}. What has left the log is in the archive of the hosts: name its folder.`;
  }
}

/** The records of an entry, each with its place. */
export function placedOf(partition: number, entry: Entry): Placed[] {
  const { epoch, position: first } = entry;
  const id = entryId(epoch, first);
  return decodeGroup(entry.records).map((record, index) => {
    const position = first + index;
    const at = recordAddress(partition, epoch, position);
    return { partition, position, epoch, at, entry: id, record };
  });
}
