/** The latest records of an actor, without reading all of its partition's log. */
import { RecordsMissing, WholeLog, type Placed } from '../../runtime/whole-log.ts';
import type { OpenedCluster } from '../opened-cluster.ts';
import type { Located } from '../time-travel.ts';

/** Positions that are looked through at a time, from the end of the log backwards, and in all. */
const stride = 4_096;
const positionsMax = 100_000;

/** Oldest first, of the latest 100,000 of its partition, the archive included if it is there. */
export async function lastRecords(
  cluster: OpenedCluster,
  { actor, partition }: Located,
  count: number,
): Promise<readonly Placed[]> {
  let found: readonly Placed[] = [];
  const top = (await cluster.leases.ownerOf(partition))?.top ?? 0;
  const least = Math.max(1, top - positionsMax + 1);
  for (let end = top + 1; end > least && found.length < count;) {
    const from = Math.max(least, end - stride);
    const records = await recordsBetween(cluster, partition, { from, end });
    if (records === undefined) break;
    found = [...records.filter(({ record }) => record.actor === actor), ...found];
    end = from;
  }
  return found.slice(-count);
}

/** Undefined where they have left the log, and the archive is not there. */
async function recordsBetween(
  { log, archive }: OpenedCluster,
  partition: number,
  { from, end }: { readonly from: number; readonly end: number },
): Promise<readonly Placed[] | undefined> {
  const whole = new WholeLog(partition, { log, archive }, { from });
  const records: Placed[] = [];
  try {
    while (whole.next < end) {
      const page = await whole.page();
      if (page.length === 0) break;
      records.push(...page);
    }
  } catch (error) {
    if (error instanceof RecordsMissing) return undefined;
    throw error;
  }
  return records.filter(({ position }) => position < end);
}
