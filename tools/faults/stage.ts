/**
 * The cluster that faults happen to: Redis, NATS and some hosts, each a process of its own, with a
 * proxy between every host and each server.
 *
 * Owns these processes. Whoever kills one starts it again through here, at the same port and on the
 * same data. Redis lives on a small disk of its own where this machine lets us mount one.
 */
import { execFile } from 'node:child_process';
import { appendFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startHostProcess, type HostProcess } from '../host-process.ts';
import { supervise, type Supervised } from '../supervise.ts';
import { startNats, startRedis, type RunningServer } from '../servers.ts';
import { TcpProxy } from './tcp-proxy.ts';

export const prefix = 'millrace';
const hostNames = ['host-1', 'host-2', 'host-3'] as const;

/** A host, and its ways to the servers. */
export interface StagedHost {
  readonly name: string;
  readonly toRedis: TcpProxy;
  readonly toNats: TcpProxy;
  /** Runs it, and runs it again when it ends. */
  readonly life: Supervised<HostProcess>;
}

export interface Stage {
  readonly data: string;
  readonly partitions: number;
  readonly hosts: readonly StagedHost[];
  redis: RunningServer;
  nats: RunningServer;
  /** Whether Redis's disk can be filled. */
  readonly smallDisk: boolean;
  startRedis(): Promise<void>;
  startNats(): Promise<void>;
  /** Takes all the room on Redis's disk, or gives it back. */
  fillDisk(): Promise<void>;
  freeDisk(): Promise<void>;
  /** Writes the beginning of a transaction to the end of Redis's file, as a kill in a write leaves it. */
  tearAof(): Promise<void>;
  /** Ends everything; the data stays. */
  strike(): Promise<void>;
}

export interface StageOptions {
  readonly data: string;
  readonly partitions: number;
  readonly tell: (line: string) => void;
}

const diskMegabytes = 256;
const execute = promisify(execFile);

/** Starts everything; resolves when the processes run, which is before they serve. */
export async function setStage({ data, partitions, tell }: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const [redisDir, natsDir] = [join(data, 'redis'), join(data, 'nats')];
  await mkdir(redisDir, { recursive: true });
  const smallDisk = await mountDisk(redisDir, stack);
  const launchRedis = (port: number): Promise<RunningServer> =>
    startRedis({ dir: redisDir, port, report: tell });
  const launchNats = (port: number): Promise<RunningServer> =>
    startNats({ dir: natsDir, port, partitions, prefix });
  const redis = await launchRedis(0);
  stack.defer(() => stage.redis.stop());
  const nats = await launchNats(0);
  stack.defer(() => stage.nats.stop());
  const launchHost = (
    name: string,
    { toRedis, toNats }: Pick<StagedHost, 'toRedis' | 'toNats'>,
  ): Promise<HostProcess> =>
    startHostProcess({
      name,
      hosts: hostNames.length,
      environment: {
        ...process.env,
        MILLRACE_REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
        MILLRACE_NATS_URL: `nats://127.0.0.1:${toNats.port}`,
        MILLRACE_PARTITIONS: `${partitions}`,
        MILLRACE_PREFIX: prefix,
        MILLRACE_ARCHIVE_DIR: join(data, 'archive'),
        MILLRACE_RETAIN_BYTES: '4000000',
        MILLRACE_REPLY_WINDOW_MS: '10000',
      },
    });
  const hosts: StagedHost[] = [];
  for (const name of hostNames) {
    const [toRedis, toNats] = await Promise.all([TcpProxy.to(redis.port), TcpProxy.to(nats.port)]);
    stack.defer(() => toRedis.close());
    stack.defer(() => toNats.close());
    const life = await supervise(name, () => launchHost(name, { toRedis, toNats }), { tell });
    stack.defer(() => life.stop());
    hosts.push({ name, toRedis, toNats, life });
  }
  const ballast = join(redisDir, 'ballast');
  const stage: Stage = {
    data,
    partitions,
    hosts,
    redis,
    nats,
    smallDisk,
    startRedis: async () => void (stage.redis = await launchRedis(redis.port)),
    startNats: async () => void (stage.nats = await launchNats(nats.port)),
    fillDisk: () => fill(ballast),
    freeDisk: () => rm(ballast, { force: true }),
    tearAof: () => tear(join(redisDir, 'appendonlydir')),
    strike: () => owned.disposeAsync(),
  };
  const owned = stack.move();
  return stage;
}

async function mountDisk(folder: string, stack: AsyncDisposableStack): Promise<boolean> {
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m`, 'tmpfs', folder];
    await execute('mount', options);
    stack.defer(async () => void (await execute('umount', ['--lazy', folder])));
    return true;
  } catch {
    return false;
  }
}

/** Down to the last byte: what is written next fails. */
async function fill(ballast: string): Promise<void> {
  for (const bytes of [1 << 20, 1 << 12, 1]) {
    const block = Buffer.alloc(bytes);
    try {
      for (;;) await appendFile(ballast, block);
    } catch {
      // Full for blocks of this size.
    }
  }
}

async function tear(folder: string): Promise<void> {
  const increments = (await readdir(folder)).filter((name) => name.endsWith('.incr.aof'));
  const newest = increments.toSorted((a, b) => numberOf(a) - numberOf(b)).at(-1);
  if (newest === undefined) return;
  const torn = '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$100\r\nhalf of it';
  await writeFile(join(folder, newest), torn, { flag: 'a' });
}

/** Of `appendonly.aof.<n>.incr.aof`. */
const numberOf = (name: string): number => Number(name.split('.').at(-3));
