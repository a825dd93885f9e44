/** Follows the logs of some partitions without a trace in Redis: each record once, in order, as it comes. */
import { pause } from '../runtime/clock.ts';
import { systemClock } from '../runtime/system-clock.ts';
import { placedOf, type Placed } from '../runtime/whole-log.ts';
import type { OpenedCluster } from './opened-cluster.ts';

export interface Followed {
  readonly partitions: readonly number[];
  /** The oldest record that is still in the log, or the next one. */
  readonly from: 'start' | 'now';
  readonly signal: AbortSignal;
}

const entriesPerRead = 64;
const idleMs = 100;

/** What is new, a few entries of a partition at a time, until the signal. */
export async function* followLog(
  { log, leases, settings }: OpenedCluster,
  { partitions, from, signal }: Followed,
): AsyncGenerator<readonly Placed[], void, void> {
  const topsOf = async () => (await leases.owners(settings.partitions)).owners;
  const begin = from === 'start' ? [] : await topsOf();
  const next = new Map(partitions.map((each) => [each, (begin[each]?.top ?? 0) + 1]));
  while (!signal.aborted) {
    const owners = await topsOf();
    let found = false;
    for (const [partition, position] of next) {
      const top = owners[partition]?.top ?? 0;
      if (top < position - 1)
        throw new Error(
          `The log of partition ${partition} went back from ${position - 1} to ${top}: records are lost.`,
        );
      if (top < position || signal.aborted) continue;
      const entries = await log.read(partition, position, entriesPerRead);
      const last = entries.at(-1);
      if (last === undefined) continue;
      found = true;
      next.set(partition, last.position + last.n);
      const placed = entries.flatMap((entry) => placedOf(partition, entry));
      yield placed.filter((one) => one.position >= position);
    }
    if (!found) await idle(signal);
  }
}

/** The clock keeps no process alive, and nothing else may be under way. */
async function idle(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await pause(systemClock, idleMs);
}
