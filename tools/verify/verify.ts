/**
 * Replays the logs of a cluster with the actors of a build, side by side: a record that applies a
 * message waits until the record that sent it has been seen, so that no more is in memory than the
 * actors, the messages under way and a page of each log. A cluster that works meanwhile disturbs
 * nothing: what it has appended by the time that a log's end is reached is verified too.
 */
import { splitActorKey, type ActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import type { Message } from '../../contracts/record.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import type { Log } from '../../runtime/log.ts';
import { partitionType } from '../../runtime/reference-data.ts';
import { WholeLog, type LogSources, type Placed } from '../../runtime/whole-log.ts';
import { differenceText, PartitionReplay, type ReplayWorld } from '../checkers/partition-replay.ts';
import { Snapshots } from '../checkers/snapshots.ts';
import { StateComparison } from './state-comparison.ts';

export interface VerifyOptions extends LogSources {
  readonly log: Pick<Log, 'read' | 'loadSnapshots'>;
  readonly partitions: number;
  /** The build that is asked. */
  readonly types: ActorTypes;
  /** The build that its states are compared with after each record; without it with snapshots alone. */
  readonly against?: ActorTypes | undefined;
  /** Verifies this partition alone; the other logs are read for the messages that it applied. */
  readonly only?: number | undefined;
  /** Told now and then how many records have been verified. */
  readonly onProgress?: (records: number) => void;
}

export interface Verified {
  readonly records: number;
  /** How many were decided again. */
  readonly judged: number;
  /** How many commands' records were only evolved again: the log does not say what was asked. */
  readonly unknown: number;
  readonly snapshots: number;
  readonly differences: number;
  /** Where they begin: the first of them, as sentences. */
  readonly first: readonly string[];
}

const firstMax = 20;
/** Every partition has a page in memory. */
const pageLength = 512 * 1024;

/** Verifies every log from its first record to its end. Rejects if it cannot be read. */
export async function verify(options: VerifyOptions): Promise<Verified> {
  const verification = new Verification(options);
  await verification.run();
  return verification.verified;
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #cursors: readonly Cursor[];
  readonly #messages = new Map<string, Message>();
  readonly #snapshots = new Snapshots();
  readonly #states: StateComparison;
  readonly #first: string[] = [];
  #records = 0;
  #loaded = 0;
  #differences = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
    const { types, against, partitions, only } = options;
    this.#states = new StateComparison(against ?? new Map(), this.#say.bind(this));
    const world: ReplayWorld = {
      types,
      partitions,
      observers: [this.#states.observe, this.#snapshots.observe],
      command: () => undefined,
      message: ({ partition, n }, to) => this.#taken(addressOf(partition, to, n)),
      onDifference: (difference) => this.#say(differenceText(difference)),
    };
    this.#cursors = Array.from({ length: partitions }, (_, partition) => ({
      log: new WholeLog(partition, options, { pageLength }),
      replay: only === undefined || only === partition ? new PartitionReplay(world) : undefined,
      known: new Set(),
      page: [],
      next: 0,
    }));
  }

  get verified(): Verified {
    const replays = this.#cursors.flatMap(({ replay }) => replay ?? []);
    return {
      records: this.#records,
      judged: replays.reduce((sum, { judged }) => sum + judged, 0),
      unknown: replays.reduce((sum, { unknown }) => sum + unknown, 0),
      snapshots: this.#loaded,
      differences: this.#differences,
      first: this.#first,
    };
  }

  async run(): Promise<void> {
    for (let moved = true; moved;) {
      moved = false;
      for (const cursor of this.#cursors) {
        if (await this.#advance(cursor)) moved = true;
      }
      this.#options.onProgress?.(this.#records);
    }
    for (const { page, next, replay } of this.#cursors) {
      const stuck = page[next];
      if (stuck && replay) this.#say(`${stuck.at} (${stuck.record.actor}): ${whyStuck(stuck)}`);
    }
    this.#states.finish();
    for (const wrong of this.#snapshots.wrong) this.#say(wrong);
  }

  /** Takes what it can of one page; tells whether that was anything. */
  async #advance(cursor: Cursor): Promise<boolean> {
    if (cursor.next === cursor.page.length) {
      cursor.page = await cursor.log.page();
      cursor.next = 0;
      if (cursor.replay) await this.#loadSnapshots(cursor);
    }
    const before = cursor.next;
    for (; cursor.next < cursor.page.length; cursor.next++) {
      const placed = cursor.page[cursor.next];
      if (placed === undefined || (cursor.replay && this.#waits(placed))) break;
      this.#send(placed);
      if (cursor.replay === undefined) continue;
      const cites = cursor.replay.cites(placed);
      cursor.replay.take(placed, cites === undefined ? undefined : await cursor.log.record(cites));
      this.#records++;
    }
    return cursor.next > before;
  }

  /** Before the records whose actors they are of: replay must still come to their versions. */
  async #loadSnapshots({ log, known, page }: Cursor): Promise<void> {
    const fresh = new Set(page.map(({ record }) => record.actor).filter((key) => !known.has(key)));
    for (const actor of fresh) known.add(actor);
    if (fresh.size === 0) return;
    for (const found of await this.#options.log.loadSnapshots(log.partition, [...fresh])) {
      if (found === undefined || found.version === 0) continue;
      this.#snapshots.add(found);
      this.#loaded++;
    }
  }

  #waits({ record: { from, actor } }: Placed): boolean {
    return from !== undefined && !this.#messages.has(addressOf(from.partition, actor, from.n));
  }

  #send({ partition, record }: Placed): void {
    for (const message of record.out ?? []) {
      const target = this.#cursors[this.#partitionOf(message.to)];
      if (target?.replay) this.#messages.set(addressOf(partition, message.to, message.n), message);
    }
  }

  #partitionOf(actor: ActorKey): number {
    const { type, id } = splitActorKey(actor);
    return type === partitionType ? Number(id) : partitionOf(actor, this.#options.partitions);
  }

  /** It is applied once: nobody needs it any more. */
  #taken(address: string): Message | undefined {
    const message = this.#messages.get(address);
    this.#messages.delete(address);
    return message;
  }

  #say(sentence: string): void {
    this.#differences++;
    if (this.#first.length < firstMax) this.#first.push(sentence);
  }
}

/** How far one log has come; without a replay it is only read for the messages in it. */
interface Cursor {
  readonly log: WholeLog;
  readonly replay: PartitionReplay | undefined;
  /** The actors whose snapshots have been asked for. */
  readonly known: Set<ActorKey>;
  page: readonly Placed[];
  next: number;
}

const addressOf = (from: number, to: ActorKey, n: number): string => `${from} ${to} ${n}`;

const whyStuck = ({ record: { from } }: Placed): string =>
  `it applies message ${from?.n} of partition ${from?.partition}, whose log has not sent it`;
