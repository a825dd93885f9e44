/**
 * Pulls partitions from owners that live: those that rendezvous hashing gives to this host, one by
 * one, and those of a host that is leaving, a few at a time.
 *
 * Owns what is to be pulled and what is under way.
 */
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Overview, OwnerRecord } from './leases.ts';
import type { Limits } from './limits.ts';
import { preferredHost } from './rendezvous.ts';
import { isFree } from './take-overs.ts';

export interface PullsOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly isHeld: (partition: number) => boolean;
  /** Tells whether the partition has changed hands. */
  readonly pull: (partition: number, owner: OwnerRecord) => Promise<boolean>;
  readonly report: (line: string) => void;
}

interface Pull {
  readonly partition: number;
  readonly owner: OwnerRecord;
  /** The owner is about to end. */
  readonly leaving: boolean;
}

const leavingMax = 4;
const retry = { msMin: 100, msMax: 10_000 };

export class Pulls {
  readonly #options: PullsOptions;
  readonly #backoff: Backoff;
  readonly #leavingSince = new Map<string, number>();
  #wanted: readonly Pull[] = [];
  readonly #running = new Set<number>();
  #stopped = false;

  constructor(options: PullsOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, retry);
  }

  /** Whether a partition is changing hands. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Pulls what others own and this host should have. */
  consider({ now, hosts, owners }: Overview): void {
    const { host, clock, limits, isHeld } = this.#options;
    const at = clock.monotonic();
    for (const name of this.#leavingSince.keys())
      if (hosts.includes(name)) this.#leavingSince.delete(name);
    const pulls = owners.flatMap((owner, partition): Pull[] => {
      if (owner === undefined || isFree(owner, now) || owner.host === host || isHeld(partition))
        return [];
      const leaving = !hosts.includes(owner.host);
      const since = this.#leavingSince.get(owner.host) ?? at;
      if (leaving) this.#leavingSince.set(owner.host, since);
      const mine = preferredHost(hosts, partition) === host;
      // Whoever should have it perhaps cannot.
      const overdue = leaving && at - since > limits.leaseMs / 2;
      const wanted = (mine || overdue) && this.#backoff.mayTry(partition);
      return wanted ? [{ partition, owner, leaving }] : [];
    });
    this.#wanted = pulls.toSorted((a, b) => Number(b.leaving) - Number(a.leaving));
    this.#next();
  }

  #next(): void {
    while (!this.#stopped) {
      const [pull, ...rest] = this.#wanted;
      if (pull === undefined || this.#running.size >= (pull.leaving ? leavingMax : 1)) return;
      this.#wanted = rest;
      const { partition } = pull;
      if (!this.#running.has(partition) && !this.#options.isHeld(partition)) void this.#pull(pull);
    }
  }

  async #pull({ partition, owner }: Pull): Promise<void> {
    this.#running.add(partition);
    try {
      if (await this.#options.pull(partition, owner)) this.#backoff.succeeded(partition);
      else this.#backoff.failed(partition);
    } catch (error) {
      this.#backoff.failed(partition);
      this.#options.report(`partition ${partition} could not be pulled: ${String(error)}`);
    } finally {
      this.#running.delete(partition);
      this.#next();
    }
  }
}
