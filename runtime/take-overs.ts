/**
 * Takes partitions that nobody owns: at once if rendezvous hashing over the live hosts names this
 * host, after a while otherwise.
 *
 * Few at a time, so that those that are open serve without a pause, and those with the least to read
 * first, so that most serve again soon: all at once that were followed (standbys.ts). Owns since when
 * each has been free.
 */
import { Attempts } from './attempts.ts';
import type { Clock } from './clock.ts';
import { isFree, unreadOf, type Overview } from './leases.ts';
import type { Limits } from './limits.ts';
import { preferredHost } from './rendezvous.ts';

export interface TakeOversOptions {
  readonly host: string;
  readonly partitions: number;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly isHeld: (partition: number) => boolean;
  /** How far its log has been read here already, if it has. */
  readonly reached: (partition: number) => number | undefined;
  /** Rejects if the partition could not be opened; it is then free again. */
  readonly take: (partition: number) => Promise<void>;
  readonly report: (line: string) => void;
}

const pauses = { msMin: 500, msMax: 30_000 };

export class TakeOvers {
  readonly #options: TakeOversOptions;
  readonly #attempts: Attempts<{ readonly partition: number }>;
  readonly #freeSince = new Map<number, number>();

  constructor(options: TakeOversOptions) {
    this.#options = options;
    this.#attempts = new Attempts({
      ...options,
      pauses,
      // What has been read already costs little to open.
      atOnce: ({ partition }) =>
        options.reached(partition) === undefined
          ? options.limits.recoveriesMax
          : options.partitions,
      attempt: ({ partition }) => options.take(partition).then(() => true),
      onError: (partition, tries, error) =>
        options.report(
          `partition ${partition} could not be opened, try ${tries}: ${String(error)}`,
        ),
    });
  }

  /** Whether something is being opened. */
  get busy(): boolean {
    return this.#attempts.busy;
  }

  /** Begins nothing more. */
  stop(): void {
    this.#attempts.stop();
  }

  /** Takes what is free. */
  consider({ now, hosts, owners }: Overview): void {
    const { host, clock, limits, isHeld, reached } = this.#options;
    const at = clock.monotonic();
    const wanted = owners.flatMap((owner, partition) => {
      if (!isFree(owner, now) || isHeld(partition)) {
        this.#freeSince.delete(partition);
        return [];
      }
      const since = this.#freeSince.get(partition) ?? at;
      this.#freeSince.set(partition, since);
      const mine = preferredHost(hosts, partition) === host;
      const overdue = at - since > limits.leaseMs / 2;
      return (mine || overdue) && this.#attempts.mayTry(partition) ? [{ partition }] : [];
    });
    const unread = ({ partition }: { readonly partition: number }): number =>
      unreadOf(owners[partition], reached(partition));
    this.#attempts.want(wanted.toSorted((a, b) => unread(a) - unread(b)));
  }
}
