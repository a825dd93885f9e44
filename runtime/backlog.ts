/**
 * How far a host is behind what NATS has sent it.
 *
 * A ping's answer queues behind the messages before it, so the time it takes is the lag. Above the
 * limit whoever waits has nearly given up: requests are refused unread, which is quick, until the
 * host has caught up.
 */
import type { Bus } from './bus.ts';
import type { Clock, Timer } from './clock.ts';

const pingEveryMs = 250;

export class Backlog {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #lagMsMax: number;
  #pingedAt: number | undefined;
  #timer: Timer | undefined;

  constructor({ bus, clock, lagMsMax }: { bus: Bus; clock: Clock; lagMsMax: number }) {
    this.#bus = bus;
    this.#clock = clock;
    this.#lagMsMax = lagMsMax;
  }

  /** Whether requests must be refused unread. */
  get excessive(): boolean {
    if (this.#pingedAt === undefined) return false;
    return this.#clock.monotonic() - this.#pingedAt > this.#lagMsMax;
  }

  start(): void {
    this.#pingedAt = this.#clock.monotonic();
    const again = (): void => {
      this.#pingedAt = undefined;
      this.#timer = this.#clock.after(pingEveryMs, () => this.start());
    };
    this.#bus.flush().then(again, again);
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
