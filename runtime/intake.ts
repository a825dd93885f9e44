/**
 * Takes deliveries of other partitions: brings their actors into memory, applies what is new, and
 * answers when it is durable.
 *
 * Owns the order of deliveries (those of one sender are taken one after another) and who waits for
 * an answer, so that nobody waits for a partition that was closed.
 */
import { typeOf } from '../contracts/ids.ts';
import type { ActorTypes } from './command.ts';
import type { Inbox } from './inbox.ts';
import type { Delivery, Received } from './outbox.ts';
import type { Reads } from './reads.ts';
import { partitionKey } from './reference-data.ts';
import type { Residents } from './residents.ts';
import type { Supervision } from './supervision.ts';
import type { Turn } from './turn.ts';

const notServed = 'the partition is not served here';

export interface IntakeOptions {
  readonly partition: number;
  readonly types: ActorTypes;
  readonly inbox: Inbox;
  readonly residents: Residents;
  readonly reads: Reads;
  readonly supervision: Supervision;
  readonly turn: Turn;
  readonly isServing: () => boolean;
  /** A message could not even be parked, and its channel must not lose it. */
  readonly onFailure: (reason: string) => void;
}

/** The partition cannot take this now; whoever sent it tries again. */
export class NotServing extends Error {
  override readonly name = 'NotServing';
}

export class Intake {
  readonly #options: IntakeOptions;
  /** The latest delivery of each sender. */
  readonly #latest = new Map<number, Promise<unknown>>();
  readonly #unanswered = new Set<(error: Error) => void>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Resolves when the messages are durable here; rejects with NotServing if they may not be. */
  receive(delivery: Delivery): Promise<Received> {
    // A closed partition answers nothing any more, not even what is waited for here.
    if (!this.#options.isServing()) return Promise.reject(new NotServing(notServed));
    const { from } = delivery;
    const before = this.#latest.get(from) ?? Promise.resolve();
    const taken = before.then(() => this.#take(delivery));
    this.#latest.set(
      from,
      taken.catch(() => undefined),
    );
    return new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      taken.then(resolve, reject).finally(() => this.#unanswered.delete(reject));
    });
  }

  /** Whether every delivery that came has been answered. */
  get idle(): boolean {
    return this.#unanswered.size === 0;
  }

  close(): void {
    for (const reject of this.#unanswered) reject(new NotServing('the partition was closed'));
    this.#unanswered.clear();
  }

  async #take({ from, messages }: Delivery): Promise<Received> {
    const { partition, types, inbox, residents, reads, supervision, turn } = this.#options;
    const { isServing, onFailure } = this.#options;
    const self = partitionKey(partition);
    const fresh = inbox.fresh(from, messages);
    const actors = fresh.map((message) => message.to).filter((to) => to !== self);
    const stranger = actors.find((actor) => !types.has(typeOf(actor)));
    // Its host may be newer than this one: the sender keeps the message until one knows the type.
    if (stranger !== undefined) throw new NotServing(`this host has no actor type for ${stranger}`);
    const away = actors.filter((actor) => !residents.touch(actor));
    if (isServing() && away.length > 0) await residents.load(away);
    for (const [taken, message] of fresh.entries()) {
      const origin = { partition: from, n: message.n, entry: message.entry };
      if (supervision.full && supervision.mustWait(message.to, from)) {
        // Nothing is lost: the sender keeps what is not acknowledged, and tries again after a pause.
        if (taken === 0) throw new NotServing('too many messages are parked');
        break;
      }
      // Nothing is awaited after the last look: even a resolved promise lets an eviction come between.
      while (isServing() && message.to !== self && residents.get(message.to) === undefined)
        await residents.load([message.to]);
      if (!isServing()) throw new NotServing(notServed);
      try {
        const resident = residents.get(message.to);
        if (resident) turn.message(message, origin, resident);
        else turn.reference(message, origin);
      } catch (error) {
        const what = `message ${message.n} from partition ${from}, "${message.name}" to ${message.to}`;
        onFailure(`${what}: ${String(error)}`);
        throw new NotServing('the partition is halted', { cause: error });
      }
    }
    // Even a delivery that brought nothing new is answered only by the owner: see reads.ts.
    return new Promise((resolve) => reads.after(() => resolve(inbox.received(from))));
  }
}
