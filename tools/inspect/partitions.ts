/** Every partition of a cluster as its Redis has it: owner, epoch, lag, sizes. */
import { keys } from '../../contracts/keys.ts';
import { parseEntryId } from '../../contracts/record.ts';
import type { OwnerRecord } from '../../runtime/leases.ts';
import type { Connection } from '../../runtime/redis/connection.ts';
import { integer, list, text } from '../../runtime/redis/replies.ts';
import type { OpenedCluster } from '../opened-cluster.ts';

export interface InspectedPartition {
  readonly partition: number;
  /** The host that holds its lease; null if nobody does. */
  readonly owner: string | null;
  readonly epoch: number;
  /** Of the latest record; 0 before the first. */
  readonly position: number;
  /** Events of so many records may not have been published yet; hosts note it once a second. */
  readonly unpublished: number;
  /** Records that whoever takes over would replay. */
  readonly afterCheckpoint: number;
  /** What is before is in the archive. */
  readonly first: number;
  /** Of the log, without what is archived. */
  readonly entries: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly deadLetters: number;
  /** Consumer groups and the entries that they have not been given. */
  readonly groups: readonly { readonly name: string; readonly lag: number | null }[];
}

export interface InspectedCluster {
  readonly id: string;
  /** Of Redis, in ms since 1970. */
  readonly time: number;
  /** Those whose heartbeat holds, with how many partitions each owns. */
  readonly hosts: readonly { readonly name: string; readonly partitions: number }[];
  readonly partitions: readonly InspectedPartition[];
}

/** Asks Redis for all partitions at once. */
export async function inspectCluster(cluster: OpenedCluster): Promise<InspectedCluster> {
  const { connection, leases, settings } = cluster;
  const { now, hosts, owners } = await leases.owners(settings.partitions);
  const partitions = await Promise.all(
    owners.map((owner, partition) => inspectPartition(connection, partition, { owner, now })),
  );
  return {
    id: settings.id,
    time: now,
    hosts: hosts.map((name) => ({
      name,
      partitions: partitions.filter(({ owner }) => owner === name).length,
    })),
    partitions,
  };
}

interface Owned {
  readonly owner: OwnerRecord | undefined;
  readonly now: number;
}

async function inspectPartition(
  connection: Connection,
  partition: number,
  { owner, now }: Owned,
): Promise<InspectedPartition> {
  const log = keys.log(partition);
  const [entries, bytes, oldest, snapshots, letters, groups] = await Promise.all([
    connection.call('xlen', [log]),
    connection.call('memory', ['USAGE', log, 'SAMPLES', '0']),
    connection.call('xrange', [log, '-', '+', 'COUNT', '1']),
    connection.call('hlen', [keys.snapshots(partition)]),
    connection.call('xlen', [keys.deadLetters(partition)]),
    // Redis has no groups of a log that was never written to, and says so with an error.
    connection.call('xinfo', ['GROUPS', log]).catch(() => []),
  ]);
  const { top = 0, published = 0, checkpoint = 0, epoch = 0, until = 0, host } = owner ?? {};
  return {
    partition,
    owner: host !== undefined && until > now ? host : null,
    epoch,
    position: top,
    unpublished: Math.max(0, top - published),
    afterCheckpoint: Math.max(0, top - checkpoint),
    first: firstPosition(oldest),
    entries: integer(entries),
    bytes: bytes === null ? 0 : integer(bytes),
    snapshots: integer(snapshots),
    deadLetters: integer(letters),
    groups: list(groups).map(groupIn),
  };
}

/** An epoch marker stands at the position before the first that its epoch wrote. */
function firstPosition(range: unknown): number {
  const [entry] = list(range);
  if (entry === undefined) return 1;
  const [id, fields] = list(entry);
  const { position } = parseEntryId(text(id));
  const marks = list(fields).map(text);
  return marks[marks.indexOf('n') + 1] === '0' ? position + 1 : position;
}

function groupIn(group: unknown): { name: string; lag: number | null } {
  const fields = list(group);
  const field = (name: string): unknown => fields[fields.indexOf(name) + 1];
  const lag = field('lag');
  return { name: text(field('name')), lag: lag === null ? null : integer(lag) };
}
