/**
 * Which partitions this host owns.
 *
 * Owns the leases of this host and the partitions opened under them. A host takes what is free:
 * at once if rendezvous hashing over the live hosts names it, after a while otherwise. Invariants:
 * P1  a partition is opened only under an epoch acquired for it, and subscribed to only in the
 *     queue group that its owner record names;
 * P2  a host answers for a partition only while its lease holds by its own monotonic clock, measured
 *     from before the renewal was sent; what it writes is guarded by the fence in any case;
 * P3  a lease is renewed only after a round trip to NATS: a host that nobody can reach lets go.
 */
import type { Bus, BusMessage, Subscription } from './bus.ts';
import type { Clock, Random, Timer } from './clock.ts';
import type { Leases, OwnerRecord, Renewal } from './leases.ts';
import type { Limits } from './limits.ts';
import type { Fence } from './log.ts';
import type { Partition, PartitionStatus } from './partition.ts';
import { LogDamaged } from './recovery.ts';
import { preferredHost } from './rendezvous.ts';

export interface PlacementOptions {
  readonly host: string;
  readonly partitions: number;
  readonly leases: Leases;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  /** The subject under which the owner of a partition gets its requests. */
  readonly subjectOf: (partition: number) => string;
  readonly open: (opening: Opening) => Promise<Partition>;
  readonly onRequest: (message: BusMessage, partition: number) => void;
  readonly report: (line: string) => void;
}

/** What `open` needs to know of the epoch under which a partition is opened. */
export interface Opening {
  readonly fence: Fence;
  readonly top: number;
  readonly published: number;
  readonly onLost: () => void;
  readonly onHalted: (reason: string) => void;
}

/** What requests to an owned partition meet. */
export type Service =
  | { readonly kind: 'serving'; readonly partition: Partition }
  | { readonly kind: 'halted'; readonly reason: string };

interface Owned {
  readonly fence: Fence;
  /** Events up to here were published for certain when the partition was acquired. */
  readonly published: number;
  service: Service | undefined;
  subscription: Subscription | undefined;
  /** NATS knows of the subscription: requests reach the partition. */
  announced: boolean;
  /** P2, on the monotonic clock. */
  validUntil: number;
}

const renewalOf = ({ fence, service, published }: Owned): Renewal => ({
  fence,
  published: service?.kind === 'serving' ? service.partition.publisher.confirmed : published,
});

/** How long hosts that start together wait to see each other before they take anything. */
const introductionMs = 400;
const scanMs = 250;
const tickMs = 100;

