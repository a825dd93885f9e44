/**
 * A whole cluster on this machine: Redis and NATS (unless the environment names running ones) and
 * some hosts, all children of this process, all started again when they die.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ClusterSettings } from '../contracts/cluster.ts';
import { canonicalJson } from '../contracts/json.ts';
import type { Leases } from '../runtime/leases.ts';
import { natsBus } from '../runtime/nats/bus.ts';
import { connectRedis } from '../runtime/redis/connection.ts';
import { checkDurability } from '../runtime/redis/durability.ts';
import { redisLeases } from '../runtime/redis/leases.ts';
import { systemClock, systemRandom } from '../runtime/system-clock.ts';
import {
  clusterEnvironment,
  partitionsDefault,
  type ClusterEnvironment,
  type Environment,
} from './environment.ts';
import { readHosts } from './hosts.ts';
import { startHostProcess, type HostProcess } from './host-process.ts';
import { takePidLock } from './pid-lock.mjs';
import { startNats, startRedis, type RunningServer } from './servers.ts';
import { supervise, type Supervised } from './supervise.ts';

export interface LocalClusterOptions {
  /** Everything that is kept: Redis's files, the archive, logs, the addresses of the running cluster. */
  readonly data: string;
  readonly hosts: number;
  /** Of a new cluster (default 64); of one that exists it must be the same, or absent. */
  readonly partitions?: number;
  readonly redisPort?: number;
  readonly natsPort?: number;
  /** Default: this process's. */
  readonly environment?: Environment;
  /** Hears of each start and restart of a host. */
  readonly onHost?: (host: { readonly name: string; readonly pid: number }) => void;
  /** Hears what goes on, a sentence at a time; default: standard error. */
  readonly tell?: (line: string) => void;
  /** The end is near: gives up starting, and starts nothing again that ends. `stop` ends it. */
  readonly signal?: AbortSignal;
}

export interface LocalCluster {
  readonly nats: string;
  readonly redis: string;
  readonly prefix: string;
  readonly partitions: number;
  /** The hosts as they run now. */
  readonly hosts: readonly { readonly name: string; readonly pid: number }[];
  /** Hosts hand over and leave, then the servers stop; the data stays. */
  stop(): Promise<void>;
}

/** Where a cluster's tools find it: what `cluster.json` in its data directory holds while it runs. */
export interface ClusterAddress {
  readonly nats: string;
  readonly redis: string;
  readonly prefix: string;
  readonly partitions: number;
}

/** Resolves when every partition answers. */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const environment = options.environment ?? process.env;
  const configured = clusterEnvironment(environment);
  const tell = options.tell ?? console.error;
  await using stack = new AsyncDisposableStack();

  await mkdir(options.data, { recursive: true });
  stack.defer(lockData(options.data));

  const redis = configured.redis ?? (await ownRedis(options, tell, stack)).url;
  const connection = await connectRedis(redis);
  stack.defer(() => connection.close());
  await checkDurability(connection, { allowUnsafe: configured.allowUnsafeRedis, warn: tell });
  const leases = redisLeases(connection);
  const partitions = await settledPartitions(leases, options, configured);

  const { prefix } = configured;
  const nats =
    configured.nats ?? (await ownNats({ ...options, partitions, prefix }, tell, stack)).url;
  const address: ClusterAddress = { nats, redis, prefix, partitions };
  stack.defer(await publishAddress(options.data, address));

  const archive = configured.archive ?? resolve(options.data, 'archive');
  const ofHosts = hostEnvironment(environment, address, archive);
  const hosts = await startHosts(options, ofHosts, tell, stack);
  await untilServed(address, tell, options.signal);

  const owned = stack.move();
  return {
    ...address,
    get hosts() {
      return hosts.map(({ current: { name, pid } }) => ({ name, pid }));
    },
    stop: () => owned.disposeAsync(),
  };
}

function lockData(data: string): () => void {
  const lock = takePidLock(join(data, 'cluster.pid'));
  if (lock.kind === 'taken') return lock.release;
  throw new Error(
    `${data} is in use by the cluster of process ${lock.pid}. Stop that one, or name another directory with --data.`,
  );
}

async function ownRedis(
  { data, redisPort = 0, signal: ending }: LocalClusterOptions,
  tell: (line: string) => void,
  stack: AsyncDisposableStack,
): Promise<RunningServer> {
  let port = redisPort;
  const start = async (): Promise<RunningServer> => {
    const server = await startRedis({ dir: join(data, 'redis'), port, report: tell });
    // A restart comes back to the address that everybody knows.
    port = server.port;
    return server;
  };
  const redis = await supervise('redis-server', start, { tell, ending });
  stack.defer(() => redis.stop());
  return redis.current;
}

