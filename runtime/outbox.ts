/**
 * The sending ends of a partition's channels: one reliable FIFO per receiving partition.
 *
 * Owns, per channel, the numbers given out and the messages not yet acknowledged. Invariants:
 * O1  messages are numbered 1, 2, 3 … in the order in which their records stand in the log;
 * O2  only messages of durable records are sent;
 * O3  a message is kept until the receiver has said that it is durable there;
 * O4  before the first delivery, and with every answer, the receiver's last pair (number, entry id)
 *     is compared with what we know: ahead of us or another id means that a log has lost its tail;
 * O5  a message that is not acknowledged stands in the log that recovery reads or, if its receiver
 *     has not taken it for long, in the checkpoint: the log need not be kept for it.
 */
import { parseActorKey, typeOf, type ActorKey } from '../contracts/ids.ts';
import type { Json } from '../contracts/json.ts';
import type { Value } from '../contracts/money.ts';
import { partitionOf } from '../contracts/partition.ts';
import type { Message } from '../contracts/record.ts';
import type { Outgoing } from '../actors/actor.ts';
import type { Clock, Random, Timer } from './clock.ts';
import type { Staged } from './group-writer.ts';
import type { Limits } from './limits.ts';
import { partitionType } from './reference-data.ts';
import type { Span, Tracer } from './telemetry.ts';

/** A message as it travels. */
export interface Delivered {
  readonly n: number;
  /** The id of the log entry in which the sender's record stands. */
  readonly entry: string;
  /** The time of the sender's record. */
  readonly time: number;
  readonly to: ActorKey;
  readonly name: string;
  readonly body: Json;
  readonly value?: Value;
  /** The W3C traceparent of the step that it follows from, if that is traced. */
  readonly trace?: string | undefined;
}

/** What one partition sends another; no messages: it only asks how far the receiver is. */
export interface Delivery {
  readonly from: number;
  readonly messages: readonly Delivered[];
}

/** The last message of a channel that is durable at the receiver; n = 0: none. */
export interface Received {
  readonly n: number;
  readonly entry: string;
}

/** Carries deliveries to wherever the receiving partition lives; rejects if the outcome is unknown. */
export type Post = (to: number, delivery: Delivery) => Promise<Received>;

/** A message, the position of its record, and about how long it is as JSON. */
interface Unacknowledged extends Delivered {
  readonly position: number;
  readonly bytes: number;
}

/** What the record of a message says besides it. */
type Sent = Pick<Unacknowledged, 'entry' | 'time' | 'position' | 'trace'>;

/** A channel as a checkpoint keeps it. */
export interface SavedOutgoing {
  readonly to: number;
  readonly last: number;
  readonly acknowledged: Received;
  /** O5: what was durable then, of a channel that is long behind. */
  readonly unacknowledged?: readonly Unacknowledged[];
}

interface Channel {
  readonly to: number;
  /** The last number given out. */
  last: number;
  acknowledged: Received;
  /** O3: durable, not acknowledged, in order. */
  readonly unacknowledged: Unacknowledged[];
  /** Positions of the records of messages that are staged, not durable. */
  readonly staged: number[];
  /** Of those messages that are on their way and traced, by number. */
  readonly spans: Map<number, Span>;
  compared: boolean;
  sending: boolean;
  failures: number;
  retry: Timer | undefined;
}

const smallRecordBytes = 16 * 1024;

export interface OutboxOptions {
  readonly partition: number;
  readonly partitions: number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  readonly post: Post;
  readonly tracer?: Tracer | undefined;
  /** A log has lost its tail; nothing may go on. */
  readonly onDiverged: (reason: string) => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #channels = new Map<number, Channel>();
  #open = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The partition in which a message's receiver lives. */
  #target(to: ActorKey): number {
    if (typeOf(to) === partitionType) return Number(to.slice(partitionType.length + 1));
    return partitionOf(to, this.#options.partitions);
  }

  /** Whether a client's command must be refused because a channel that it needs is full. */
  full(messages: readonly Outgoing[]): boolean {
    const { channelMessagesMax } = this.#options.limits;
    return messages.some(({ to }) => {
      const channel = this.#channels.get(this.#target(to));
      return channel !== undefined && channel.last - channel.acknowledged.n >= channelMessagesMax;
    });
  }

