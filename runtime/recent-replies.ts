/**
 * The replies of a partition's latest records, as they were sent: a repeat that comes soon is
 * answered without reading the log.
 *
 * Owns a ring of at most `recentRepliesMax` replies and `recentBytesMax` characters, in order of
 * position. A map by id would cost each command its place in the processor's caches twice, when it
 * comes and when it is forgotten; a reply is asked for again so rarely that it can be sought here.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Limits } from './limits.ts';

export interface RecentReply {
  readonly position: number;
  readonly actor: ActorKey;
  readonly id: string;
  /** Of the command that it answers. */
  readonly hash: string;
  readonly text: string;
  /** Of a refusal. */
  readonly code: string | undefined;
}

export class RecentReplies {
  readonly #limits: Limits;
  readonly #ring: (RecentReply | undefined)[] = [];
  /** Counted from the beginning: the ring's places are these, modulo its length. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Keeps the reply of a record that stands at or after those before. */
  add(reply: RecentReply): void {
    const { recentRepliesMax, recentBytesMax } = this.#limits;
    if (recentRepliesMax === 0) return;
    if (this.#next - this.#first === recentRepliesMax) this.#forget();
    this.#ring[this.#next++ % recentRepliesMax] = reply;
    this.#bytes += reply.text.length;
    while (this.#bytes > recentBytesMax) this.#forget();
  }

  /** The reply to a command of this id, if the record at `position` has it and it is still here. */
  find(position: number, actor: ActorKey, id: string): RecentReply | undefined {
    for (let at = this.#from(position); at < this.#next; at++) {
      const reply = this.#at(at);
      if (reply.position !== position) return undefined;
      if (reply.actor === actor && reply.id === id) return reply;
    }
    return undefined;
  }

  /** The first that stands at or after a position. */
  #from(position: number): number {
    let [low, high] = [this.#first, this.#next];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#at(middle).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #at(count: number): RecentReply {
    const reply = this.#ring[count % this.#limits.recentRepliesMax];
    if (reply === undefined) throw new Error(`there is no reply ${count} in the ring`);
    return reply;
  }

  #forget(): void {
    this.#bytes -= this.#at(this.#first).text.length;
    this.#ring[this.#first++ % this.#limits.recentRepliesMax] = undefined;
  }
}