async function ownNats(
  options: LocalClusterOptions & { readonly partitions: number; readonly prefix: string },
  tell: (line: string) => void,
  stack: AsyncDisposableStack,
): Promise<RunningServer> {
  const { data, partitions, prefix, natsPort = 0, signal: ending } = options;
  let port = natsPort;
  const start = async (): Promise<RunningServer> => {
    const server = await startNats({ dir: join(data, 'nats'), port, partitions, prefix });
    port = server.port;
    return server;
  };
  const nats = await supervise('nats-server', start, { tell, ending });
  stack.defer(() => nats.stop());
  return nats.current;
}

/** Creates the cluster, or checks that the one that is there is the one asked for. */
async function settledPartitions(
  leases: Leases,
  options: LocalClusterOptions,
  configured: ClusterEnvironment,
): Promise<number> {
  const asked = options.partitions ?? configured.partitions;
  const wanted: ClusterSettings = {
    id: randomUUID(),
    partitions: asked ?? partitionsDefault,
    scales: configured.scales,
  };
  const settled = await leases.settle(wanted);
  const elsewhere = 'or name another directory with --data.';
  if (asked !== undefined && settled.partitions !== asked) {
    throw new Error(
      `The cluster in ${options.data} was created with ${settled.partitions} partitions, which ` +
        `never change; ${asked} were asked for. Leave --partitions out, ${elsewhere}`,
    );
  }
  if (canonicalJson(settled.scales) !== canonicalJson(wanted.scales)) {
    throw new Error(
      `The cluster in ${options.data} was created with the scales ${canonicalJson(settled.scales)}, ` +
        `which never change. Set MILLRACE_SCALES to these, ${elsewhere}`,
    );
  }
  return settled.partitions;
}

/** With the passwords that the environment gives, for the tools need them: for its owner's eyes. */
async function publishAddress(data: string, address: ClusterAddress): Promise<() => Promise<void>> {
  const file = join(data, 'cluster.json');
  // What a cluster left that was killed may have been readable by all.
  await rm(file, { force: true });
  await writeFile(file, `${JSON.stringify(address)}\n`, { mode: 0o600 });
  return () => rm(file, { force: true });
}

const hostEnvironment = (
  environment: Environment,
  address: ClusterAddress,
  archive: string,
): Environment => ({
  ...environment,
  MILLRACE_REDIS_URL: address.redis,
  MILLRACE_NATS_URL: address.nats,
  MILLRACE_PARTITIONS: String(address.partitions),
  MILLRACE_ARCHIVE_DIR: archive,
});

async function startHosts(
  options: LocalClusterOptions,
  environment: Environment,
  tell: (line: string) => void,
  stack: AsyncDisposableStack,
): Promise<readonly Supervised<HostProcess>[]> {
  const { signal: ending } = options;
  const hosts: Supervised<HostProcess>[] = [];
  // They leave at the same time: one after the other each would take over what the last released.
  stack.defer(async () => void (await Promise.all(hosts.map((host) => host.stop()))));
  for (let number = 1; number <= options.hosts; number++) {
    const name = `host-${number}`;
    const own = { ...environment, ...ownHealthPort(environment, number) };
    const start = async (): Promise<HostProcess> => {
      const host = await startHostProcess({ name, environment: own, hosts: options.hosts });
      options.onHost?.({ name, pid: host.pid });
      return host;
    };
    hosts.push(await supervise(name, start, { tell, ending }));
  }
  return hosts;
}

/** One port cannot serve several hosts of one machine: each takes the next. */
function ownHealthPort(environment: Environment, number: number): Environment {
  const { healthPort } = clusterEnvironment(environment);
  return healthPort === 0 ? {} : { MILLRACE_HEALTH_PORT: `${healthPort + number - 1}` };
}

/**
 * Hosts report a partition once requests reach it. Owner records would not do: hosts that were
 * killed leave some, and a new owner writes its own before it has subscribed.
 */
async function untilServed(
  { nats, partitions }: ClusterAddress,
  tell: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const askMs = 100;
  const tellEveryMs = 10_000;
  let tellAt = performance.now() + tellEveryMs;
  const bus = await natsBus({ url: nats, name: 'millrace-up' });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const reports = await readHosts({ bus, clock: systemClock, random: systemRandom() }, askMs);
      const served = new Set(
        reports.flatMap((host) => host.partitions.map((one) => one.partition)),
      );
      if (served.size === partitions) return;
      if (performance.now() > tellAt) {
        tell(`${served.size} of ${partitions} partitions are served; waiting for the others`);
        tellAt += tellEveryMs;
      }
    }
  } finally {
    await bus.close();
  }
}
