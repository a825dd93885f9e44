import { parseArgs } from 'node:util';
import { redisGroupReads } from '../../runtime/redis/group-reads.ts';
import { UsageError } from '../command-line.ts';
import { inspectCluster } from '../inspect/partitions.ts';
import { withCluster, type OpenedCluster } from '../opened-cluster.ts';
import { columns, paintFor } from '../terminal.ts';

export const usage = `millrace groups [remove NAME] [options]

The consumer groups that read the log, such as those of \`millrace tail --group\`: in how many partitions,
the entries that each has not been given, and the processes that have seats of it now. Or forgets a
group, with how far it has come: one that nobody reads with any more holds the log back until that is
twice as long as it should be.

  millrace groups
  millrace groups remove billing

  --json       prints one JSON document
  --data DIR   of the running cluster (default .millrace)

MILLRACE_REDIS_URL names a cluster elsewhere. Exit status: 0 done, 1 there is no such group, or somebody
reads with it, 2 used wrongly. A program that reads without seats, by XREADGROUP, is not noticed: end it
first.`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      data: { type: 'string', default: '.millrace' },
    },
  });
  const [verb, name, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" is too much.`);
  if (verb !== undefined && (verb !== 'remove' || name === undefined))
    throw new UsageError('Write nothing more, or "remove" and the name of a group.');
  return withCluster(values, async (cluster) => {
    const groups = await groupsOf(cluster);
    return name === undefined ? list(groups, values.json) : remove(cluster, groups, name);
  });
}

interface Group {
  readonly name: string;
  readonly partitions: number;
  /** Entries, where Redis can tell. */
  readonly lag: number;
  readonly readers: readonly string[];
}

async function groupsOf(cluster: OpenedCluster): Promise<Group[]> {
  const { partitions } = await inspectCluster(cluster);
  const all = Map.groupBy(
    partitions.flatMap(({ groups }) => groups),
    ({ name }) => name,
  );
  const reads = redisGroupReads(cluster.connection);
  const found = [...all].map(async ([name, each]) => {
    const holders = await reads.holders(name, cluster.settings.partitions);
    const readers = [...new Set(holders.filter((holder) => holder !== undefined))].toSorted();
    const lag = each.reduce((sum, one) => sum + (one.lag ?? 0), 0);
    return { name, partitions: each.length, lag, readers };
  });
  return (await Promise.all(found)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function list(groups: readonly Group[], json: boolean): number {
  if (json) {
    console.log(JSON.stringify({ groups }));
  } else if (groups.length === 0) {
    console.log('no groups');
  } else {
    const rows = groups.map(({ name, partitions, lag, readers }) => [
      name,
      partitions,
      lag,
      readers.join(' ') || 'nobody',
    ]);
    const [head = '', ...lines] = columns([['group', 'partitions', 'lag', 'read by'], ...rows]);
    console.log(paintFor(process.stdout).bold(head));
    for (const line of lines) console.log(line);
  }
  return 0;
}

async function remove(
  { connection, settings }: OpenedCluster,
  groups: readonly Group[],
  name: string,
): Promise<number> {
  const group = groups.find((one) => one.name === name);
  if (group === undefined) {
    console.error(`There is no group "${name}".`);
    return 1;
  }
  if (group.readers.length > 0) {
    console.error(`${group.readers.join(', ')} reads with "${name}" now. End that first.`);
    return 1;
  }
  await redisGroupReads(connection).remove(name, settings.partitions);
  console.log(`"${name}" is forgotten; the log goes on without it.`);
  return 0;
}
