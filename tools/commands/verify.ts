import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../command-line.ts';
import { clusterEnvironment } from '../environment.ts';
import { clusterAt } from '../one-request.ts';
import { addressesOf, clusterHelp, clusterOptions, withCluster } from '../opened-cluster.ts';
import { progressOn } from '../progress.ts';
import { paintFor } from '../terminal.ts';
import { actorsOf } from '../verify/build.ts';
import { verifyShare, type Share } from '../verify/share.ts';
import { verifyInThreads } from '../verify/threads.ts';
import type { Verified } from '../verify/verify.ts';

export const usage = `millrace verify [options]

Replays the logs of a cluster from their first record and compares: what the actors decide now with the
events, replies, messages and deadlines that were recorded; the states with the snapshots, and with what
hosts have in memory. Checks on the way what must always hold: no record makes or loses money, nothing is
below zero, channels, deadlines, ids and answers are in order. Run it with the build that is to be
deployed: what it would do otherwise is shown before it does it. The cluster may be at work.

  millrace verify
  millrace verify --with ../millrace-next
  millrace verify --partition 17 --json

  --with PATH     another build: a folder with Millrace in it, as sources or built, or a module that
                  exports \`actors\`, a list of actor types; its states are compared with this build's
                  after each record, and not with what is in memory
  --partition N   verifies one partition
  --json          prints the outcome as one JSON document
${clusterHelp}
A command is decided again where the log holds it: set MILLRACE_KEEP_COMMANDS=1 for the hosts. Of the
others, which are counted, the events are applied again. Without MILLRACE_NATS_URL, where
MILLRACE_REDIS_URL is set, hosts are not asked.
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
  const { share, records } = await withCluster(values, async ({ settings, leases }) => {
    const { partitions } = settings;
    if (partition !== undefined && partition >= partitions)
      throw new UsageError(`This cluster has the partitions 0 to ${partitions - 1}.`);
    const { owners } = await leases.owners(partitions);
    const tops = owners.filter((_, at) => partition === undefined || partition === at);
    return {
      share: {
        ...addressesOf(values),
        hosts: hostsOf(values.data),
        settings,
        build: values.with,
        only: partition === undefined ? undefined : [partition],
      },
      records: tops.reduce((sum, owner) => sum + (owner?.top ?? 0), 0),
    };
  });
  if (values.with !== undefined) await actorsOf(values.with, share.settings.scales);
  const progress = progressOn(process.stderr, records);
  const together = records >= threadedRecordsMin ? verifyInThreads : verifyShare;
  const verified = await together(share, progress.tell);
  progress.end();
  console.log(values.json ? JSON.stringify(verified) : summary(verified));
  return verified.differences === 0 ? 0 : 1;
}

/** Fewer are verified by the time that threads have started. */
const threadedRecordsMin = 10_000;

/** Where hosts of the same cluster are asked; of one elsewhere only if that is said. */
function hostsOf(data: string): Share['hosts'] {
  const { redis, nats } = clusterEnvironment(process.env);
  return redis !== undefined && nats === undefined ? undefined : clusterAt(data);
}

function summary({ first, ...found }: Verified): string {
  const { records, judged, unknown, snapshots, live, notes, differences } = found;
  const paint = paintFor(process.stdout);
  const more = differences - first.length;
  return [
    ...first.map(paint.red),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...notes,
    `${records} records: ${judged} decided again, ${unknown} commands only evolved again; ` +
      `${snapshots} snapshots, ${live} states in memory; ` +
      (differences === 0 ? paint.green('all the same') : paint.red(`${differences} differences`)),
  ].join('\n');
}
