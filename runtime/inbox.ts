/**
 * The receiving ends of a partition's channels.
 *
 * Owns, per sending partition, the number of the last message applied and that of the last durable
 * one. Invariants: a message is applied only if its number follows the last applied (repeats are
 * dropped, a gap is left to the sender, who learns from the answer where to go on); the answer
 * names only what is durable.
 */
import type { Origin } from '../contracts/record.ts';
import type { Delivered, Received } from './outbox.ts';

/** A channel as a checkpoint keeps it. */
export type SavedIncoming = readonly [from: number, received: Received];

const nothing: Received = { n: 0, entry: '' };

export class Inbox {
  readonly #applied = new Map<number, Received>();
  readonly #durable = new Map<number, Received>();

  /** The messages of a delivery that are to be applied, in order. */
  fresh(from: number, messages: readonly Delivered[]): readonly Delivered[] {
    const applied = (this.#applied.get(from) ?? nothing).n;
    const first = messages.findIndex((message) => message.n === applied + 1);
    return first < 0 ? [] : messages.slice(first);
  }

  /** A message was decided; its record is staged. */
  staged({ partition, n, entry }: Origin): void {
    this.#applied.set(partition, { n, entry });
  }

  durable({ partition, n, entry }: Origin): void {
    this.#durable.set(partition, { n, entry });
  }

  /** What the sender may forget. */
  received(from: number): Received {
    return this.#durable.get(from) ?? nothing;
  }

  /** The channels as of the last staged record. */
  save(): SavedIncoming[] {
    return [...this.#applied];
  }

  load(saved: readonly SavedIncoming[]): void {
    for (const [from, received] of saved) {
      this.#applied.set(from, received);
      this.#durable.set(from, received);
    }
  }

  /** Takes in the origin of a record of the log's tail. */
  restore(origin: Origin): void {
    this.staged(origin);
    this.durable(origin);
  }
}
