import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { ActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import type { LogRecord } from '../../contracts/record.ts';
import { readLog } from '../../runtime/read-log.ts';
import { redisGroupReads } from '../../runtime/redis/group-reads.ts';
import { oneOnly, untilAskedToEnd, UsageError } from '../command-line.ts';
import { followLog } from '../follow-log.ts';
import { withCluster, type OpenedCluster } from '../opened-cluster.ts';
import { printed } from '../printed.ts';
import { recordJson, recordLine } from '../record-line.ts';
import { readActor } from '../time-travel.ts';

export const usage = `millrace tail [ACTOR] [options]

Prints each record of the log, or of one actor, as one line: address, time, actor, and the events or the
refusal. Goes on until Ctrl-C. Without a group it only reads.

  millrace tail
  millrace tail account/alice --json
  millrace tail --from start --group audit

  --from start|now   where it begins: the oldest record in the log or the next one (default now)
  --group NAME       processes with the same name share the partitions, and the group remembers where
                     it is, in Redis: every record is printed at least once, in order per partition
  --actor KEY        as ACTOR
  --json             prints records as JSON, one a line
  --data DIR         of the running cluster (default .millrace)

MILLRACE_REDIS_URL names a cluster elsewhere. Exit status: 0 ended by Ctrl-C, 1 failed, 2 used wrongly.`;

export async function run(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  const ending = untilAskedToEnd();
  return withCluster(options, async (cluster) => {
    if (options.group === undefined) await follow(cluster, options, ending);
    else await share(cluster, { ...options, group: options.group }, ending);
    return 0;
  });
}

/** Of one actor only its partition is read. */
async function follow(cluster: OpenedCluster, options: Options, signal: AbortSignal) {
  const count = cluster.settings.partitions;
  const partitions =
    options.actor === undefined
      ? Array.from({ length: count }, (_, partition) => partition)
      : [partitionOf(options.actor, count)];
  for await (const records of followLog(cluster, { partitions, from: options.from, signal }))
    if (!(await printed(lines(records, options)))) return;
}

async function share(
  { connection, settings: { partitions } }: OpenedCluster,
  options: Options & { readonly group: string },
  signal: AbortSignal,
): Promise<void> {
  const { group, from } = options;
  const consumer = `${process.pid}-${randomUUID()}`;
  const reads = redisGroupReads(connection);
  const onError = complain;
  const log = readLog({ reads, partitions, group, consumer, from, signal, onError });
  for await (const batch of log) {
    // Only what has been handed to the system may be acknowledged.
    if (!(await printed(lines(batch.records, options)))) return;
    batch.ack();
  }
}

interface Options {
  readonly data: string;
  readonly group: string | undefined;
  readonly from: 'start' | 'now';
  readonly actor: ActorKey | undefined;
  readonly json: boolean;
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      group: { type: 'string' },
      from: { type: 'string', default: 'now' },
      actor: { type: 'string' },
      json: { type: 'boolean', default: false },
      data: { type: 'string', default: '.millrace' },
    },
  });
  const { group, from } = values;
  const word = oneOnly([...positionals, ...(values.actor === undefined ? [] : [values.actor])]);
  if (group !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(group)) {
    throw new UsageError(`--group takes 1 to 64 of A-Z a-z 0-9 _ -, not "${group}".`);
  }
  if (from !== 'start' && from !== 'now') {
    throw new UsageError(`--from takes start or now, not "${from}".`);
  }
  const actor = word === undefined ? undefined : readActor(word);
  return { data: values.data, group, from, actor, json: values.json };
}

interface Addressed {
  readonly at: string;
  readonly record: LogRecord;
}

function lines(records: readonly Addressed[], { actor, json }: Options): string {
  const wanted = records.filter(({ record }) => actor === undefined || record.actor === actor);
  return wanted
    .map(({ at, record }) => `${(json ? recordJson : recordLine)(at, record)}\n`)
    .join('');
}

const complain = (error: unknown): void =>
  void process.stderr.write(
    `${error instanceof Error ? error.message : String(error)}; trying again\n`,
  );