  /** Messages of all channels that are durable here and not yet known to be so there. */
  get unacknowledged(): number {
    let count = 0;
    for (const { unacknowledged } of this.#channels.values()) count += unacknowledged.length;
    return count;
  }

  /** The same as `full` for a command that sends to every partition. */
  get anyFull(): boolean {
    const { channelMessagesMax } = this.#options.limits;
    return [...this.#channels.values()].some(
      ({ last, acknowledged }) => last - acknowledged.n >= channelMessagesMax,
    );
  }

  /**
   * O1: the messages with the numbers that they will have if they are committed next; throws if one
   * has no receiver.
   */
  plan(messages: readonly Outgoing[]): Message[] {
    if (messages.length === 0) return [];
    const next = new Map<number, number>();
    return messages.map((message) => {
      if (parseActorKey(message.to) === undefined)
        throw new Error(`"${message.to}" is not the key of an actor`);
      const to = this.#target(message.to);
      const n = (next.get(to) ?? this.#channels.get(to)?.last ?? 0) + 1;
      next.set(to, n);
      return { ...message, n };
    });
  }

  /** The messages, as just planned, stand in the record at `position`. */
  commit(messages: readonly Message[], position: number): void {
    for (const message of messages) {
      const channel = this.#channel(this.#target(message.to));
      channel.last = message.n;
      channel.staged.push(position);
    }
  }

  /** O2: the record is durable, in this entry. */
  durable(staged: Staged, entry: string): void {
    const { out, time, trace } = staged.record;
    if (out === undefined) return;
    // Small records fit a delivery however their bytes are spread; those of large ones are counted.
    const total = Buffer.byteLength(staged.text);
    const average = Math.ceil(total / out.length);
    for (const message of out) {
      const channel = this.#channel(this.#target(message.to));
      const bytes = total < smallRecordBytes ? average : Buffer.byteLength(JSON.stringify(message));
      channel.staged.shift();
      channel.unacknowledged.push({
        ...message,
        entry,
        time,
        trace,
        position: staged.position,
        bytes,
      });
      this.#wake(channel);
    }
  }

  /** Takes in a message that recovery found in the log. */
  restore(message: Message, sent: Sent): void {
    const channel = this.#channel(this.#target(message.to));
    const known = channel.unacknowledged.at(-1) ?? channel.acknowledged;
    if (message.n <= known.n) return;
    channel.last = Math.max(channel.last, message.n);
    channel.unacknowledged.push({
      ...message,
      ...sent,
      bytes: Buffer.byteLength(JSON.stringify(message)),
    });
  }

  load(saved: readonly SavedOutgoing[]): void {
    for (const { to, last, acknowledged, unacknowledged = [] } of saved) {
      const channel = this.#channel(to);
      Object.assign(channel, { last, acknowledged });
      channel.unacknowledged.push(...unacknowledged);
    }
  }

  /**
   * The channels as of now, and the position of the oldest record that they still need in the log.
   * Channels that need records before `from` bring their messages with them (O5), those that are
   * behind the longest first, as long as they are not too many.
   */
  save(from: number): { channels: SavedOutgoing[]; oldest: number | undefined } {
    const behind = new Set(this.#longBehind(from));
    const channels: SavedOutgoing[] = [];
    let oldest: number | undefined;
    for (const channel of this.#channels.values()) {
      const { to, last, acknowledged, unacknowledged, staged } = channel;
      const saved = behind.has(channel);
      channels.push({
        to,
        last,
        acknowledged,
        ...(saved && { unacknowledged: [...unacknowledged] }),
      });
      const first = (saved ? undefined : unacknowledged[0]?.position) ?? staged[0];
      if (first !== undefined && (oldest === undefined || first < oldest)) oldest = first;
    }
    return { channels, oldest };
  }

  #longBehind(from: number): Channel[] {
    let left = this.#options.limits.savedMessagesBytesMax;
    return [...this.#channels.values()]
      .filter(({ unacknowledged: [first] }) => first !== undefined && first.position < from)
      .toSorted((a, b) => firstPosition(a) - firstPosition(b))
      .filter(({ unacknowledged }) => {
        left -= unacknowledged.reduce((sum, { bytes }) => sum + bytes, 0);
        return left >= 0;
      });
  }

  /** Begins to deliver. */
  start(): void {
    this.#open = true;
    for (const channel of this.#channels.values()) this.#wake(channel);
  }

  close(): void {
    this.#open = false;
    for (const { retry, spans } of this.#channels.values()) {
      retry?.cancel();
      // Perhaps received, and then what follows from them should not hang in the air.
      for (const span of spans.values()) span.end();
    }
  }

  #channel(to: number): Channel {
    let channel = this.#channels.get(to);
    if (channel === undefined) {
      channel = {
        to,
        last: 0,
        acknowledged: { n: 0, entry: '' },
        unacknowledged: [],
        staged: [],
        spans: new Map(),
        compared: false,
        sending: false,
        failures: 0,
        retry: undefined,
      };
      this.#channels.set(to, channel);
    }
    return channel;
  }

  #wake(channel: Channel): void {
    if (!this.#open || channel.sending || channel.retry !== undefined) return;
    if (channel.unacknowledged.length === 0 && channel.compared) return;
    channel.sending = true;
    this.#options.clock.soon(() => void this.#deliver(channel));
  }

  async #deliver(channel: Channel): Promise<void> {
    while (this.#open && (channel.unacknowledged.length > 0 || !channel.compared)) {
      const messages = channel.compared ? this.#batch(channel) : [];
      const received = await this.#options
        .post(channel.to, { from: this.#options.partition, messages })
        .catch(() => undefined);
      if (!this.#open) return;
      if (received === undefined) {
        channel.sending = false;
        this.#retryLater(channel);
        return;
      }
      channel.failures = 0;
      if (!this.#acknowledge(channel, received)) return;
    }
    channel.sending = false;
  }

  #batch(channel: Channel): Delivered[] {
    const { deliveryBytesMax, deliveryMessagesMax } = this.#options.limits;
    const messages: Delivered[] = [];
    let size = 0;
    for (const unacknowledged of channel.unacknowledged) {
      size += unacknowledged.bytes;
      if (messages.length > 0 && size > deliveryBytesMax) break;
      messages.push(delivered(unacknowledged, this.#traceOf(channel, unacknowledged)));
      if (messages.length === deliveryMessagesMax) break;
    }
    return messages;
  }

  /** What a message carries of its story: that it is on its way is a step of it. */
  #traceOf(channel: Channel, { n, entry, to, name, trace }: Unacknowledged): string | undefined {
    const { tracer, partition } = this.#options;
    if (tracer === undefined || trace === undefined) return trace;
    const from = { partition, n, entry };
    const span =
      channel.spans.get(n) ?? tracer.send({ to, name, from, partition: channel.to, trace });
    if (span) channel.spans.set(n, span);
    return span?.traceparent ?? trace;
  }

  /** O4. */
  #acknowledge(channel: Channel, received: Received): boolean {
    const { acknowledged, unacknowledged } = channel;
    const known =
      received.n === acknowledged.n
        ? acknowledged.entry
        : unacknowledged[received.n - acknowledged.n - 1]?.entry;
    if (known !== received.entry) {
      const { partition, onDiverged } = this.#options;
      this.close();
      onDiverged(
        `partition ${channel.to} has message ${received.n} of entry "${received.entry}" from partition ` +
          `${partition}, whose log has ${known === undefined ? 'no such message' : `it in "${known}"`}: ` +
          `one of the two logs has lost acknowledged records`,
      );
      return false;
    }
    const arrived = unacknowledged.splice(0, received.n - acknowledged.n);
    if (channel.spans.size > 0) for (const { n } of arrived) this.#arrived(channel, n);
    channel.acknowledged = received;
    channel.compared = true;
    return true;
  }

  #arrived({ spans }: Channel, n: number): void {
    spans.get(n)?.end();
    spans.delete(n);
  }

  #retryLater(channel: Channel): void {
    const { clock, random } = this.#options;
    channel.failures++;
    const pauseMax = Math.min(20 * 2 ** Math.min(channel.failures, 6), 1_000);
    channel.retry = clock.after(pauseMax * (0.5 + random.next() / 2), () => {
      channel.retry = undefined;
      this.#wake(channel);
    });
  }
}

const firstPosition = ({ unacknowledged }: Channel): number => unacknowledged[0]?.position ?? 0;

const delivered = (message: Delivered, trace: string | undefined): Delivered => {
  const { n, entry, time, to, name, body, value } = message;
  const bare = { n, entry, time, to, name, body };
  if (value === undefined && trace === undefined) return bare;
  return { ...bare, ...(value && { value }), ...(trace !== undefined && { trace }) };
};
