/** A partition's log from its first record on, whatever of it stands in the archive by now. */
import { decodeGroup, entryId, recordAddress } from '../../contracts/record.ts';
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
    const entries = await this.#entries();
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) return [];
    if (first.position !== this.#next) throw new Error(this.#missing(first.position));
    this.#next = last.position + last.n;
    return entries.flatMap((entry) => placedOf(this.partition, entry));
  }

  async #entries(): Promise<readonly Entry[]> {
    const { log, archive } = this.#sources;
    const found = await log.read(this.partition, this.#next, pageEntries);
    if (found.length === 0 || found[0]?.position === this.#next) return found;
    const archived = (await archive?.read(this.partition, this.#next)) ?? [];
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
