/**
 * The ids of the window's commands: fingerprint → position of the record with the reply.
 *
 * Owns one open-addressing table of 16-byte slots (fingerprint 8, position 8), each in one line of the
 * processor's caches, and the slots that no segment holds yet, as they are sealed. Invariants:
 * I1  the id that a client gave its command is in the table from the moment at which the record with
 *     the reply is staged until that record lies below `floor`;
 * I2  a fingerprint may stand for several ids: the caller compares the record it finds;
 * I3  positions below `floor` are forgotten, and only when their time has left the window.
 * The seed is the cluster's, so that nobody outside can choose ids that collide.
 */
import type { ActorKey } from '../contracts/ids.ts';

/** Two 32-bit mixes over the text, from the seed; as signed integers, which need no memory. */
export interface Fingerprint {
  readonly low: number;
  readonly high: number;
}

/** A command's id in its scope, with what it is looked up by: computed once a command. */
export interface IdKey {
  readonly actor: ActorKey;
  readonly id: string;
  readonly print: Fingerprint;
}

/** Of 32 bits: fingerprint, then position, low before high. */
const slotWords = 4;
const slotBytes = 16;
const wordRange = 2 ** 32;
const newline = 10;
const nothing: readonly number[] = [];

export class IdTable {
  readonly #seed: number;
  /** A slot without a position is empty: positions begin with 1. */
  #slots: Int32Array;
  #capacity: number;
  #size = 0;
  #floor = 0;
  /** Slots that no segment holds yet, in order of position. */
  #unsealed = new Int32Array(256 * slotWords);
  #unsealedCount = 0;

  constructor(seed: number, capacity = 1_024) {
    this.#seed = seed;
    this.#capacity = capacity;
    this.#slots = new Int32Array(capacity * slotWords);
  }

  get size(): number {
    return this.#size;
  }

  /** Mixes actor, line feed and id as MurmurHash3's body does, in two lanes. */
  fingerprint(actor: string, id: string): Fingerprint {
    let low = this.#seed ^ 0x9e3779b9;
    let high = this.#seed ^ 0x85ebca6b;
    const mix = (unit: number): void => {
      low = Math.imul(low ^ unit, 0x5bd1e995);
      low ^= low >>> 15;
      high = Math.imul(high ^ unit, 0xc2b2ae35);
      high ^= high >>> 13;
    };
    for (let i = 0; i < actor.length; i++) mix(actor.charCodeAt(i));
    mix(newline);
    for (let i = 0; i < id.length; i++) mix(id.charCodeAt(i));
    return { low: Math.imul(low ^ (high >>> 16), 0x27d4eb2f), high };
  }

  add({ low, high }: Fingerprint, position: number): void {
    const at = this.#unsealedCount++ * slotWords;
    if (at === this.#unsealed.length) this.#unsealed = grown(this.#unsealed);
    write(this.#unsealed, at, low, high, position);
    this.#insert(low, high, position);
  }

  /** The positions at which a record of this id may stand, newest first. */
  find({ low, high }: Fingerprint): readonly number[] {
    const slots = this.#slots;
    const mask = this.#capacity - 1;
    let found: number[] | undefined;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const at = slot * slotWords;
      const position = positionAt(slots, at);
      if (position === 0) break;
      if (slots[at] !== low || slots[at + 1] !== high || position < this.#floor) continue;
      (found ??= []).push(position);
    }
    return found === undefined ? nothing : found.toSorted((a, b) => b - a);
  }

  /** Takes what no segment holds yet, up to a position, as the bytes of a new one. */
  seal(through: number): Uint8Array | undefined {
    const slots = this.#unsealed;
    let count = this.#unsealedCount;
    while (count > 0 && positionAt(slots, (count - 1) * slotWords) > through) count--;
    if (count === 0) return undefined;
    const view = new DataView(new ArrayBuffer(count * slotBytes));
    for (let index = 0; index < count; index++) {
      const at = index * slotWords;
      view.setInt32(index * slotBytes, slots[at] as number);
      view.setInt32(index * slotBytes + 4, slots[at + 1] as number);
      view.setFloat64(index * slotBytes + 8, positionAt(slots, at));
    }
    slots.copyWithin(0, count * slotWords, this.#unsealedCount * slotWords);
    this.#unsealedCount -= count;
    return new Uint8Array(view.buffer);
  }

  /** Takes in a sealed segment. */
  load(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + slotBytes <= bytes.byteLength; at += slotBytes)
      this.#insert(view.getInt32(at), view.getInt32(at + 4), view.getFloat64(at + 8));
  }

  /** Forgets every position below `floor`. */
  forget(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    this.#rebuild(this.#capacity);
  }

  #insert(low: number, high: number, position: number): void {
    if (position < this.#floor) return;
    if ((this.#size + 1) * 2 > this.#capacity) this.#rebuild(this.#capacity * 2);
    this.#place(low, high, position);
  }

  #place(low: number, high: number, position: number): void {
    const slots = this.#slots;
    const mask = this.#capacity - 1;
    let slot = low & mask;
    while (positionAt(slots, slot * slotWords) !== 0) slot = (slot + 1) & mask;
    write(slots, slot * slotWords, low, high, position);
    this.#size++;
  }

  #rebuild(capacity: number): void {
    const slots = this.#slots;
    this.#capacity = capacity;
    this.#slots = new Int32Array(capacity * slotWords);
    this.#size = 0;
    for (let at = 0; at < slots.length; at += slotWords) {
      const position = positionAt(slots, at);
      if (position === 0 || position < this.#floor) continue;
      this.#place(slots[at] as number, slots[at + 1] as number, position);
    }
  }
}

const positionAt = (slots: Int32Array, at: number): number =>
  (slots[at + 3] as number) * wordRange + ((slots[at + 2] as number) >>> 0);

function write(slots: Int32Array, at: number, low: number, high: number, position: number): void {
  slots[at] = low;
  slots[at + 1] = high;
  slots[at + 2] = position | 0;
  slots[at + 3] = Math.floor(position / wordRange);
}

function grown(slots: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(slots.length * 2);
  larger.set(slots);
  return larger;
}

/** The seed of a cluster's fingerprints. */
export function seedOf(clusterId: string): number {
  let seed = 0x811c9dc5;
  for (let i = 0; i < clusterId.length; i++)
    seed = Math.imul(seed ^ clusterId.charCodeAt(i), 0x01000193);
  return seed >>> 0;
}
