/**
 * Publishes the events of durable records: at least once, in order.
 *
 * Owns the cursor: events up to `confirmed` have reached the bus for certain (a round trip came
 * back after they were sent); those above it are published again after a reconnection or by the
 * next owner. While a repeat runs, newly durable records wait for it to reach them, so that no
 * event overtakes an earlier one of its actor.
 */
import type { ActorType } from '../actors/actor.ts';
import { typeOf } from '../contracts/ids.ts';
import type { JsonObject } from '../contracts/json.ts';
import { decodeGroup, recordAddress, type EventBody, type LogRecord } from '../contracts/record.ts';
import type { Subjects } from '../contracts/subjects.ts';
import type { Bus } from './bus.ts';
import type { Clock } from './clock.ts';
import type { ActorTypes } from './command.ts';
import type { Log } from './log.ts';

export interface PublisherOptions {
  readonly partition: number;
  readonly log: Log;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly types: ActorTypes;
  readonly report: (line: string) => void;
}

export class Publisher {
  readonly #options: PublisherOptions;
  /** Every event up to here was handed to the bus. */
  #published = 0;
  #confirmed = 0;
  #durable = 0;
  #repeating = false;
  #repeats = 0;
  #closed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Goes on where the owner before has come to, for certain. */
  resume(confirmed: number): void {
    this.#published = confirmed;
    this.#confirmed = confirmed;
    this.#durable = confirmed;
  }

  get published(): number {
    return this.#published;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /** A record is durable, at this address. */
  durable(record: LogRecord, at: string, position: number): void {
    this.#durable = position;
    if (this.#repeating || position !== this.#published + 1) return;
    this.#publish(record, at, position);
  }

  /**
   * To be called when a round trip that begins now has come back: what was published by now has
   * arrived, unless a reconnection has made it uncertain meanwhile.
   */
  confirmation(): () => void {
    const position = this.#published;
    const repeats = this.#repeats;
    return () => {
      if (repeats === this.#repeats) this.confirm(position);
    };
  }

  /** A round trip that began when `published` was this position has come back. */
  confirm(position: number): void {
    if (!this.#repeating) this.#confirmed = Math.max(this.#confirmed, position);
  }

  /** Publishes everything above the confirmed position again, up to what is durable. */
  async repeat(durable: number): Promise<void> {
    this.#durable = Math.max(this.#durable, durable);
    this.#published = this.#confirmed;
    this.#repeats++;
    if (this.#repeating) return;
    this.#repeating = true;
    while (this.#published < this.#durable && !this.#closed) await this.#repeatPage();
    this.#repeating = false;
  }

  close(): void {
    this.#closed = true;
  }

  async #repeatPage(): Promise<void> {
    const { log, partition, clock } = this.#options;
    const from = this.#published + 1;
    const entries = await log.read(partition, from, 64).catch(() => undefined);
    if (entries === undefined) {
      await new Promise<void>((resolve) => void clock.after(100, resolve));
      return;
    }
    const first = entries.find((entry) => entry.n > 0);
    // What has left the log was confirmed before it could be trimmed.
    if (first === undefined) this.#published = this.#durable;
    else if (first.position > from) this.#published = first.position - 1;
    for (const entry of entries) {
      if (entry.n === 0) continue;
      decodeGroup(entry.records).forEach((record, index) => {
        const position = entry.position + index;
        const due = position === this.#published + 1 && position <= this.#durable;
        const at = recordAddress(partition, entry.epoch, position);
        if (due && !this.#closed) this.#publish(record, at, position);
      });
    }
  }

  #publish(record: LogRecord, at: string, position: number): void {
    this.#published = position;
    const { actor, events, trace } = record;
    if (events === undefined) return;
    const { bus, subjects, types } = this.#options;
    const type = types.get(typeOf(actor));
    if (type === undefined) return;
    events.forEach((event, index) => {
      const payload = this.#payloadOf(type, event, { record, at });
      if (payload === undefined) return;
      const id = { 'Nats-Msg-Id': `${at}.${index}` };
      const headers = trace === undefined ? id : { ...id, traceparent: trace };
      bus.publish(subjects.event(actor, event.type), payload, { headers });
    });
  }

  /** The event is in the log whatever its publication does; a body that fails is left out, loudly. */
  #payloadOf(type: ActorType, event: EventBody, { record, at }: Published): string | undefined {
    try {
      const body = type.publish(event);
      return body === undefined ? undefined : payloadOf(body, record, at);
    } catch (error) {
      this.#options.report(
        `the event "${event.type}" of ${at} cannot be published: ${String(error)}`,
      );
      return undefined;
    }
  }
}

/** A record, and its address. */
interface Published {
  readonly record: LogRecord;
  readonly at: string;
}

/** The body with where and when it happened, which the record says and not the body. */
function payloadOf(body: JsonObject, { time, version }: LogRecord, at: string): string {
  if ('at' in body || 'time' in body || 'version' in body)
    return JSON.stringify({ ...body, at, time, version });
  // Most bodies have none of these; to copy one only to write it costs more than to write it.
  const text = JSON.stringify(body);
  const comma = text === '{}' ? '' : ',';
  return `${text.slice(0, -1)}${comma}"at":"${at}","time":${time},"version":${version}}`;
}
