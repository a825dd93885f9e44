/**
 * One partition under one epoch of this host, from the lease to its end.
 *
 * Owns the partition, its door and what is known of the lease. Invariants:
 * P1  requests come only through the queue group that the owner record names (see door.ts);
 * P2  it answers only while its lease holds by the host's own monotonic clock, measured from before
 *     the call that granted it was sent; what it writes is guarded by the fence in any case. What
 *     comes when the lease has run out (the host was frozen, say) waits for the next renewal, which
 *     is refused if another owner has its own copies;
 * P3  once it is being given away it takes nothing any more: what still comes is sent on. That is
 *     known to have no other copy only while the lease holds, or when a successor in our group was
 *     given the partition: otherwise it waits as in P2, or is dropped where no more may wait.
 */
import type { Bus, BusMessage } from './bus.ts';
import type { Clock } from './clock.ts';
import { Door } from './door.ts';
import { Follower } from './follower.ts';
import type { Leases, Renewal } from './leases.ts';
import type { Limits } from './limits.ts';
import type { Fence } from './log.ts';
import type { LogEnd, Partition } from './partition.ts';
import type { PartitionStatus } from './partition-status.ts';
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
  readonly onFailed: (reason: string) => void;
}

export interface OwnershipOptions {
  readonly leases: Leases;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  /** The subject under which the owner of a partition gets its requests. */
  readonly subjectOf: (partition: number) => string;
  /** Others that come to it too. */
  readonly alsoOf?: (partition: number) => readonly string[];
  readonly open: (opening: Opening, end: LogEnd) => Promise<Partition>;
  readonly follow: (opening: Opening) => Promise<Partition>;
  readonly onRequest: (message: BusMessage, partition: number) => void;
  /** A request that came to a partition which is, or is being, given to another host. */
  readonly onLate: (message: BusMessage, partition: number) => void;
  readonly onLost: (ownership: Ownership) => void;
  /** It went wrong in memory, and is closed. */
  readonly onFailed: (ownership: Ownership, reason: string) => void;
  readonly report: (line: string) => void;
}

/** A lease that was granted. */
export interface Grant extends LogEnd {
  /** When it was asked for, on the monotonic clock. */
  readonly sentAt: number;
}

export class Ownership {
  readonly fence: Fence;
  readonly door: Door;
  readonly #options: OwnershipOptions;
  /** Before it is ours: as far as it was followed, if it was. */
  #follower: Follower | undefined;
  #service: Service | undefined;
  /** P2. */
  #validUntil = Number.NEGATIVE_INFINITY;
  #publishedBefore = 0;
  /** NATS knows of the subscription: requests reach the partition. */
  #announced = false;
  #giving = false;
  #given = false;
  #ended = false;

  /** Under a fence that is granted, or that will be if the present owner hands over or is gone. */
  constructor(options: OwnershipOptions, fence: Fence) {
    this.#options = options;
    this.fence = fence;
    const { partition } = fence;
    this.door = new Door({
      bus: options.bus,
      subjects: [options.subjectOf(partition), ...(options.alsoOf?.(partition) ?? [])],
      onMessage: (message) => this.#receive(message),
      waitingMax: options.limits.waitingMax,
      waitingBytesMax: options.limits.waitingBytesMax,
      onOverflow: (message) => this.#overflow(message),
    });
  }

  get leaseMs(): number {
    return this.#options.limits.leaseMs;
  }

  get partition(): number {
    return this.fence.partition;
  }

  /** P2. */
  get holds(): boolean {
    return this.#options.clock.monotonic() < this.#validUntil;
  }

  /** P2, P3: what answers now, if anything may. */
  get service(): Service | undefined {
    return this.holds && !this.#giving ? this.#service : undefined;
  }

  /** Whether it is over, whoever has the partition now. */
  get hasEnded(): boolean {
    return this.#ended;
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
    const published = this.served?.publisher.confirmed ?? this.#publishedBefore;
    return { fence: this.fence, published };
  }

