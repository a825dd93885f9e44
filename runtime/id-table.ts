/**
 * The ids of the window's durable commands: fingerprint → position of the record with the reply.
 *
 * Owns one open-addressing table of 16-byte slots (fingerprint 8, position 8). Invariants:
 * I1  every durable command with a client's id since `floor` is in the table;
 * I2  a fingerprint may stand for several ids: the caller compares the record it finds;
 * I3  positions below `floor` are forgotten, and only when their time has left the window.
 * The seed is the cluster's, so that nobody outside can choose ids that collide.
 */

const emptySlot = 0;

/** Two 32-bit mixes over the text, from the seed. */
export interface Fingerprint {
  readonly low: number;
  readonly high: number;
}

/** One sealed entry: what a segment holds. */
interface Slot extends Fingerprint {
  readonly position: number;
}

export class IdTable {
  readonly #seed: number;
  #slots: Float64Array;
  #prints: Uint32Array;
  #size = 0;
  #floor = 0;
  /** Entries that no segment holds yet, in order of position. */
  #unsealed: Slot[] = [];

  constructor(seed: number, capacity = 1_024) {
    this.#seed = seed;
    this.#slots = new Float64Array(capacity);
    this.#prints = new Uint32Array(capacity * 2);
  }

  get size(): number {
    return this.#size;
  }

  /** Mixes as MurmurHash3's body does, in two lanes. */
  fingerprint(actor: string, id: string): Fingerprint {
    let low = this.#seed ^ 0x9e3779b9;
    let high = this.#seed ^ 0x85ebca6b;
    const text = `${actor}\n${id}`;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x5bd1e995);
      low ^= low >>> 15;
      high = Math.imul(high ^ unit, 0xc2b2ae35);
      high ^= high >>> 13;
    }
    return { low: Math.imul(low ^ (high >>> 16), 0x27d4eb2f) >>> 0, high: high >>> 0 };
  }

  add(print: Fingerprint, position: number): void {
    this.#unsealed.push({ ...print, position });
    this.#insert(print, position);
  }

  /** The positions at which a record of this id may stand, newest first. */
  find(print: Fingerprint): number[] {
    const mask = this.#slots.length - 1;
    const found: number[] = [];
    for (let slot = print.low & mask; this.#slots[slot] !== emptySlot; slot = (slot + 1) & mask) {
      if (this.#prints[slot * 2] !== print.low || this.#prints[slot * 2 + 1] !== print.high)
        continue;
      const position = this.#slots[slot] as number;
      if (position >= this.#floor) found.push(position);
    }
    return found.toSorted((a, b) => b - a);
  }

  /** Takes what no segment holds yet, up to a position, as the bytes of a new one. */
  seal(through: number): Uint8Array | undefined {
    const count = this.#unsealed.findLastIndex((slot) => slot.position <= through) + 1;
    if (count === 0) return undefined;
    const view = new DataView(new ArrayBuffer(count * 16));
    this.#unsealed.splice(0, count).forEach((slot, index) => {
      view.setUint32(index * 16, slot.low);
      view.setUint32(index * 16 + 4, slot.high);
      view.setFloat64(index * 16 + 8, slot.position);
    });
    return new Uint8Array(view.buffer);
  }

  /** Takes in a sealed segment. */
  load(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 16 <= bytes.byteLength; at += 16) {
      const print = { low: view.getUint32(at), high: view.getUint32(at + 4) };
      this.#insert(print, view.getFloat64(at + 8));
    }
  }

  /** Forgets every position below `floor`. */
  forget(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    this.#rebuild(this.#slots.length);
  }

  #insert(print: Fingerprint, position: number): void {
    if (position < this.#floor) return;
    if ((this.#size + 1) * 2 > this.#slots.length) this.#rebuild(this.#slots.length * 2);
    this.#place(print.low, print.high, position);
  }

  #place(low: number, high: number, position: number): void {
    const mask = this.#slots.length - 1;
    let slot = low & mask;
    while (this.#slots[slot] !== emptySlot) slot = (slot + 1) & mask;
    this.#slots[slot] = position;
    this.#prints[slot * 2] = low;
    this.#prints[slot * 2 + 1] = high;
    this.#size++;
  }

  #rebuild(capacity: number): void {
    const slots = this.#slots;
    const prints = this.#prints;
    this.#slots = new Float64Array(capacity);
    this.#prints = new Uint32Array(capacity * 2);
    this.#size = 0;
    for (let slot = 0; slot < slots.length; slot++) {
      const position = slots[slot] as number;
      if (position === emptySlot || position < this.#floor) continue;
      this.#place(prints[slot * 2] as number, prints[slot * 2 + 1] as number, position);
    }
  }
}

/** The seed of a cluster's fingerprints. */
export function seedOf(clusterId: string): number {
  let seed = 0x811c9dc5;
  for (let i = 0; i < clusterId.length; i++)
    seed = Math.imul(seed ^ clusterId.charCodeAt(i), 0x01000193);
  return seed >>> 0;
}
