/**
 * The bus in memory. All clients of one hub see each other, as those of one NATS server do.
 * Messages are delivered in the order of publishing, never before `publish` has returned.
 */
import {
  NoResponders,
  RequestTimeout,
  type Bus,
  type BusMessage,
  type Headers,
  type PublishOptions,
} from '../bus.ts';
import type { Clock } from '../clock.ts';
import { systemClock } from '../system-clock.ts';

export interface MemoryHub {
  /** A new client of the hub. */
  connect(): Bus;
}

export interface HubOptions {
  readonly clock?: Pick<Clock, 'after' | 'soon'>;
  /** Told of what a handler threw, which is a bug, and of what was too large to be sent. */
  readonly onError?: (error: unknown) => void;
  /** As the `mappings` of nats-server: under which subject a message is delivered. */
  readonly mapping?: (subject: string) => string;
}

export function memoryHub(options: HubOptions = {}): MemoryHub {
  const { clock = systemClock, onError = () => {}, mapping = (subject) => subject } = options;
  const hub = new Hub(clock, onError, mapping);
  return { connect: () => new MemoryBus(hub, clock) };
}

interface Subscriber {
  readonly pattern: readonly string[];
  readonly queue: string | undefined;
  readonly handler: (message: BusMessage) => void;
  open: boolean;
}

/** As nats-server has it by default, of headers and payload together. */
const messageBytesMax = 1024 * 1024;

class Hub {
  readonly #clock: Pick<Clock, 'after' | 'soon'>;
  readonly #onError: (error: unknown) => void;
  readonly #mapping: (subject: string) => string;
  readonly #subscribers = new Set<Subscriber>();
  readonly #turns = new Map<string, number>();
  #underway: (() => void)[] = [];
  #inboxes = 0;

  constructor(
    clock: Pick<Clock, 'after' | 'soon'>,
    onError: (error: unknown) => void,
    mapping: (subject: string) => string,
  ) {
    this.#clock = clock;
    this.#onError = onError;
    this.#mapping = mapping;
  }

  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
  }

  remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** Of three tokens, as the client of NATS makes them for requests. */
  newInbox(): string {
    return `_INBOX.memory.${++this.#inboxes}`;
  }

  /** Sends to every subscriber there is now; tells whether there was one. */
  publish(subject: string, payload: Uint8Array, options: PublishOptions = {}): boolean {
    const mapped = this.#mapping(subject);
    const message = messageOf(mapped, payload, options.reply, options.headers ?? {});
    const receivers = this.#receivers(mapped.split('.'));
    for (const receiver of receivers) {
      this.later(() => {
        if (receiver.open) receiver.handler(message);
      });
    }
    return receivers.length > 0;
  }

  /** Runs after everything that is under way already. */
  later(action: () => void): void {
    if (this.#underway.length === 0) this.#clock.soon(() => this.#deliver());
    this.#underway.push(action);
  }

  #deliver(): void {
    const actions = this.#underway;
    this.#underway = [];
    for (const action of actions) {
      try {
        action();
      } catch (error) {
        this.report(error);
      }
    }
  }

  report(error: unknown): void {
    this.#onError(error);
  }

  /** Every subscriber outside a queue group, and of each group the one whose turn it is. */
  #receivers(subject: readonly string[]): Subscriber[] {
    const single: Subscriber[] = [];
    const groups = new Map<string, Subscriber[]>();
    for (const subscriber of this.#subscribers) {
      if (!matches(subscriber.pattern, subject)) continue;
      if (subscriber.queue === undefined) single.push(subscriber);
      else groups.set(subscriber.queue, [...(groups.get(subscriber.queue) ?? []), subscriber]);
    }
    for (const [queue, members] of groups) {
      const turn = (this.#turns.get(queue) ?? 0) + 1;
      this.#turns.set(queue, turn);
      const chosen = members[turn % members.length];
      if (chosen) single.push(chosen);
    }
    return single;
  }
}

class MemoryBus implements Bus {
  readonly #hub: Hub;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #subscribers = new Set<Subscriber>();
  readonly #requests = new Set<() => void>();
  #closed = false;

  constructor(hub: Hub, clock: Pick<Clock, 'after'>) {
    this.#hub = hub;
    this.#clock = clock;
  }

