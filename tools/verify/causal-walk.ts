/**
 * Reads the logs of all partitions side by side, each to its end or to a cut, while the cluster may be
 * at work. No more is in memory than the messages under way and a page of each log.
 *
 * Owns how far each log has been read, the messages that were sent and not yet met, and who waits.
 * Invariants:
 * W1  the records of a partition are visited in their order;
 * W2  a record that takes a message is visited after the one that sent it, so that what was visited is
 *     a consistent cut whenever the walk ends.
 */
import { splitActorKey, type ActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import type { Message, Origin } from '../../contracts/record.ts';
import type { Entry } from '../../runtime/log.ts';
import { partitionType } from '../../runtime/reference-data.ts';
import { placedOf, WholeLog, type LogSources, type Placed } from '../../runtime/whole-log.ts';

export interface WalkOptions extends LogSources {
  readonly partitions: number;
  /** The records of these are visited; the others are read for the messages that they took. */
  readonly only?: ReadonlySet<number> | undefined;
  /** The cut: a partition is read up to its first record that is beyond it. */
  readonly within?: (placed: Placed) => boolean;
  /** Called before the records of a page are visited; they may have to wait for others meanwhile. */
  readonly prepare?: (partition: number, page: readonly Placed[]) => Promise<void>;
  /** Called for each record, with the message that it takes, if it takes one. */
  readonly visit: (placed: Placed, message: Message | undefined) => Promise<void> | void;
  /** What is wrong with the channels between partitions. */
  readonly onBroken: (sentence: string) => void;
  /** Told now and then how many records have been visited. */
  readonly onProgress?: ((records: number) => void) | undefined;
}

interface Sent {
  readonly message: Message;
  /** The stream entry that holds it. */
  readonly entry: string;
}

/** What one partition has sent to another and that one has not yet been seen to take. */
interface Channel {
  /** By their numbers, in order. */
  readonly under: Map<number, Sent>;
  /** The number of the latest message that was sent, and of the latest that was taken. */
  sent: number;
  taken: number;
  waiting: Cursor | undefined;
}

/** How far one log has come. */
interface Cursor {
  readonly partition: number;
  readonly log: WholeLog;
  /** The page after this one is on its way while this one is walked through. */
  coming: Promise<readonly Entry[]> | undefined;
  page: readonly Placed[];
  next: number;
  /** Beyond the cut. */
  cut: boolean;
}

/** How the text of an entry tells that one of its records sends messages. */
const sends = '"out":[';
/** Every partition has two pages in memory. */
const pageLength = 256 * 1024;

export class CausalWalk {
  readonly #options: WalkOptions;
  readonly #cursors: readonly Cursor[];
  readonly #channels = new Map<number, Channel>();
  readonly #ready: Set<Cursor>;
  #visited = 0;

  constructor(options: WalkOptions) {
    this.#options = options;
    const { partitions } = options;
    this.#cursors = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      log: new WholeLog(partition, options, { pageLength }),
      coming: undefined,
      page: [],
      next: 0,
      cut: false,
    }));
    this.#ready = new Set(this.#cursors);
  }

  get visited(): number {
    return this.#visited;
  }

  /** What was sent and not taken, as far as the walk has come: what is under way. */
  *underWay(): Generator<Message> {
    for (const { under } of this.#channels.values())
      for (const { message } of under.values()) yield message;
  }

  /** The record of an address, if it stands before where the walk has come to. */
  record(partition: number, address: string): ReturnType<WholeLog['record']> {
    return this.#cursors[partition]?.log.record(address) ?? Promise.resolve(undefined);
  }

  /** Walks on to where the logs end by now. It may be called again. */
  async run(): Promise<void> {
    for (;;) {
      const cursor = this.#earliest();
      if (cursor !== undefined) await this.#advance(cursor);
      else if (!(await this.#revive())) break;
    }
    for (const { waiting } of this.#channels.values()) {
      const stuck = waiting?.page[waiting.next];
      if (stuck) this.#options.onBroken(`${stuck.at} (${stuck.record.actor}): ${whyStuck(stuck)}`);
    }
  }

  /** Lets `run` read on in the logs that have ended. */
  again(): void {
    const waiting = new Set(Array.from(this.#channels.values(), (channel) => channel.waiting));
    for (const cursor of this.#cursors)
      if (!cursor.cut && !waiting.has(cursor)) this.#ready.add(cursor);
  }

  /** In the order of time, roughly, there are never many messages under way. */
  #earliest(): Cursor | undefined {
    let earliest: Cursor | undefined;
    let least = Infinity;
    for (const cursor of this.#ready) {
      const time = cursor.page[cursor.next]?.record.time ?? 0;
      if (time >= least) continue;
      earliest = cursor;
      least = time;
    }
    return earliest;
  }

  /** Takes what it can of one page: to its end, or to a message that was not sent yet. */
  async #advance(cursor: Cursor): Promise<void> {
    const { within, visit, only, partitions } = this.#options;
    const visits = only?.has(cursor.partition) !== false;
    for (;;) {
      const placed = cursor.page[cursor.next];
      if (placed === undefined) {
        if (!(await this.#turnOver(cursor))) this.#ready.delete(cursor);
        return;
      }
      if (within?.(placed) === false) {
        cursor.cut = true;
        this.#ready.delete(cursor);
        return;
      }
      const { record, entry } = placed;
      let message: Message | undefined;
      if (record.from && visits) {
        const channel = this.#channel(record.from.partition * partitions + cursor.partition);
        if (record.from.n > channel.sent) {
          channel.waiting = cursor;
          this.#ready.delete(cursor);
          return;
        }
        message = this.#take(channel, record.from, placed);
      }
      for (const sent of record.out ?? []) this.#send(cursor.partition, { message: sent, entry });
      cursor.next++;
      if (!visits) continue;
      this.#visited++;
      const visiting = visit(placed, message);
      if (visiting) await visiting;
    }
  }

  /** The next records of a log; false at its end. */
  async #turnOver(cursor: Cursor): Promise<boolean> {
    const { prepare, onProgress } = this.#options;
    onProgress?.(this.#visited);
    const entries = await (cursor.coming ?? cursor.log.entries());
    cursor.coming = undefined;
    if (entries.length === 0) return false;
    cursor.coming = cursor.log.entries();
    // Told when it is awaited.
    cursor.coming.catch(() => undefined);
    // Of the others only what sends is of interest: the rest need not even be decoded.
    const all = this.#options.only?.has(cursor.partition) !== false;
    const wanted = all ? entries : entries.filter(({ records }) => records.includes(sends));
    cursor.page = wanted.flatMap((entry) => placedOf(cursor.partition, entry));
    cursor.next = 0;
    await prepare?.(cursor.partition, cursor.page);
    return true;
  }

  /** W2: what has been appended since a log's end was met may hold what others wait for. */
  async #revive(): Promise<boolean> {
    const { partitions } = this.#options;
    const senders = new Set<number>();
    for (const [key, { waiting }] of this.#channels)
      if (waiting) senders.add(Math.floor(key / partitions));
    let revived = false;
    for (const sender of senders) {
      const cursor = this.#cursors[sender];
      if (cursor === undefined || cursor.cut || this.#waits(cursor)) continue;
      if (await this.#turnOver(cursor)) {
        this.#ready.add(cursor);
        revived = true;
      }
    }
    return revived;
  }

  #waits(cursor: Cursor): boolean {
    return [...this.#channels.values()].some(({ waiting }) => waiting === cursor);
  }

  #send(from: number, sent: Sent): void {
    const { partitions, only, onBroken } = this.#options;
    const { to, n } = sent.message;
    const target = this.#partitionOf(to);
    if (only?.has(target) === false) return;
    const channel = this.#channel(from * partitions + target);
    if (n !== channel.sent + 1)
      onBroken(`partition ${from} sends ${target} the message ${n} after ${channel.sent}`);
    channel.sent = n;
    channel.under.set(n, sent);
    const { waiting } = channel;
    if (waiting === undefined) return;
    channel.waiting = undefined;
    this.#ready.add(waiting);
  }

  #take(channel: Channel, { n, entry }: Origin, { at }: Placed): Message | undefined {
    const { onBroken } = this.#options;
    if (n !== channel.taken + 1) onBroken(`${at}: takes message ${n} after ${channel.taken}`);
    channel.taken = n;
    const sent = channel.under.get(n);
    channel.under.delete(n);
    if (sent !== undefined && sent.entry !== entry)
      onBroken(`${at}: takes message ${n} of entry ${entry}, it was sent in ${sent.entry}`);
    return sent?.message;
  }

  #channel(key: number): Channel {
    const known = this.#channels.get(key);
    if (known) return known;
    const channel: Channel = { under: new Map(), sent: 0, taken: 0, waiting: undefined };
    this.#channels.set(key, channel);
    return channel;
  }

  #partitionOf(actor: ActorKey): number {
    const { type, id } = splitActorKey(actor);
    return type === partitionType ? Number(id) : partitionOf(actor, this.#options.partitions);
  }
}

const whyStuck = ({ record: { from } }: Placed): string =>
  `it applies message ${from?.n} of partition ${from?.partition}, whose log has not sent it`;
