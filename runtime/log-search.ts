/**
 * What a partition looks up in its own log, away from the hot path: replies that have left memory,
 * records that commands cite, and those of one actor.
 *
 * Owns the few groups that were read last. Repeats of old commands come in swarms and stand side by
 * side in the log, so they are looked up one after another and share what was read.
 */
import type { ActorKey } from '../contracts/ids.ts';
import {
  decodeGroup,
  decodeRecordsOf,
  recordAddress,
  type EventBody,
  type LogRecord,
} from '../contracts/record.ts';
import { encodeReply, refusal } from '../contracts/reply.ts';
import type { SharedArchive } from './archive.ts';
import type { Command } from './command.ts';
import { thrown } from './failures.ts';
import type { Limits } from './limits.ts';
import type { Entry, Log } from './log.ts';
import { replyIn, type Known } from './recall.ts';
import { entriesFrom } from './recovery.ts';

export interface LogSearchOptions {
  readonly partition: number;
  readonly log: Log;
  readonly archive?: SharedArchive | undefined;
  readonly limits: Limits;
  readonly epochOf: (position: number) => Promise<number | undefined>;
}

/** A command's record up to a position, of which the time is known. */
export interface Sought {
  readonly actor: ActorKey;
  readonly id: string;
  readonly time: number;
  readonly through: number;
}

interface Group {
  readonly entry: Entry;
  readonly records: readonly LogRecord[];
}

const groupsKept = 4;
/** Some 3 MB under load: more would hold up the partition, which is served meanwhile; fewer take long. */
const pageEntries = 128;

export class LogSearch {
  readonly #options: LogSearchOptions;
  #groups: readonly Group[] = [];
  #latest: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: LogSearchOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Whether so many look-ups wait that a command that may need one must be refused. */
  get full(): boolean {
    return this.#waiting >= this.#options.limits.searchesMax;
  }

  /** What the records at these positions say of a command's id, which may be another's. */
  known(command: Command, positions: readonly number[]): Promise<Known> {
    return this.#inTurn(() => this.#search(command, positions));
  }

  /** The events of the record that a command cites, if it cites one and that is of its actor. */
  cited(command: Command): Promise<readonly EventBody[] | Error | undefined> {
    const { actor } = command;
    const address = addressCitedBy(command);
    if (address === undefined || address instanceof Error) return Promise.resolve(address);
    return this.#inTurn(async () => {
      const { partition } = this.#options;
      const position = Number(address.slice(address.indexOf('-') + 1));
      const group = await this.#anywhereAt(position);
      if (group === undefined) return undefined;
      const { entry, records } = group;
      if (recordAddress(partition, entry.epoch, position) !== address) return undefined;
      const record = records[position - entry.position];
      return record?.actor === actor ? record.events : undefined;
    });
  }

  /** The address of a command's record, by the time that it has; undefined if there is none now. */
  addressOf(sought: Sought): Promise<string | undefined> {
    return this.#inTurn(async () => {
      // The first position at or after which a record of that time can stand: times never go back.
      let [low, high] = [1, sought.through];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const group = await this.#anywhereAt(middle);
        const record = group?.records[middle - group.entry.position];
        // Neither in the log nor in the archive: it can only stand later.
        if (record === undefined || record.time < sought.time) low = middle + 1;
        else high = middle;
      }
      for (let position = low; position <= sought.through; position++) {
        const group = await this.#anywhereAt(position);
        const record = group?.records[position - group.entry.position];
        if (!group || !record || record.time > sought.time) return undefined;
        if (record.actor === sought.actor && record.id === sought.id)
          return recordAddress(this.#options.partition, group.entry.epoch, position);
      }
      return undefined;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const found = this.#latest.then(work);
    this.#latest = found.then(
      () => this.#waiting--,
      () => this.#waiting--,
    );
    return found;
  }

  /** The records with events of one actor, from a position on, through another's entry. */
  async recordsOf(
    actor: ActorKey,
    position: number,
    through = Infinity,
  ): Promise<readonly LogRecord[]> {
    const { log, partition } = this.#options;
    const records: LogRecord[] = [];
    for await (const entry of entriesFrom(log, partition, position, pageEntries)) {
      if (entry.position > through) break;
      records.push(...decodeRecordsOf(actor, entry.records).filter(({ events }) => events));
    }
    return records;
  }

  async #search({ actor, id, hash }: Command, positions: readonly number[]): Promise<Known> {
    const { partition, epochOf } = this.#options;
    let gone: number | undefined;
    for (const position of positions) {
      const group = await this.#groupAt(position);
      if (group === undefined) {
        gone = position;
        continue;
      }
      const { entry, records } = group;
      const record = records[position - entry.position];
      const answer = record && replyIn(record, actor, id);
      if (answer === undefined) continue;
      const text = encodeReply(answer.reply, recordAddress(partition, entry.epoch, position));
      const code = answer.reply.ok ? undefined : answer.reply.error.code;
      return {
        kind: 'answered',
        hash: answer.hash ?? '',
        text,
        ...(code !== undefined && { code }),
      };
    }
    if (gone === undefined) return { kind: 'new' };
    // That another id has the same 64 bits is far less likely than that this one was applied.
    const at = recordAddress(partition, (await epochOf(gone)) ?? 0, gone);
    const code = 'runtime/already-applied';
    return { kind: 'answered', hash, text: encodeReply(refusal(code), at), code };
  }

  async #anywhereAt(position: number): Promise<Group | undefined> {
    return (await this.#groupAt(position)) ?? (await this.#archivedAt(position));
  }

  async #archivedAt(position: number): Promise<Group | undefined> {
    const { archive, partition } = this.#options;
    const kept = await archive?.use((each) => each.read(partition, position));
    const entry = kept?.find((one) => position >= one.position && position < one.position + one.n);
    return entry && { entry, records: decodeGroup(entry.records) };
  }

  async #groupAt(position: number): Promise<Group | undefined> {
    const { log, partition } = this.#options;
    const known = this.#groups.find(
      ({ entry }) => position >= entry.position && position < entry.position + entry.n,
    );
    if (known) return known;
    const entry = await log.entryAt(partition, position);
    if (entry === undefined) return undefined;
    const group = { entry, records: decodeGroup(entry.records) };
    this.#groups = [group, ...this.#groups].slice(0, groupsKept);
    return group;
  }
}

/** The record that a command cites; an error if its actor fails on telling which. */
export function addressCitedBy({ type, input }: Command): string | Error | undefined {
  try {
    return type.cites(input);
  } catch (error) {
    return thrown(error);
  }
}