export class Placement {
  readonly #options: PlacementOptions;
  readonly #nonce: string;
  readonly #owned = new Map<number, Owned>();
  readonly #acquiring = new Set<number>();
  /** Free partitions that are to be taken. */
  readonly #wanted = new Set<number>();
  readonly #freeSince = new Map<number, number>();
  readonly #timers = new Set<Timer>();
  #acquisitions = 0;
  #hosts: readonly string[] = [];
  #owners: readonly (OwnerRecord | undefined)[] = [];
  /** The store's clock minus ours. */
  #skewMs = 0;
  /** Takes nothing more. */
  #stopping = false;
  /** Owns nothing more. */
  #stopped = false;

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.#nonce = options.random.id(options.clock.now());
  }

  get nonce(): string {
    return this.#nonce;
  }

  /** Begins to take partitions. */
  async start(): Promise<void> {
    await this.#renew();
    await new Promise<void>((resolve) => void this.#options.clock.after(introductionMs, resolve));
    await this.#renew();
    this.#every(this.#options.limits.leaseMs / 3, () => this.#renew());
    this.#every(scanMs, () => this.#scan());
    this.#every(tickMs, async () => this.#tick());
  }

  /** What answers for a partition here; undefined if this host may not answer (P2). */
  service(partition: number): Service | undefined {
    const owned = this.#owned.get(partition);
    if (owned === undefined || this.#options.clock.monotonic() >= owned.validUntil)
      return undefined;
    return owned.service;
  }

  /** The partition's owner as of the last look, if its lease was running. */
  ownerOf(partition: number): string | undefined {
    const owner = this.#owners[partition];
    return owner && owner.until > this.#options.clock.now() + this.#skewMs ? owner.host : undefined;
  }

  /** Looks at the owners now. */
  async refresh(): Promise<void> {
    const { owners } = await this.#options.leases.owners(this.#options.partitions);
    this.#owners = owners;
  }

  /** The partitions that requests reach here. */
  status(): PartitionStatus[] {
    return [...this.#owned.values()].flatMap(({ service, announced }) =>
      announced && service?.kind === 'serving' ? [service.partition.status] : [],
    );
  }

  /** The partitions that are halted here, and why. */
  halted(): { partition: number; reason: string }[] {
    return [...this.#owned].flatMap(([partition, { service }]) =>
      service?.kind === 'halted' ? [{ partition, reason: service.reason }] : [],
    );
  }

  /** Events that were sent shortly before the connection broke may be lost: they are sent again. */
  republish(): void {
    for (const { service } of this.#owned.values()) {
      if (service?.kind === 'serving') service.partition.republish();
    }
  }

  /** Lets go of everything in good order, within `ms`. */
  async stop(ms: number): Promise<void> {
    this.#stopping = true;
    const { leases, host } = this.#options;
    await leases.depart(host).catch(() => undefined);
    const released = Promise.all(
      [...this.#owned].map(([partition, owned]) => this.#release(partition, owned)),
    );
    await within(this.#options.clock, ms, released);
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    for (const partition of [...this.#owned.keys()]) this.#drop(partition);
  }

  /** Calls again `ms` after each call has ended, until the host stops. */
  #every(ms: number, work: () => Promise<void>): void {
    if (this.#stopped) return;
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(timer);
      void work()
        .catch((error: unknown) => this.#options.report(`placement: ${String(error)}`))
        .finally(() => this.#every(ms, work));
    });
    this.#timers.add(timer);
  }

  async #renew(): Promise<void> {
    const { leases, limits, host, clock, bus } = this.#options;
    const flushing = [...this.#owned.values()].map(({ service }) => {
      const publisher = service?.kind === 'serving' ? service.partition.publisher : undefined;
      return { publisher, position: publisher?.published ?? 0 };
    });
    // P3
    if (!(await within(clock, limits.leaseMs / 3, bus.flush()))) return;
    for (const { publisher, position } of flushing) publisher?.confirm(position);
    if (!this.#stopping) {
      const { now, hosts } = await leases.heartbeat(host, limits.leaseMs);
      this.#skewMs = now - clock.now();
      this.#hosts = hosts;
    }
    const due = [...this.#owned];
    if (due.length === 0) return;
    const sentAt = clock.monotonic();
    const outcomes = await leases.renew(
      due.map(([, owned]) => renewalOf(owned)),
      limits.leaseMs,
    );
    due.forEach(([partition, owned], index) => {
      if (outcomes[index] === 'ok') owned.validUntil = sentAt + limits.leaseMs;
      else this.#lost(partition, owned);
    });
  }

  async #scan(): Promise<void> {
    const { leases, partitions, limits, clock, host } = this.#options;
    if (this.#stopping) return;
    const { now, owners } = await leases.owners(partitions);
    this.#owners = owners;
    if (Math.abs(this.#skewMs) > limits.clockSkewMsMax) return;
    for (let partition = 0; partition < partitions; partition++) {
      const owner = owners[partition];
      if (this.#owned.has(partition) || (owner !== undefined && owner.until > now)) {
        this.#freeSince.delete(partition);
        continue;
      }
      const since = this.#freeSince.get(partition) ?? clock.monotonic();
      this.#freeSince.set(partition, since);
      const mine = preferredHost(this.#hosts, partition) === host;
      const overdue = clock.monotonic() - since > limits.leaseMs / 2;
      if (mine || overdue) this.#wanted.add(partition);
    }
    this.#takeWanted();
  }

  /** Opens few at a time, so that those that are open serve without a pause. */
  #takeWanted(): void {
    for (const partition of this.#wanted) {
      if (this.#acquiring.size >= this.#options.limits.recoveriesMax || this.#stopping) return;
      this.#wanted.delete(partition);
      if (!this.#acquiring.has(partition)) void this.#acquire(partition);
    }
  }

  async #acquire(partition: number): Promise<void> {
    this.#acquiring.add(partition);
    try {
      await this.#open(partition);
    } catch (error) {
      this.#options.report(`partition ${partition} could not be opened: ${String(error)}`);
      const owned = this.#owned.get(partition);
      this.#drop(partition);
      if (owned) {
        await this.#options.leases.release(renewalOf(owned)).catch(() => undefined);
      }
    } finally {
      this.#acquiring.delete(partition);
      this.#takeWanted();
    }
  }

  /** P1. */
  async #open(partition: number): Promise<void> {
    const { leases, limits, clock, host, bus, subjectOf, open, onRequest, report } = this.#options;
    const nonce = `${this.#nonce}.${++this.#acquisitions}`;
    const group = `${host}.${nonce}`;
    const sentAt = clock.monotonic();
    const acquired = await leases.acquire({
      partition,
      host,
      nonce,
      group,
      leaseMs: limits.leaseMs,
    });
    if (acquired.kind === 'held') return;
    if (acquired.kind === 'lost-tail') {
      report(
        `partition ${partition} is not opened: its log ends at ${acquired.found}, its owner knew ` +
          `${acquired.known}; acknowledged records are gone. Restore the log from a copy.`,
      );
      return;
    }
    const fence: Fence = { partition, epoch: acquired.epoch, nonce };
    const owned: Owned = {
      fence,
      published: acquired.published,
      service: undefined,
      subscription: undefined,
      announced: false,
      validUntil: sentAt + limits.leaseMs,
    };
    this.#owned.set(partition, owned);
    owned.service = await this.#openService(partition, owned, acquired, open);
    if (this.#owned.get(partition) !== owned) {
      if (owned.service.kind === 'serving') owned.service.partition.close();
      return;
    }
    owned.subscription = bus.subscribe(
      subjectOf(partition),
      (message) => onRequest(message, partition),
      group,
    );
    await bus.flush();
    owned.announced = true;
  }

  async #openService(
    partition: number,
    owned: Owned,
    acquired: { readonly top: number; readonly published: number },
    open: PlacementOptions['open'],
  ): Promise<Service> {
    const onHalted = (reason: string): void => {
      owned.service = { kind: 'halted', reason };
      this.#options.report(`partition ${partition} is halted: ${reason}`);
    };
    try {
      const onLost = (): void => this.#lost(partition, owned);
      const { top, published } = acquired;
      return {
        kind: 'serving',
        partition: await open({ fence: owned.fence, top, published, onLost, onHalted }),
      };
    } catch (error) {
      if (!(error instanceof LogDamaged)) throw error;
      onHalted(error.message);
      return { kind: 'halted', reason: error.message };
    }
  }

  async #release(partition: number, owned: Owned): Promise<void> {
    await owned.subscription?.drain();
    if (owned.service?.kind === 'serving') await owned.service.partition.stop();
    await this.#options.leases.release(renewalOf(owned)).catch(() => undefined);
    this.#drop(partition);
  }

  #lost(partition: number, owned: Owned): void {
    if (this.#owned.get(partition) !== owned) return;
    this.#options.report(`partition ${partition} has another owner now`);
    this.#drop(partition);
  }

  #drop(partition: number): void {
    const owned = this.#owned.get(partition);
    if (owned === undefined) return;
    this.#owned.delete(partition);
    owned.subscription?.unsubscribe();
    if (owned.service?.kind === 'serving') owned.service.partition.close();
  }

  #tick(): void {
    for (const { service } of this.#owned.values()) {
      if (service?.kind === 'serving') service.partition.tick();
    }
  }
}

/** Whether a promise is fulfilled within `ms`. */
async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false));
    const settle = (done: boolean) => (): void => {
      timer.cancel();
      resolve(done);
    };
    work.then(settle(true), settle(false));
  });
}
