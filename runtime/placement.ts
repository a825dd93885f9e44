/**
 * Which partitions this host owns.
 *
 * Owns the leases of this host. A host takes what is free: at once if rendezvous hashing over the
 * live hosts names it, after a while otherwise; what could not be opened is tried again ever later.
 * Invariants, besides those of ownership.ts:
 * P3  leases are taken and renewed only after a round trip to NATS, on a connection of its own, so
 *     that a flood on the other does not count: a host that nobody can reach lets go;
 * P4  a host whose clock is too far from the store's takes nothing.
 */
import type { Bus } from './bus.ts';
import type { Clock, Random, Timer } from './clock.ts';
import type { Claim, OwnerRecord } from './leases.ts';
import type { Limits } from './limits.ts';
import { Ownership, type OwnershipOptions, type Service } from './ownership.ts';
import type { PartitionStatus } from './partition.ts';
import { preferredHost } from './rendezvous.ts';

export interface PlacementOptions extends Omit<OwnershipOptions, 'onLost'> {
  readonly host: string;
  readonly partitions: number;
  readonly random: Random;
  readonly limits: Limits;
  /** P3. */
  readonly pulse: Pick<Bus, 'flush'>;
}

interface Failures {
  readonly count: number;
  /** On the monotonic clock. */
  readonly notBefore: number;
}

/** How long hosts that start together wait to see each other before they take anything. */
const introductionMs = 400;
const scanMs = 250;
const tickMs = 100;
const reopenMsMax = 30_000;

export class Placement {
  readonly #options: PlacementOptions;
  readonly #nonce: string;
  readonly #owned = new Map<number, Ownership>();
  readonly #acquiring = new Set<number>();
  /** Free partitions that are to be taken. */
  readonly #wanted = new Set<number>();
  readonly #freeSince = new Map<number, number>();
  readonly #failures = new Map<number, Failures>();
  readonly #timers = new Set<Timer>();
  #acquisitions = 0;
  #hosts: readonly string[] = [];
  #owners: readonly (OwnerRecord | undefined)[] = [];
  #looking: Promise<void> | undefined;
  /** The store's clock minus ours. */
  #skewMs = 0;
  /** P3: when a round trip to NATS last succeeded, on the monotonic clock. */
  #reachableAt = Number.NEGATIVE_INFINITY;
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

  /** What answers for a partition here; undefined if this host may not answer. */
  service(partition: number): Service | undefined {
    return this.#owned.get(partition)?.service;
  }

  /** The partition's owner as of the last look, if its lease was running. */
  ownerOf(partition: number): string | undefined {
    const owner = this.#owners[partition];
    return owner && owner.until > this.#options.clock.now() + this.#skewMs ? owner.host : undefined;
  }

