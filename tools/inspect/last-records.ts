/** The latest records of an actor that are still in the log, without reading all of it. */
import { placedOf, type Placed } from '../../runtime/whole-log.ts';
import type { OpenedCluster } from '../opened-cluster.ts';
import type { Located } from '../time-travel.ts';

/** Positions that are looked through at a time, from the end of the log backwards. */
const stride = 4_096;
const entriesPerRead = 128;

/** Oldest first; what has left the log for the archive is not looked through. */
export async function lastRecords(
  cluster: OpenedCluster,
  { actor, partition }: Located,
  count: number,
): Promise<readonly Placed[]> {
  let found: readonly Placed[] = [];
  let end = ((await cluster.leases.ownerOf(partition))?.top ?? 0) + 1;
  while (end > 1 && found.length < count) {
    const from = Math.max(1, end - stride);
    const { records, whole } = await recordsBetween(cluster, partition, { from, end });
    found = [...records.filter(({ record }) => record.actor === actor), ...found];
    end = whole ? from : 1;
  }
  return found.slice(-count);
}

/** What the log has of these positions; `whole` if it has the first of them. */
async function recordsBetween(
  { log }: OpenedCluster,
  partition: number,
  { from, end }: { readonly from: number; readonly end: number },
): Promise<{ readonly records: readonly Placed[]; readonly whole: boolean }> {
  const records: Placed[] = [];
  let whole = false;
  for (let next = from; next < end;) {
    const entries = await log.read(partition, next, entriesPerRead);
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) break;
    whole ||= first.position <= from;
    for (const entry of entries) records.push(...placedOf(partition, entry));
    next = last.position + last.n;
  }
  return { records: records.filter(({ position }) => position >= from && position < end), whole };
}
