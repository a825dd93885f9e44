/**
 * The commands of batches whose replies are deferred. The owner of their partition may change before
 * they are answered, and a batch is answered by the host that took it: so each of them has a reply
 * subject of its own here, which its record keeps as it would a client's.
 *
 * Owns who waits at these subjects. Whatever becomes of the owner, each is told in time.
 */
import { isJsonObject, type Json } from '../contracts/json.ts';
import { refusal } from '../contracts/reply.ts';
import type { Subjects } from '../contracts/subjects.ts';
import type { Bus, BusMessage, Subscription } from './bus.ts';
import { pause, type Clock } from './clock.ts';
import { answer, readJson, type Caller } from './command.ts';
import type { Limits } from './limits.ts';

export interface DeferredPartsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly subjects: Subjects;
  /** No other host's, and not this one's when it was started before. */
  readonly nonce: string;
}

interface Part {
  readonly caller: Caller;
  /** On the monotonic clock. */
  readonly since: number;
}

/** The owner tells who has waited too long; it is told here if no owner does. */
const graceMs = 500;
const sweepMs = 250;

export class DeferredParts {
  readonly #options: DeferredPartsOptions;
  /** By reply subject, in the order in which they began to wait. */
  readonly #waiting = new Map<string, Part>();
  #reserved = 0;
  #sweeping = false;
  #subscription: Subscription | undefined;

  constructor(options: DeferredPartsOptions) {
    this.#options = options;
  }

  /** Begins to hear what owners say. */
  start(): void {
    const { bus, subjects, nonce } = this.#options;
    const all = subjects.deferredPart(nonce, '*');
    this.#subscription = bus.subscribe(all, (message) => this.#hear(message));
  }

  /** A reply subject for one command of a batch. */
  reserve(caller: Caller): string {
    const { subjects, nonce, clock } = this.#options;
    const subject = subjects.deferredPart(nonce, (++this.#reserved).toString(36));
    this.#waiting.set(subject, { caller, since: clock.monotonic() });
    this.#wake();
    return subject;
  }

  /** It was answered. */
  release(subject: string): void {
    this.#waiting.delete(subject);
  }

  /** Waits so long for all; then whoever still waits is told to ask again. */
  async end(ms: number): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + ms;
    while (this.#waiting.size > 0 && clock.monotonic() < deadline) await pause(clock, 10);
    this.#expire(Number.POSITIVE_INFINITY);
    this.#subscription?.unsubscribe();
  }

  #hear(message: BusMessage): void {
    const part = this.#waiting.get(message.subject);
    const reply: Json | undefined = part && readJson(message.payload);
    if (part === undefined || !isJsonObject(reply) || typeof reply['ok'] !== 'boolean') return;
    part.caller.answer(
      Buffer.from(message.payload).toString(),
      message.header('Nats-Service-Error'),
    );
  }

  #wake(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#options.clock.after(sweepMs, () => {
      const { clock, limits } = this.#options;
      this.#sweeping = false;
      this.#expire(clock.monotonic() - limits.replyWaitMs - graceMs);
      if (this.#waiting.size > 0) this.#wake();
    });
  }

  #expire(before: number): void {
    for (const { caller, since } of this.#waiting.values()) {
      if (since > before) return;
      answer(caller, refusal('runtime/pending'));
    }
  }
}
