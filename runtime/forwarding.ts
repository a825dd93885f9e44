/**
 * Requests that reached a host which does not own their partition go on to the one that does.
 *
 * A forward is addressed to a host, carries (nonce of this host, counter), is sent again until that
 * host has acknowledged it, and is remembered by it: none is lost, none is carried out twice. While
 * its fate at one host is unknown it is sent to no other; that a host does not serve the partition
 * tells its fate only if the process that says so is the one to which it was sent before.
 */
import type { Subjects } from '../contracts/subjects.ts';
import { NoResponders, RequestTimeout, type Bus, type BusMessage, type Headers } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Request } from './gateway.ts';
import type { Limits } from './limits.ts';
import type { Owner } from './outlook.ts';
import { traceOf } from './traceparent.ts';

export interface ForwardingOptions {
  readonly nonce: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly subjects: Subjects;
  /** Who owns a partition, as far as is known; `look` asks again. */
  readonly ownerOf: (partition: number) => Owner | undefined;
  readonly look: () => Promise<void>;
  readonly refuse: (request: Request, code: string) => void;
}

const header = {
  forward: 'Millrace-Forward',
  subject: 'Millrace-Subject',
  reply: 'Millrace-Reply',
  id: 'Nats-Msg-Id',
  trace: 'traceparent',
} as const;

const taken = 'taken';
const notMine = (nonce: string): string => `not mine ${nonce}`;
/** NATS itself takes no longer lines, and closes the connection of who sends one. */
const replySubjectLengthMax = 4_000;
const sendingMs = 500;
const patienceMs = 5_000;
/** A host that is behind receives a forward this much after it was first sent, at the latest. */
const rememberedMs = 2 * patienceMs;

type Sent = 'taken' | 'not mine' | 'nobody' | 'too large' | 'unknown';

export class Forwarding {
  readonly #options: ForwardingOptions;
  /** What other hosts have sent, `nonce:counter`: since a moment, and in the time before it. */
  #seen = new Set<string>();
  #seenSince = 0;
  #seenBefore = new Set<string>();
  #counter = 0;
  #underWay = 0;
  #bytes = 0;
  #finished: (() => void)[] = [];

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** Sends a request on; answers it only if it certainly was not carried out. */
  async forward(request: Request, partition: number): Promise<void> {
    const { limits, refuse } = this.#options;
    const { length } = request.payload;
    const full = this.#bytes + length > limits.forwardsBytesMax && this.#underWay > 0;
    if (full || this.#underWay >= limits.forwardsMax) {
      refuse(request, 'runtime/busy');
      return;
    }
    this.#underWay++;
    this.#bytes += length;
    await this.#deliver(request, partition).catch(() => undefined);
    this.#underWay--;
    this.#bytes -= length;
    if (this.#underWay > 0) return;
    for (const resolve of this.#finished.splice(0)) resolve();
  }

  /** Resolves when nothing is on its way to another host. */
  async finished(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#finished.push(resolve));
  }

  /** Takes a forward: `handle` says whether the request's partition is served here. */
  receive(message: BusMessage, handle: (request: Request) => boolean): void {
    const { bus, nonce } = this.#options;
    const key = message.header(header.forward);
    if (key === undefined || message.reply === undefined) return;
    const request = requestIn(message);
    // Anybody may send one: where a header says that the answer goes must be a subject.
    if (/\s/.test(request.reply) || request.reply.length > replySubjectLengthMax) return;
    const known = this.#seen.has(key) || this.#seenBefore.has(key);
    const accepted = known || handle(request);
    if (accepted && !known) this.#remember(key);
    bus.publish(message.reply, accepted ? taken : notMine(nonce));
  }

  /** For `rememberedMs` at least, unless there are too many. */
  #remember(key: string): void {
    const { clock, limits } = this.#options;
    const now = clock.monotonic();
    const old = now - this.#seenSince > rememberedMs;
    if (old || this.#seen.size >= limits.forwardsRememberedMax / 2) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
      this.#seenSince = now;
    }
    this.#seen.add(key);
  }

  async #deliver(request: Request, partition: number): Promise<void> {
    const { clock, ownerOf, refuse, nonce } = this.#options;
    const deadline = clock.monotonic() + patienceMs;
    const key = `${nonce}:${++this.#counter}`;
    let owner = ownerOf(partition);
    /** Whether the store has answered when it was last asked: else nobody knows that there is no owner. */
    let looked = true;
    while (clock.monotonic() < deadline) {
      if (owner === undefined) {
        looked = await this.#look();
        owner = ownerOf(partition);
        if (looked && owner === undefined) break;
      }
      const sent = owner === undefined ? 'not mine' : await this.#send(owner, request, key);
      if (sent === 'taken' || sent === 'unknown') return;
      if (sent === 'nobody') {
        // It has ended: perhaps another has taken over what it had.
        looked = await this.#look();
        if (looked && ownerOf(partition)?.host === owner?.host) break;
      }
      if (sent === 'too large') {
        refuse(request, 'request/too-large');
        return;
      }
      owner = undefined;
      await new Promise<void>((resolve) => void clock.after(50, resolve));
    }
    if (looked) refuse(request, 'runtime/no-owner');
  }

  #look(): Promise<boolean> {
    return this.#options.look().then(
      () => true,
      () => false,
    );
  }

  /** To one host, until it has answered or is gone. */
  async #send({ host, process }: Owner, request: Request, key: string): Promise<Sent> {
    const { bus, clock, subjects } = this.#options;
    const headers = headersOf(request, key);
    const deadline = clock.monotonic() + patienceMs;
    for (let attempts = 1; clock.monotonic() < deadline; attempts++) {
      try {
        const answer = await bus.request(subjects.host(host), request.payload, {
          headers,
          timeoutMs: sendingMs,
        });
        const said = Buffer.from(answer.payload).toString();
        if (said === taken) return 'taken';
        // A process that has the name now may not know what the one before it has carried out.
        return attempts === 1 || said === notMine(process) ? 'not mine' : 'unknown';
      } catch (error) {
        if (error instanceof NoResponders) return attempts === 1 ? 'nobody' : 'unknown';
        // Nothing was sent: with the headers of a forward it is more than the bus carries.
        if (!(error instanceof RequestTimeout)) return 'too large';
      }
    }
    return 'unknown';
  }
}

const headersOf = (request: Request, key: string): Headers => ({
  [header.forward]: key,
  [header.subject]: request.subject,
  [header.reply]: request.reply,
  ...(request.id !== undefined && { [header.id]: request.id }),
  ...(request.trace !== undefined && { [header.trace]: request.trace }),
});

const requestIn = (message: BusMessage): Request => ({
  subject: message.header(header.subject) ?? '',
  payload: message.payload,
  reply: message.header(header.reply) ?? '',
  id: message.header(header.id),
  trace: traceOf(message.header(header.trace)),
});
