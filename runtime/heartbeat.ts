/**
 * Keeps this host among the living, and its leases running.
 *
 * Owns what is known of the connection to NATS and of the store's clock. Invariants:
 * L1  leases are taken and renewed only after a round trip to NATS, on a connection of its own, so
 *     that a flood on the other does not count: a host that nobody can reach lets go;
 * L2  a host whose clock is too far from the store's takes nothing.
 */
import type { Bus } from './bus.ts';
import { within, type Clock } from './clock.ts';
import type { Leases } from './leases.ts';
import type { Limits } from './limits.ts';
import type { Ownership } from './ownership.ts';

export interface HeartbeatOptions {
  readonly host: string;
  readonly leases: Leases;
  readonly bus: Bus;
  /** L1. */
  readonly pulse: Pick<Bus, 'flush'>;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly held: () => readonly Ownership[];
  readonly onLost: (ownership: Ownership) => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** The store's clock minus ours. */
  #skewMs = 0;
  /** L1: when a round trip to NATS last succeeded, on the monotonic clock. */
  #reachableAt = Number.NEGATIVE_INFINITY;
  /** When the store last answered, on the monotonic clock. */
  #storedAt = Number.NEGATIVE_INFINITY;
  readonly #begunAt: number;
  #leaving = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#begunAt = options.clock.monotonic();
  }

  /** L1, L2. */
  get mayTake(): boolean {
    const { clock, limits } = this.#options;
    const reachable = clock.monotonic() - this.#reachableAt < limits.leaseMs;
    return reachable && Math.abs(this.#skewMs) <= limits.clockSkewMsMax;
  }

  /** What keeps this host from holding leases, a sentence each. */
  get troubles(): string[] {
    const { clock, limits } = this.#options;
    const troubles: string[] = [];
    const silent = (since: number): number =>
      Math.round(clock.monotonic() - Math.max(since, this.#begunAt));
    // The store is asked only when NATS has answered.
    if (silent(this.#reachableAt) > limits.leaseMs)
      troubles.push(`NATS has not answered for ${silent(this.#reachableAt)} ms`);
    else if (silent(this.#storedAt) > limits.leaseMs)
      troubles.push(`Redis has not answered for ${silent(this.#storedAt)} ms`);
    if (Math.abs(this.#skewMs) > limits.clockSkewMsMax) {
      troubles.push(
        `the clock of this machine is ${Math.round(this.#skewMs)} ms behind that of Redis; at ` +
          `most ${limits.clockSkewMsMax} are allowed`,
      );
    }
    return troubles;
  }

  /** The time by the store's clock. */
  get storeNow(): number {
    return this.#options.clock.now() + this.#skewMs;
  }

  /** From now on the others do not count on this host; its leases are renewed all the same. */
  async leave(): Promise<void> {
    this.#leaving = true;
    await this.#options.leases.depart(this.#options.host);
  }

  /** Says that this host lives, and renews its leases. */
  async beat(): Promise<void> {
    const { leases, limits, host, clock, pulse, held, onLost } = this.#options;
    if (!(await within(clock, limits.leaseMs / 3, pulse.flush()))) return;
    this.#reachableAt = clock.monotonic();
    this.#confirmPublished();
    if (!this.#leaving) {
      const { now } = await leases.heartbeat(host, limits.leaseMs);
      this.#skewMs = now - clock.now();
      this.#storedAt = clock.monotonic();
    }
    const due = held();
    if (due.length === 0) return;
    const sentAt = clock.monotonic();
    const renewals = due.map((ownership) => ownership.renewal);
    const outcomes = await leases.renew(renewals, limits.leaseMs);
    due.forEach((ownership, index) => {
      if (outcomes[index] === 'ok') ownership.renewed(sentAt);
      else onLost(ownership);
    });
  }

  /** A round trip behind what was published tells that it has arrived. */
  #confirmPublished(): void {
    const { held, bus } = this.#options;
    const confirmations = held().flatMap(({ served }) => served?.publisher.confirmation() ?? []);
    const confirm = (): void => confirmations.forEach((arrived) => arrived());
    bus.flush().then(confirm, () => undefined);
  }
}
