/**
 * One partition under one epoch of this host, from the acquired lease to its release.
 *
 * Invariants:
 * P1  the partition is subscribed to only in the queue group that its owner record names;
 * P2  it answers only while its lease holds by the host's own monotonic clock, measured from before
 *     the renewal was sent; what it writes is guarded by the fence in any case.
 */
import type { Bus, BusMessage, Subscription } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Acquired, Claim, Leases, Renewal } from './leases.ts';
import type { Fence } from './log.ts';
import type { LogEnd, Partition, PartitionStatus } from './partition.ts';
import { LogDamaged } from './recovery.ts';

/** What requests to an owned partition meet. */
export type Service =
  | { readonly kind: 'serving'; readonly partition: Partition }
  | { readonly kind: 'halted'; readonly reason: string };

/** What opening a partition needs to know of the epoch under which it is opened. */
export interface Opening {
  readonly fence: Fence;
  readonly onLost: () => void;
  readonly onHalted: (reason: string) => void;
}

export interface OwnershipOptions {
  readonly leases: Leases;
  readonly bus: Bus;
  readonly clock: Clock;
  /** The subject under which the owner of a partition gets its requests. */
  readonly subjectOf: (partition: number) => string;
  readonly open: (opening: Opening, end: LogEnd) => Promise<Partition>;
  readonly onRequest: (message: BusMessage, partition: number) => void;
  readonly onLost: (ownership: Ownership) => void;
  readonly report: (line: string) => void;
}

/** A lease that was just acquired. */
export interface Lease {
  readonly claim: Claim;
  readonly acquired: Extract<Acquired, { kind: 'acquired' }>;
  /** When the acquisition was sent, on the monotonic clock. */
  readonly sentAt: number;
}

export class Ownership {
  readonly fence: Fence;
  readonly #options: OwnershipOptions;
  readonly #lease: Lease;
  #service: Service | undefined;
  #subscription: Subscription | undefined;
  /** NATS knows of the subscription: requests reach the partition. */
  #announced = false;
  #validUntil: number;
  #ended = false;

  constructor(options: OwnershipOptions, lease: Lease) {
    const { partition, nonce, leaseMs } = lease.claim;
    this.#options = options;
    this.#lease = lease;
    this.fence = { partition, nonce, epoch: lease.acquired.epoch };
    this.#validUntil = lease.sentAt + leaseMs;
  }

  get partition(): number {
    return this.fence.partition;
  }

  /** P2: what answers now, if anything may. */
  get service(): Service | undefined {
    return this.#options.clock.monotonic() < this.#validUntil ? this.#service : undefined;
  }

  /** The partition, while it is served. */
  get served(): Partition | undefined {
    return this.#service?.kind === 'serving' ? this.#service.partition : undefined;
  }

  get haltedBecause(): string | undefined {
    return this.#service?.kind === 'halted' ? this.#service.reason : undefined;
  }

  /** Of a partition that requests reach. */
  get status(): PartitionStatus | undefined {
    return this.#announced ? this.served?.status : undefined;
  }

  get renewal(): Renewal {
    const published = this.served?.publisher.confirmed ?? this.#lease.acquired.published;
    return { fence: this.fence, published };
  }

  /** A renewal sent at this time of the monotonic clock was granted. */
  renewed(sentAt: number): void {
    this.#validUntil = sentAt + this.#lease.claim.leaseMs;
  }

  /** Recovers the partition and lets requests in (P1). */
  async open(): Promise<void> {
    const { bus, subjectOf, onRequest } = this.#options;
    const service = await this.#openService();
    if (this.#ended) {
      if (service.kind === 'serving') service.partition.close();
      return;
    }
    this.#service ??= service;
    const { partition } = this;
    const handle = (message: BusMessage): void => onRequest(message, partition);
    this.#subscription = bus.subscribe(subjectOf(partition), handle, this.#lease.claim.group);
    await bus.flush();
    this.#announced = true;
  }

  /** Lets go in good order: finishes what was taken, then frees the lease. */
  async release(): Promise<void> {
    await this.#subscription?.drain();
    await this.served?.stop();
    const { renewal } = this;
    this.end();
    await this.#options.leases.release(renewal).catch(() => undefined);
  }

  /** Ends at once; the lease runs out by itself. */
  end(): void {
    this.#ended = true;
    this.#subscription?.unsubscribe();
    this.served?.close();
  }

  async #openService(): Promise<Service> {
    const { open, onLost, report } = this.#options;
    const onHalted = (reason: string): Service => {
      report(`partition ${this.partition} is halted: ${reason}`);
      return (this.#service = { kind: 'halted', reason });
    };
    try {
      const opening = { fence: this.fence, onLost: () => onLost(this), onHalted };
      const partition = await open(opening, this.#lease.acquired);
      return { kind: 'serving', partition };
    } catch (error) {
      if (error instanceof LogDamaged) return onHalted(error.message);
      throw error;
    }
  }
}
