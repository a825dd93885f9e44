/**
 * Takes partitions that nobody owns: at once if rendezvous hashing over the live hosts names this
 * host, after a while otherwise.
 *
 * Owns what is to be taken and what is being opened: few at a time, so that those that are open
 * serve without a pause, and the shortest first, so that most serve again soon. What could not be opened is tried again ever later.
 */
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Overview, OwnerRecord } from './leases.ts';
import type { Limits } from './limits.ts';
import { preferredHost } from './rendezvous.ts';

export interface TakeOversOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly isHeld: (partition: number) => boolean;
  /** Rejects if the partition could not be opened; it is then free again. */
  readonly take: (partition: number) => Promise<void>;
  readonly report: (line: string) => void;
}

const retry = { msMin: 250, msMax: 30_000 };

export class TakeOvers {
  readonly #options: TakeOversOptions;
  readonly #backoff: Backoff;
  readonly #freeSince = new Map<number, number>();
  #wanted: readonly number[] = [];
  readonly #running = new Set<number>();
  #stopped = false;

  constructor(options: TakeOversOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, retry);
  }

  /** Whether something is being opened. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Takes what is free. */
  consider({ now, hosts, owners }: Overview): void {
    const { host, clock, limits, isHeld } = this.#options;
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
      return (mine || overdue) && this.#backoff.mayTry(partition) ? [partition] : [];
    });
    const tail = (partition: number): number => tailOf(owners[partition]);
    this.#wanted = wanted.toSorted((a, b) => tail(a) - tail(b));
    this.#next();
  }

  #next(): void {
    const { limits, isHeld } = this.#options;
    while (this.#running.size < limits.recoveriesMax && !this.#stopped) {
      const [partition, ...rest] = this.#wanted;
      if (partition === undefined) return;
      this.#wanted = rest;
      if (!this.#running.has(partition) && !isHeld(partition)) void this.#take(partition);
    }
  }

  async #take(partition: number): Promise<void> {
    this.#running.add(partition);
    try {
      await this.#options.take(partition);
      this.#backoff.succeeded(partition);
    } catch (error) {
      const tries = this.#backoff.failed(partition);
      this.#options.report(
        `partition ${partition} could not be opened, try ${tries}: ${String(error)}`,
      );
    } finally {
      this.#running.delete(partition);
      this.#next();
    }
  }
}

/** Whether nobody owns a partition by a lease that runs. */
export const isFree = (owner: OwnerRecord | undefined, now: number): boolean =>
  owner === undefined || owner.until <= now;

/** How many records have to be replayed. */
const tailOf = (owner: OwnerRecord | undefined): number =>
  owner === undefined ? 0 : owner.top - owner.checkpoint;
