/** The two implementations of what Redis serves, each as the conformance suites want it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { keys } from '../../contracts/keys.ts';
import { entryId } from '../../contracts/record.ts';
import type { GroupReads } from '../../runtime/group-reads.ts';
import type { Leases } from '../../runtime/leases.ts';
import { logStart, type Entry, type Log } from '../../runtime/log.ts';
import { memoryStore } from '../../runtime/memory/store.ts';
import { connectRedis, type Connection } from '../../runtime/redis/connection.ts';
import { redisGroupReads } from '../../runtime/redis/group-reads.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { entries, integer, list } from '../../runtime/redis/replies.ts';
import { startRedis, type RunningServer } from '../../tools/servers.ts';

export interface Store {
  readonly log: Log;
  readonly leases: Leases;
  readonly groupReads: GroupReads;
  /** The newest entry of a log, an epoch marker too. */
  newest(partition: number): Promise<Entry | undefined>;
  /** Returns once so much of the store's time has passed. */
  elapse(ms: number): Promise<void>;
  /** The same store as another host sees it, who remembers nothing of what this one was told. */
  elsewhere(): Pick<Store, 'log' | 'leases' | 'groupReads'>;
  /** Takes the newest entry of a log away, if there is one, as a failover that lost it would. */
  loseTail(partition: number): Promise<void>;
  /** Takes the whole log of a partition away, with what consumer groups know of it, and nothing else. */
  loseLog(partition: number): Promise<void>;
}

/** Gives an empty store whenever it is called. */
export type OpenStore = () => Promise<Store>;

export const openMemoryStore: OpenStore = async () => {
  let now = 1_700_000_000_000;
  const { partitions, ...ports } = memoryStore(() => now);
  return {
    ...ports,
    newest: async (partition) => partitions(partition).entries.at(-1),
    elapse: async (ms) => {
      now += ms;
    },
    elsewhere: () => ports,
    loseTail: async (partition) => {
      partitions(partition).entries.pop();
    },
    loseLog: async (partition) => {
      partitions(partition).entries = [];
      partitions(partition).groups.clear();
    },
  };
};

/** A Redis for the tests of a file, ended with them. */
export interface TestRedis {
  readonly connection: Connection;
  readonly server: RunningServer;
}

/** Call at the top of a file; what it returns is there once the tests run. */
export function useRedis(): () => TestRedis {
  let redis: TestRedis & { dir: string };
  beforeAll(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-redis-'));
    const server = await startRedis({ dir });
    redis = { dir, server, connection: await connectRedis(server.url) };
  });
  afterAll(async () => {
    await redis.connection.close();
    await redis.server.stop();
    await rm(redis.dir, { recursive: true });
  });
  return () => redis;
}

/** Empties the Redis each time. */
export const openRedisStore =
  (redis: () => TestRedis): OpenStore =>
  async () => {
    const { connection } = redis();
    await connection.call('flushall', []);
    const elsewhere = () => ({
      log: redisLog(connection),
      leases: redisLeases(connection),
      groupReads: redisGroupReads(connection),
    });
    const newest = async (partition: number) =>
      entries(await connection.call('xrevrange', [keys.log(partition), '+', '-', 'COUNT', '1']))[0];
    return {
      ...elsewhere(),
      elsewhere,
      newest,
      elapse: async (ms) => {
        const end = (await redisTime(connection)) + ms;
        while ((await redisTime(connection)) < end);
      },
      loseTail: async (partition) => {
        const key = keys.log(partition);
        const lost = await newest(partition);
        if (lost === undefined) return;
        await connection.call('xdel', [key, entryId(lost.epoch, lost.position)]);
        // A copy that never had the entry does not remember its id either.
        const { epoch, position } = (await newest(partition)) ?? logStart;
        await connection.call('xsetid', [key, entryId(epoch, position)]);
      },
      loseLog: async (partition) => {
        await connection.call('del', [keys.log(partition)]);
      },
    };
  };

async function redisTime(connection: Connection): Promise<number> {
  const [seconds, microseconds] = list(await connection.call('time', []));
  return integer(seconds) * 1_000 + integer(microseconds) / 1_000;
}
