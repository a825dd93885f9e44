import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { parseActorKey } from '../../contracts/ids.ts';
import { keys } from '../../contracts/keys.ts';
import { readLog, type Batch } from '../../runtime/read-log.ts';
import { connectRedis, type Connection } from '../../runtime/redis/connection.ts';
import { redisGroupReads } from '../../runtime/redis/group-reads.ts';
import { readClusterFile } from '../cluster-file.ts';
import { UsageError } from '../command-line.ts';
import { clusterEnvironment } from '../environment.ts';
import { recordJson, recordLine } from '../record-line.ts';

export const usage = `millrace tail [options]

Prints each record of the log as one line: address, time, actor, and the events or the refusal.
Goes on until Ctrl-C.

  millrace tail --from start
  millrace tail --actor account/you --json

  --group NAME       processes with the same name share the partitions, and the group remembers where
                     it is: every record is printed at least once, in order per partition
                     (default: a group of its own, gone when the command ends)
  --from start|now   where a new group begins: the oldest record or the next one (default now)
  --actor KEY        prints the records of this actor only
  --json             prints records as JSON
  --data DIR         of the running cluster (default .millrace)

MILLRACE_REDIS_URL names a cluster elsewhere. Exit status: 0 ended by Ctrl-C, 1 failed, 2 used wrongly.`;

export async function run(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  const ending = untilAskedToEnd();
  const connection = await connectRedis(redisUrl(options.data));
  try {
    const partitions = await partitionsIn(connection);
    const reads = redisGroupReads(connection);
    const consumer = `${process.pid}-${randomUUID()}`;
    const group = options.group ?? `tail-${consumer}`;
    const { from } = options;
    const log = readLog({
      reads,
      partitions,
      group,
      consumer,
      from,
      signal: ending,
      onError: complain,
    });
    for await (const batch of log) {
      if (!(await print(lines(batch, options)))) break;
      batch.ack();
    }
    if (options.group === undefined) await reads.remove(group, partitions);
    return 0;
  } finally {
    await connection.close();
  }
}

interface Options {
  readonly data: string;
  readonly group: string | undefined;
  readonly from: 'start' | 'now';
  readonly actor: string | undefined;
  readonly json: boolean;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      group: { type: 'string' },
      from: { type: 'string', default: 'now' },
      actor: { type: 'string' },
      json: { type: 'boolean', default: false },
      data: { type: 'string', default: '.millrace' },
    },
  });
  const { group, from, actor } = values;
  if (group !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(group)) {
    throw new UsageError(`--group takes 1 to 64 of A-Z a-z 0-9 _ -, not "${group}".`);
  }
  if (from !== 'start' && from !== 'now') {
    throw new UsageError(`--from takes start or now, not "${from}".`);
  }
  if (actor !== undefined && parseActorKey(actor) === undefined) {
    throw new UsageError(`--actor takes a key such as account/you, not "${actor}".`);
  }
  return { data: values.data, group, from, actor, json: values.json };
}

const redisUrl = (data: string): string =>
  clusterEnvironment(process.env).redis ?? readClusterFile(data).redis;

async function partitionsIn(connection: Connection): Promise<number> {
  const partitions = Number(await connection.call('hget', [keys.cluster, 'partitions']));
  if (partitions > 0) return partitions;
  throw new Error('This Redis holds no cluster. Start one with npm start, or name another Redis.');
}

function lines({ records }: Batch, { actor, json }: Options): string {
  const wanted = records.filter(({ record }) => actor === undefined || record.actor === actor);
  return wanted
    .map(({ at, record }) => `${(json ? recordJson : recordLine)(at, record)}\n`)
    .join('');
}

/**
 * Whether the text has been handed to the system: only then may a batch be acknowledged. False once
 * nobody reads any more, as after `| head`.
 */
function print(text: string): Promise<boolean> {
  if (text === '') return Promise.resolve(true);
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => resolve(!error));
  });
}

function untilAskedToEnd(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  process.stdout.on('error', () => ending.abort());
  return ending.signal;
}

const complain = (error: unknown): void =>
  void process.stderr.write(
    `${error instanceof Error ? error.message : String(error)}; trying again\n`,
  );