  publish(...[subject, payload, options]: Parameters<Bus['publish']>): void {
    if (this.#closed) return;
    const bytes = encode(payload);
    const refusal = refusalOf(subject, bytes, options?.headers);
    if (refusal !== undefined) this.#hub.report(refusal);
    else if (!this.#hub.publish(subject, bytes, options) && options?.reply !== undefined)
      this.#tellUnheard(options.reply);
  }

  /** As a server does it: an empty message to one of the sender's own, if it listens for replies. */
  #tellUnheard(reply: string): void {
    const tokens = reply.split('.');
    const own = [...this.#subscribers];
    const told = own.find(({ queue, pattern }) => queue === undefined && matches(pattern, tokens));
    if (told === undefined) return;
    const message = messageOf(reply, new Uint8Array(), undefined, {});
    this.#hub.later(() => {
      if (told.open) told.handler(message);
    });
  }

  async request(...[subject, payload, options]: Parameters<Bus['request']>): Promise<BusMessage> {
    if (this.#closed) throw new NoResponders(`${subject}: the bus is closed`);
    const bytes = encode(payload);
    const refusal = refusalOf(subject, bytes, options.headers);
    if (refusal !== undefined) throw refusal;
    return new Promise((resolve, reject) => {
      const reply = this.#hub.newInbox();
      const end = (): void => {
        timer.cancel();
        inbox.unsubscribe();
        this.#requests.delete(giveUp);
      };
      const giveUp = (): void => {
        end();
        reject(new RequestTimeout(subject));
      };
      const timer = this.#clock.after(options.timeoutMs, giveUp);
      const inbox = this.subscribe(reply, (message) => {
        end();
        resolve(message);
      });
      this.#requests.add(giveUp);
      const { headers } = options;
      if (this.#hub.publish(subject, bytes, { reply, ...(headers && { headers }) })) return;
      end();
      this.#hub.later(() => reject(new NoResponders(subject)));
    });
  }

  subscribe(
    ...[subject, handler, queue]: Parameters<Bus['subscribe']>
  ): ReturnType<Bus['subscribe']> {
    const subscriber: Subscriber = { pattern: subject.split('.'), queue, handler, open: true };
    const leave = (): void => {
      this.#hub.remove(subscriber);
      this.#subscribers.delete(subscriber);
    };
    this.#hub.add(subscriber);
    this.#subscribers.add(subscriber);
    return {
      unsubscribe: () => {
        subscriber.open = false;
        leave();
      },
      drain: () => {
        leave();
        return this.flush();
      },
    };
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.#hub.later(resolve));
  }

  /** Memory never loses its connection. */
  onReconnect(): void {}

  async close(): Promise<void> {
    this.#closed = true;
    for (const subscriber of this.#subscribers) {
      subscriber.open = false;
      this.#hub.remove(subscriber);
    }
    for (const giveUp of [...this.#requests]) giveUp();
  }
}

/** The sender may go on to change its bytes, so the message takes a copy. */
const encode = (payload: string | Uint8Array): Uint8Array =>
  typeof payload === 'string' ? new TextEncoder().encode(payload) : payload.slice();

/** Why a message cannot be sent, if it is too large with its headers. */
function refusalOf(
  subject: string,
  payload: Uint8Array,
  headers: Headers | undefined,
): Error | undefined {
  const length = payload.length + (headers === undefined ? 0 : bytesOf(headers));
  if (length <= messageBytesMax) return undefined;
  return new Error(
    `${subject}: ${length} bytes are more than the ${messageBytesMax} that a message may have`,
  );
}

/** A line for the version and one for each, an empty one after them. */
function bytesOf(headers: Headers): number {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.byteLength(`NATS/1.0\r\n${lines.join('')}\r\n`);
}

/** `*` stands for one token, a last `>` for one or more. */
function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  for (const [i, token] of pattern.entries()) {
    if (token === '>') return subject.length > i;
    if (token !== '*' && token !== subject[i]) return false;
    if (subject[i] === undefined) return false;
  }
  return pattern.length === subject.length;
}

const messageOf = (
  subject: string,
  payload: Uint8Array,
  reply: string | undefined,
  headers: Headers,
): BusMessage => ({
  subject,
  payload,
  reply,
  header: (name) => (Object.hasOwn(headers, name) ? received(headers[name] ?? '') : undefined),
});

/** As the value of a header comes out of NATS: without blanks around it, its bytes read as Latin-1. */
const received = (value: string): string => Buffer.from(value).toString('latin1').trim();
