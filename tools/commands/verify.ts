import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../command-line.ts';
import { clusterOptions, withCluster } from '../opened-cluster.ts';
import { progressOn } from '../progress.ts';
import { actorsOf } from '../verify/build.ts';
import { verify, type Verified } from '../verify/verify.ts';

export const usage = `millrace verify [options]

Replays the logs of a cluster from their first record and compares: what the actors decide now with the
events, replies, messages and deadlines that were recorded, the states with the snapshots. Run it with
the build that is to be deployed: what it would do otherwise is shown before it does it. Only reads; the
cluster may be at work.

  millrace verify
  millrace verify --with ../millrace-next
  millrace verify --partition 17 --json

  --with PATH      another build: a folder with Millrace in it, as sources or built, or a module that
                   exports \`actors\`, a list of actor types; its states are compared with this build's
                   after each record, too
  --partition N    verifies one partition
  --archive DIR    where hosts archive (default MILLRACE_ARCHIVE_DIR, or the archive of the cluster
                   that \`up\` started)
  --json           prints the outcome as JSON
  --data DIR       of the running cluster (default .millrace)

A command is decided again where the log holds it: set MILLRACE_KEEP_COMMANDS=1 for the hosts. Of the
others, which are counted, the events are applied again. MILLRACE_REDIS_URL names a cluster elsewhere.
Exit status: 0 the same, 1 different or not readable, 2 used wrongly.`;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      with: { type: 'string' },
      partition: { type: 'string' },
      json: { type: 'boolean', default: false },
      ...clusterOptions,
    },
  });
  const partition = wholeNumber('partition', values.partition, { min: 0, max: 1_023 });
  return withCluster(values, async ({ settings, leases, log, archive, types: own }) => {
    const { partitions, scales } = settings;
    if (partition !== undefined && partition >= partitions)
      throw new UsageError(`This cluster has the partitions 0 to ${partitions - 1}.`);
    const other = values.with === undefined ? undefined : await actorsOf(values.with, scales);
    const { owners } = await leases.owners(partitions);
    const tops = owners.filter((_, at) => partition === undefined || partition === at);
    const total = tops.reduce((sum, owner) => sum + (owner?.top ?? 0), 0);
    const progress = progressOn(process.stderr, total);
    const verified = await verify({
      log,
      archive,
      partitions,
      types: other ?? own,
      against: other && own,
      only: partition,
      onProgress: progress.tell,
    });
    progress.end();
    console.log(values.json ? JSON.stringify(verified) : summary(verified));
    return verified.differences === 0 ? 0 : 1;
  });
}

function summary({ first, ...found }: Verified): string {
  const { records, judged, unknown, snapshots, differences } = found;
  const more = differences - first.length;
  return [
    ...first,
    ...(more > 0 ? [`and ${more} more`] : []),
    `${records} records: ${judged} decided again, ${unknown} commands only evolved again; ` +
      `${snapshots} snapshots; ${differences === 0 ? 'all the same' : `${differences} differences`}`,
  ].join('\n');
}
