/** A partition's log from its first record on, whatever of it stands in the archive by now. */
import {
  decodeGroup,
  entryId,
  parseRecordAddress,
  recordAddress,
  type LogRecord,
} from '../../contracts/record.ts';
import type { Archive } from '../../runtime/archive.ts';
import type { Entry, Log } from '../../runtime/log.ts';
import type { Placed } from '../checkers/evidence.ts';

export interface LogSources {
  readonly log: Pick<Log, 'read' | 'loadSnapshots'>;
  readonly archive: Archive | undefined;
}

/** Groups have up to 256 KB, and every partition has a page in memory. */
const pageEntries = 16;

export class WholeLog {
  readonly partition: number;
  readonly #sources: LogSources;
  #next = 1;

  constructor(partition: number, sources: LogSources) {
    this.partition = partition;
    this.#sources = sources;
  }

  /** The records that follow, none at the end; rejects if some of them are nowhere. */
  async page(): Promise<readonly Placed[]> {
    const entries = await this.#entries(this.#next, pageEntries);
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) return [];
    if (first.position !== this.#next) throw new Error(this.#missing(first.position));
    this.#next = last.position + last.n;
    return entries.flatMap((entry) => placedOf(this.partition, entry));
  }

  /** The record of an address; undefined if there is none in this log. */
  async record(address: string): Promise<LogRecord | undefined> {
    const { partition, position } = parseRecordAddress(address);
    if (partition !== this.partition || position >= this.#next) return undefined;
    const entries = await this.#entries(position, 1);
    const placed = entries.flatMap((entry) => placedOf(partition, entry));
    return placed.find(({ at }) => at === address)?.record;
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

function placedOf(partition: number, { epoch, position: first, records }: Entry): Placed[] {
  const entry = entryId(epoch, first);
  return decodeGroup(records).map((record, index) => {
    const position = first + index;
    const at = recordAddress(partition, epoch, position);
    return { partition, position, epoch, at, entry, record };
  });
}
