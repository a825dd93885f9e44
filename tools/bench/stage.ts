/** The servers and hosts of one benchmark, each a process whose CPU time can be read. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { connectRedis, type Connection } from '../../runtime/redis/connection.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import type { Environment } from '../environment.ts';
import { startHostProcess } from '../host-process.ts';
import { readHosts } from '../hosts.ts';
import { startNats, startRedis, type RunningServer } from '../servers.ts';
import { replyBytes } from './workloads.ts';

export interface Stage extends AsyncDisposable {
  readonly connection: NatsConnection;
  readonly redis: Connection;
  readonly partitions: number;
  /** Process ids by what they are. */
  readonly processes: { readonly [part: string]: readonly number[] };
}

export interface StageOptions {
  readonly hosts: number;
  readonly partitions: number;
  /** A second Redis, without whose copy nothing is answered. */
  readonly replica?: boolean;
  /** Of the hosts, beside what the stage says. */
  readonly environment?: Environment;
}

/** Starts Redis, NATS, an echo and so many hosts in a temporary folder; all end with the stage. */
export async function startStage(options: StageOptions): Promise<Stage> {
  const { partitions, replica = false } = options;
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const redisServer = await startRedis({ dir: join(dir, 'redis') });
  stack.defer(() => redisServer.stop());
  const second = replica ? await startReplica(join(dir, 'replica'), redisServer) : undefined;
  if (second) stack.defer(() => second.stop());
  const nats = await startNats({ dir: join(dir, 'nats'), partitions, prefix: 'millrace' });
  stack.defer(() => nats.stop());

  const environment = {
    ...process.env,
    MILLRACE_REDIS_URL: redisServer.url,
    MILLRACE_NATS_URL: nats.url,
    MILLRACE_PARTITIONS: `${partitions}`,
    MILLRACE_ARCHIVE_DIR: join(dir, 'archive'),
    MILLRACE_REPLICAS: replica ? '1' : '0',
    ...options.environment,
  };
  const hosts: number[] = [];
  for (let n = 1; n <= options.hosts; n++) {
    const host = await startHostProcess({ name: `host-${n}`, environment, hosts: options.hosts });
    hosts.push(host.pid);
    stack.defer(() => host.stop());
  }
  await untilServed(nats.url, partitions);

  const echo = fork(join(import.meta.dirname, `echo${extname(import.meta.filename)}`), [
    nats.url,
    `${replyBytes}`,
  ]);
  stack.defer(() => echo.disconnect());
  await once(echo, 'message');
  const connection = await connect({ servers: nats.url });
  stack.defer(() => connection.close());
  const redis = await connectRedis(redisServer.url);
  stack.defer(() => redis.close());
  const owned = stack.move();
  return {
    connection,
    redis,
    partitions,
    processes: {
      hosts,
      redis: [redisServer, second].flatMap((server) => server?.pid ?? []),
      nats: [nats.pid],
      echo: [echo.pid ?? 0],
      generator: [process.pid],
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startReplica(dir: string, primary: RunningServer): Promise<RunningServer> {
  const server = await startRedis({ dir });
  const connection = await connectRedis(server.url);
  await connection.call('replicaof', ['127.0.0.1', `${primary.port}`]);
  await connection.close();
  return server;
}

async function untilServed(url: string, partitions: number): Promise<void> {
  const bus = await natsBus({ url, name: 'bench' });
  for (let served = 0; served < partitions;) {
    const reports = await readHosts({ bus, clock: systemClock, random: systemRandom() }, 100);
    served = reports.reduce((sum, report) => sum + report.partitions.length, 0);
  }
  await bus.close();
}
