/**
 * Pulls partitions from owners that live: those that rendezvous hashing gives to this host, one by
 * one, and those of a host that is leaving, a few at a time.
 *
 * Owns since when each host has been leaving.
 */
import { Attempts } from './attempts.ts';
import type { Clock } from './clock.ts';
import { isFree, type Overview, type OwnerRecord } from './leases.ts';
import type { Limits } from './limits.ts';
import { preferredHost } from './rendezvous.ts';

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
const pauses = { msMin: 200, msMax: 10_000 };

export class Pulls {
  readonly #options: PullsOptions;
  readonly #attempts: Attempts<Pull>;
  readonly #leavingSince = new Map<string, number>();

  constructor(options: PullsOptions) {
    this.#options = options;
    this.#attempts = new Attempts({
      ...options,
      pauses,
      atOnce: ({ leaving }) => (leaving ? leavingMax : 1),
      attempt: ({ partition, owner }) => options.pull(partition, owner),
      onError: (partition, _, error) =>
        options.report(`partition ${partition} could not be pulled: ${String(error)}`),
    });
  }

  /** Whether a partition is changing hands. */
  get busy(): boolean {
    return this.#attempts.busy;
  }

  /** Begins nothing more. */
  stop(): void {
    this.#attempts.stop();
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
      const wanted = (mine || overdue) && this.#attempts.mayTry(partition);
      return wanted ? [{ partition, owner, leaving }] : [];
    });
    this.#attempts.want(pulls.toSorted((a, b) => Number(b.leaving) - Number(a.leaving)));
  }
}
