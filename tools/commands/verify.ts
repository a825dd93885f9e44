import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../command-line.ts';
import { clusterEnvironment } from '../environment.ts';
import { clusterAt } from '../one-request.ts';
import { clusterHelp, clusterOptions, withCluster } from '../opened-cluster.ts';
import { connectOperator, type Operator } from '../operator.ts';
import { progressOn } from '../progress.ts';
import { paintFor } from '../terminal.ts';
import { actorsOf } from '../verify/build.ts';
import { verify, type Verified } from '../verify/verify.ts';

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
  return withCluster(values, async ({ settings, leases, log, archive, types: own }) => {
    const { partitions, scales } = settings;
    if (partition !== undefined && partition >= partitions)
      throw new UsageError(`This cluster has the partitions 0 to ${partitions - 1}.`);
    const other = values.with === undefined ? undefined : await actorsOf(values.with, scales);
    const { owners } = await leases.owners(partitions);
    const tops = owners.filter((_, at) => partition === undefined || partition === at);
    const total = tops.reduce((sum, owner) => sum + (owner?.top ?? 0), 0);
    const progress = progressOn(process.stderr, total);
    const hosts = other ? undefined : await hostsOf(values.data, partitions);
    try {
      const verified = await verify({
        log,
        archive,
        partitions,
        types: other ?? own,
        against: other && own,
        only: partition,
        live: hosts && ((asked, actors) => hosts.states(asked, actors)),
        onProgress: progress.tell,
      });
      progress.end();
      console.log(values.json ? JSON.stringify(verified) : summary(verified));
      return verified.differences === 0 ? 0 : 1;
    } finally {
      await hosts?.close();
    }
  });
}

/** The hosts of the same cluster, if they can be reached; why not is told on standard error. */
async function hostsOf(data: string, partitions: number): Promise<Operator | undefined> {
  const { redis, nats } = clusterEnvironment(process.env);
  if (redis !== undefined && nats === undefined) return undefined;
  try {
    const operator = await connectOperator(clusterAt(data));
    if (operator.partitions === partitions) return operator;
    await operator.close();
    throw new Error(`they have ${operator.partitions} partitions, this Redis ${partitions}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.error(`The hosts are not asked for what they have in memory: ${why}`);
    return undefined;
  }
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
