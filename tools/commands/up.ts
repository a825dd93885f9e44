import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { partitionsMax } from '../../contracts/cluster.ts';
import { defaultScales } from '../../contracts/money.ts';
import { wholeNumber } from '../command-line.ts';
import { addressIn } from '../environment.ts';
import { startLocalCluster, type LocalClusterOptions } from '../local-cluster.ts';

export const usage = `millrace up [options]

Starts a cluster on this machine and keeps it running until SIGTERM or Ctrl-C: Redis, NATS and some
hosts. When every partition has an owner it prints one line of JSON with the addresses, without the
passwords that the environment gives; each start of a host prints one with its name and process id.
Everything else goes to standard error.

  --hosts N        how many hosts (default 2)
  --partitions P   of a new cluster (default 64); it never changes afterwards
  --data DIR       where everything is kept (default .millrace)
  --nats-port N    (default: a free one)
  --redis-port N   (default: a free one)
  --no-demo        no recorded market; up never runs it, start does

What the environment may say:

  MILLRACE_REDIS_URL, MILLRACE_NATS_URL   running servers to use instead of own ones
  MILLRACE_ALLOW_UNSAFE_REDIS=1   takes a Redis that can lose what it acknowledged, else refused
  MILLRACE_REPLICAS          nothing is answered before so many replicas of Redis have it; a
                             partition that cannot get so many is halted (default 0)
  MILLRACE_PREFIX            the first token of every subject (default millrace)
  MILLRACE_PARTITIONS        as --partitions
  MILLRACE_SCALES            of a new cluster: the decimals of each asset, as JSON
                             (default ${JSON.stringify(defaultScales)})
  MILLRACE_RETAIN_BYTES      of all logs together: above it what nobody needs any more goes to the
                             archive (default 1073741824)
  MILLRACE_ARCHIVE_DIR       where that is (default archive/ in the data)
  MILLRACE_KEEP_COMMANDS=1   each record holds the command that it answers, too: \`millrace verify\`
                             can then decide it again (default 0)
  MILLRACE_REPLY_WINDOW_MS   how long a reply stays in the log at least (default 60000)
  MILLRACE_ID_WINDOW_MS      how long a command's id is remembered (default 900000)
  MILLRACE_RESIDENT_BYTES    the heap of the actors that a host keeps in memory (default half of
                             its heap, at most 2147483648)
  MILLRACE_HEALTH_PORT       host-1 answers /livez, /readyz and /metrics over HTTP there, host-2 at
                             the next port, and so on (default 0: none do)`;

export async function run(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);

  try {
    const cluster = await startLocalCluster({
      ...options,
      signal: ended.signal,
      onHost: ({ name, pid }) => say({ host: name, pid }),
    });
    const { partitions, hosts } = cluster;
    const [nats, redis] = [addressIn(cluster.nats), addressIn(cluster.redis)];
    say({ ready: true, nats, redis, partitions, hosts });
    if (!ended.signal.aborted) await once(ended.signal, 'abort');
    await cluster.stop();
    return 0;
  } catch (error) {
    if (ended.signal.aborted) return 0;
    throw error;
  }
}

const port = { min: 1, max: 65_535 };

function readOptions(argv: string[]): LocalClusterOptions {
  const { values } = parseArgs({
    args: argv,
    options: {
      hosts: { type: 'string' },
      partitions: { type: 'string' },
      data: { type: 'string', default: '.millrace' },
      'nats-port': { type: 'string' },
      'redis-port': { type: 'string' },
      'no-demo': { type: 'boolean' },
    },
  });
  const partitions = wholeNumber('partitions', values.partitions, { min: 1, max: partitionsMax });
  return {
    data: values.data,
    hosts: wholeNumber('hosts', values.hosts, { min: 1, max: 64 }) ?? 2,
    ...(partitions !== undefined && { partitions }),
    natsPort: wholeNumber('nats-port', values['nats-port'], port) ?? 0,
    redisPort: wholeNumber('redis-port', values['redis-port'], port) ?? 0,
  };
}

const say = (line: object): void => console.log(JSON.stringify(line));
