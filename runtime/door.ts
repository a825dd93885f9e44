/**
 * The way in for the requests of one partition: subscriptions in the queue group that its owner record
 * names.
 *
 * Owns the subscriptions, and the messages that came while it was not known whether the partition is
 * ours: before it was, and after a lease ran out unnoticed. Invariants:
 * D1  it is in one group at a time; it leaves the one before it enters the next, so that no message
 *     comes in twice;
 * D2  a message is answered or sent on by whoever owns the partition: until then it waits here.
 */
import type { Bus, BusMessage, Subscription } from './bus.ts';

export interface DoorOptions {
  readonly bus: Bus;
  /** Everything that the owner of the partition answers. */
  readonly subjects: readonly string[];
  readonly onMessage: (message: BusMessage) => void;
  /** So many messages, and payloads of so many bytes, may wait. */
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** What is more. */
  readonly onOverflow: (message: BusMessage) => void;
}

export class Door {
  readonly #options: DoorOptions;
  #subscriptions: readonly Subscription[] = [];
  #waiting: BusMessage[] | undefined = [];
  #waitingBytes = 0;
  #closed = false;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Enters a group (D1); resolves when NATS knows. What comes waits until `admit`. */
  async enter(group: string): Promise<void> {
    // What is done for a partition when it is already lost must not open the door again.
    if (this.#closed) return;
    const { bus, subjects } = this.#options;
    void this.leave();
    this.#subscriptions = subjects.map((subject) =>
      bus.subscribe(subject, (message) => this.#take(message), group),
    );
    await bus.flush();
  }

  /** Lets in what has waited, in order, and from now on what comes. */
  admit(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    for (const message of waiting) this.#options.onMessage(message);
  }

  /** The lease has run out: from this message on, what comes waits until `admit`. */
  hold(message: BusMessage): void {
    this.#waiting ??= [];
    this.#take(message);
  }

  /** Leaves its group; resolves when everything that NATS had sent by then has come in. */
  async leave(): Promise<void> {
    const drained = this.#subscriptions.map((one) => one.drain().catch(() => undefined));
    await Promise.all(drained);
  }

  /** Nothing comes in any more; gives back what has waited. */
  close(): readonly BusMessage[] {
    this.#closed = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    return this.#waiting?.splice(0) ?? [];
  }

  #take(message: BusMessage): void {
    const { onMessage, onOverflow, waitingMax, waitingBytesMax } = this.#options;
    const bytes = this.#waitingBytes + message.payload.length;
    if (this.#waiting === undefined) {
      onMessage(message);
    } else if (this.#waiting.length < waitingMax && bytes <= waitingBytesMax) {
      this.#waiting.push(message);
      this.#waitingBytes = bytes;
    } else {
      onOverflow(message);
    }
  }
}
