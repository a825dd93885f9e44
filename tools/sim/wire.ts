/**
 * A connection between a process and a server: two directions, each in order, as TCP has them.
 *
 * Invariants:
 * W1  what is sent in one direction arrives in order, or the connection has ended;
 * W2  of what was under way when the connection ended a beginning may still arrive, late: a server
 *     does not know that whoever sent it is gone.
 */
import type { Dice } from './dice.ts';
import type { Schedule } from './schedule.ts';

export interface WireOptions {
  readonly schedule: Schedule;
  readonly dice: Dice;
  /** How long a message takes now. */
  readonly delayMs: () => number;
}

interface Packet {
  readonly deliver: () => void;
  delivered: boolean;
}

/** One direction. */
export class Wire {
  readonly #options: WireOptions;
  /** Under way, in order. */
  #packets: Packet[] = [];
  #arrivesAt = 0;
  #stalled = false;
  #ended = false;
  #closed = false;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  send(deliver: () => void): void {
    if (this.#ended) return;
    const packet = { deliver, delivered: false };
    this.#packets.push(packet);
    if (!this.#stalled) this.#start(packet);
  }

  /** Nothing arrives from now on, though the connection stands: it is only delayed. */
  stall(): void {
    this.#stalled = true;
  }

  flow(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    for (const packet of this.#packets) this.#start(packet);
  }

  /** The connection has ended; `lateMs` after that a beginning of what was under way arrives, or all. */
  end(lateMs: number | undefined, all = false): void {
    if (this.#ended) return;
    this.#ended = true;
    const { schedule, dice } = this.#options;
    const underWay = this.#packets.splice(0);
    if (lateMs === undefined || underWay.length === 0) return;
    const late = all ? underWay : underWay.slice(0, dice.whole(0, underWay.length));
    schedule.after(lateMs, () => {
      for (const packet of late) if (!this.#closed) packet.deliver();
    });
  }

  /** Nobody is at the other end any more: not even what is late arrives. */
  close(): void {
    this.#ended = true;
    this.#closed = true;
  }

  #start(packet: Packet): void {
    const { schedule, delayMs } = this.#options;
    this.#arrivesAt = Math.max(this.#arrivesAt, schedule.now + delayMs());
    schedule.at(this.#arrivesAt, () => this.#arrive(packet));
  }

  #arrive(packet: Packet): void {
    if (this.#ended || this.#stalled || packet.delivered) return;
    packet.delivered = true;
    // In order: what was started later arrives later, at the earliest in the same instant.
    this.#packets.shift();
    packet.deliver();
  }
}