  /** A renewal sent at this time of the monotonic clock was granted. */
  renewed(sentAt: number): void {
    this.#validUntil = sentAt + this.leaseMs;
    if (this.#announced && !this.#ended) this.door.admit();
  }

  /** P3; `false` takes it back. */
  set giving(giving: boolean) {
    this.#giving = giving;
    if (giving) this.door.admit();
  }

  /** P3: a successor in our group has it; whatever comes late is for it. */
  given(): void {
    this.#given = true;
    this.door.admit();
    this.end();
  }

  /** Recovers a partition that was acquired, and lets requests in (P1). */
  async open(group: string, grant: Grant): Promise<void> {
    if (this.#accept(await this.#recovered(grant))) await this.door.enter(group);
    this.#admit();
  }

  /** Answers for a partition that was acquired and cannot be served: nothing but why. */
  async openHalted(group: string, sentAt: number, reason: string): Promise<void> {
    this.#follower?.close();
    this.renewed(sentAt);
    this.#halted(reason);
    await this.door.enter(group);
    this.#admit();
  }

  /** Serves nothing from now on, and says why to whoever asks. */
  halt(reason: string): void {
    this.served?.close();
    this.#halted(reason);
  }

  /** Rebuilds the partition as far as its present owner has written by now; false if that failed. */
  follow(): Promise<boolean> {
    this.#follower ??= new Follower(() => this.#options.follow(this.#opening));
    return this.#follower.readOn();
  }

  /** Its owner has given it to us: reads the rest, and lets in what has waited. */
  async succeed(grant: Grant): Promise<void> {
    this.#accept(await this.#recovered(grant));
    this.#admit();
  }

  /** Lets go in good order although nobody succeeds: finishes what was taken, then frees the lease. */
  async release(): Promise<void> {
    await this.door.leave();
    await this.served?.stop();
    const { renewal } = this;
    this.end();
    await this.#options.leases.release(renewal).catch(() => undefined);
  }

  /** Ends at once; the lease, if it is still ours, runs out by itself. */
  end(): void {
    this.#ended = true;
    this.#follower?.close();
    this.served?.close();
    if (!this.#sendsOn) this.door.close();
  }

  /** Its fence is granted: reads what is left to read. */
  #recovered(grant: Grant): Promise<Service> {
    this.renewed(grant.sentAt);
    this.#publishedBefore = grant.published;
    return this.#serviceOf(
      (opening) => this.#follower?.serve(grant) ?? this.#options.open(opening, grant),
    );
  }

  /** False if the ownership has ended meanwhile. */
  #accept(service: Service): boolean {
    if (this.#ended && service.kind === 'serving') service.partition.close();
    if (!this.#ended) this.#service ??= service;
    return !this.#ended;
  }

  #admit(): void {
    if (this.#ended) return;
    this.#announced = true;
    this.door.admit();
  }

  #receive(message: BusMessage): void {
    const { onLate, onRequest } = this.#options;
    if (this.#sendsOn) onLate(message, this.partition);
    else if (this.holds) onRequest(message, this.partition);
    else this.door.hold(message);
  }

  /** P3. */
  get #sendsOn(): boolean {
    return this.#given || (this.#giving && this.holds);
  }

  /** More waits than may: before the partition is ours it is for the owner; then see P3. */
  #overflow(message: BusMessage): void {
    const never = this.#validUntil === Number.NEGATIVE_INFINITY;
    if (never || this.holds) this.#options.onLate(message, this.partition);
  }

  get #opening(): Opening {
    const { onLost, onFailed } = this.#options;
    return {
      fence: this.fence,
      onLost: () => onLost(this),
      onHalted: (reason) => void this.#halted(reason),
      onFailed: (reason) => onFailed(this, reason),
    };
  }

  #halted(reason: string): Service {
    this.#options.report(`partition ${this.partition} is halted: ${reason}`);
    return (this.#service = { kind: 'halted', reason });
  }

  async #serviceOf(build: (opening: Opening) => Promise<Partition>): Promise<Service> {
    try {
      return { kind: 'serving', partition: await build(this.#opening) };
    } catch (error) {
      if (error instanceof LogDamaged) return this.#halted(error.message);
      throw error;
    }
  }
}