  /** Looks at the owners now; all who ask meanwhile share one look. */
  look(): Promise<void> {
    this.#looking ??= this.#options.leases
      .owners(this.#options.partitions)
      .then(({ owners }) => void (this.#owners = owners))
      .finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** The partitions that requests reach here. */
  status(): PartitionStatus[] {
    return [...this.#owned.values()].flatMap((ownership) => ownership.status ?? []);
  }

  /** The partitions that are halted here, and why. */
  halted(): { partition: number; reason: string }[] {
    return [...this.#owned.values()].flatMap(({ partition, haltedBecause: reason }) =>
      reason === undefined ? [] : [{ partition, reason }],
    );
  }

  /** Events that were sent shortly before the connection broke may be lost: they are sent again. */
  republish(): void {
    for (const { served } of this.#owned.values()) served?.republish();
  }

  /** Lets go of everything in good order, within `ms`. */
  async stop(ms: number): Promise<void> {
    this.#stopping = true;
    const { leases, host, clock } = this.#options;
    await leases.depart(host).catch(() => undefined);
    const leaving = [...this.#owned.values()];
    await within(clock, ms, Promise.all(leaving.map((ownership) => ownership.release())));
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    for (const ownership of this.#owned.values()) ownership.end();
    this.#owned.clear();
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
    const { leases, limits, host, clock, bus, pulse } = this.#options;
    if (!(await within(clock, limits.leaseMs / 3, pulse.flush()))) return;
    this.#reachableAt = clock.monotonic();
    this.#confirmPublished(bus);
    if (!this.#stopping) {
      const { now, hosts } = await leases.heartbeat(host, limits.leaseMs);
      this.#skewMs = now - clock.now();
      this.#hosts = hosts;
    }
    const due = [...this.#owned.values()];
    if (due.length === 0) return;
    const sentAt = clock.monotonic();
    const renewals = due.map((ownership) => ownership.renewal);
    const outcomes = await leases.renew(renewals, limits.leaseMs);
    due.forEach((ownership, index) => {
      if (outcomes[index] === 'ok') ownership.renewed(sentAt);
      else this.#lost(ownership);
    });
  }

  /** A round trip behind what was published tells that it has arrived. */
  #confirmPublished(bus: Bus): void {
    const sent = [...this.#owned.values()].flatMap(({ served }) =>
      served ? [{ publisher: served.publisher, position: served.publisher.published }] : [],
    );
    const confirm = (): void =>
      sent.forEach(({ publisher, position }) => publisher.confirm(position));
    bus.flush().then(confirm, () => undefined);
  }

  async #scan(): Promise<void> {
    const { leases, partitions, limits, clock, host } = this.#options;
    if (this.#stopping) return;
    const { now, owners } = await leases.owners(partitions);
    this.#owners = owners;
    const reachable = clock.monotonic() - this.#reachableAt < limits.leaseMs;
    if (!reachable || Math.abs(this.#skewMs) > limits.clockSkewMsMax) return;
    const free = owners.some(
      (owner, partition) => isFree(owner, now) && !this.#owned.has(partition),
    );
    // Who died with its leases must not be waited for.
    if (free) this.#hosts = (await leases.heartbeat(host, limits.leaseMs)).hosts;
    for (let partition = 0; partition < partitions; partition++) {
      const owner = owners[partition];
      if (this.#owned.has(partition) || !isFree(owner, now)) {
        this.#freeSince.delete(partition);
        this.#wanted.delete(partition);
        continue;
      }
      const since = this.#freeSince.get(partition) ?? clock.monotonic();
      this.#freeSince.set(partition, since);
      const mine = preferredHost(this.#hosts, partition) === host;
      const overdue = clock.monotonic() - since > limits.leaseMs / 2;
      const mayTry = clock.monotonic() >= (this.#failures.get(partition)?.notBefore ?? 0);
      if ((mine || overdue) && mayTry) this.#wanted.add(partition);
    }
    this.#takeWanted();
  }

  /** Opens few at a time, so that those that are open serve without a pause. */
  #takeWanted(): void {
    for (const partition of this.#wanted) {
      if (this.#acquiring.size >= this.#options.limits.recoveriesMax || this.#stopping) return;
      this.#wanted.delete(partition);
      const busy = this.#acquiring.has(partition) || this.#owned.has(partition);
      if (!busy) void this.#acquire(partition);
    }
  }

  async #acquire(partition: number): Promise<void> {
    this.#acquiring.add(partition);
    try {
      await this.#open(partition);
      this.#failures.delete(partition);
    } catch (error) {
      this.#failed(partition, error);
      const ownership = this.#owned.get(partition);
      this.#owned.delete(partition);
      await ownership?.release();
    } finally {
      this.#acquiring.delete(partition);
      this.#takeWanted();
    }
  }

  async #open(partition: number): Promise<void> {
    const { leases, limits, clock, host } = this.#options;
    const nonce = `${this.#nonce}.${++this.#acquisitions}`;
    const group = `${host}.${nonce}`;
    const claim: Claim = { partition, host, nonce, group, leaseMs: limits.leaseMs };
    const sentAt = clock.monotonic();
    const acquired = await leases.acquire(claim);
    switch (acquired.kind) {
      case 'held':
        return;
      case 'lost-tail':
        throw new Error(
          `its log ends at ${acquired.found}, its owner knew ${acquired.known}: acknowledged records ` +
            `are gone; restore the log from a copy`,
        );
      case 'acquired': {
        const onLost = (lost: Ownership): void => this.#lost(lost);
        const ownership = new Ownership({ ...this.#options, onLost }, { claim, acquired, sentAt });
        this.#owned.set(partition, ownership);
        await ownership.open();
      }
    }
  }

  #failed(partition: number, error: unknown): void {
    const { clock, report } = this.#options;
    const count = (this.#failures.get(partition)?.count ?? 0) + 1;
    const pauseMs = Math.min(scanMs * 2 ** count, reopenMsMax);
    this.#failures.set(partition, { count, notBefore: clock.monotonic() + pauseMs });
    report(`partition ${partition} could not be opened, try ${count}: ${String(error)}`);
  }

  #lost(ownership: Ownership): void {
    const { partition } = ownership;
    if (this.#owned.get(partition) !== ownership) return;
    this.#options.report(`partition ${partition} has another owner now`);
    this.#owned.delete(partition);
    ownership.end();
  }

  #tick(): void {
    for (const { served } of this.#owned.values()) served?.tick();
  }
}

const isFree = (owner: OwnerRecord | undefined, now: number): boolean =>
  owner === undefined || owner.until <= now;

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
