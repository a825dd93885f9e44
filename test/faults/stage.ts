/** A host in this process on a real Redis and a real NATS, each of which a test may harm. */
import { connect } from 'nats';
import { onTestFinished } from 'vitest';
import { composeHost } from '../../tools/compose-host.ts';
import type { Environment } from '../../tools/environment.ts';
import { startNats, startRedis, type RunningServer } from '../../tools/servers.ts';
import { readHosts, type HostReport } from '../../tools/hosts.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { connectRedis, type Connection } from '../../runtime/redis/connection.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { wireOver, type Wire } from '../black-box/wire.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { until } from '../tools/until.ts';

export const partitions = 4;

export interface Stage {
  readonly redis: RunningServer;
  readonly redisDir: string;
  /** To look at Redis, or to change it. */
  readonly connection: Connection;
  readonly nats: RunningServer;
  readonly natsDir: string;
  readonly wire: Wire;
  /** Starts a host, with these variables beside those of the servers; it is stopped with the test. */
  startHost(name: string, environment?: Environment): Promise<{ stop(): Promise<void> }>;
  /** Resolves when every partition is served, or halted. */
  untilServed(): Promise<void>;
  /** Why partitions are halted, by partition. */
  halted(): Promise<ReadonlyMap<number, string>>;
}

/** Starts the servers; everything ends with the test. */
export async function setStage(): Promise<Stage> {
  const [redisDir, natsDir] = [await temporaryDirectory(), await temporaryDirectory()];
  const redis = await startRedis({ dir: redisDir });
  onTestFinished(() => redis.stop());
  const nats = await startNats({ dir: natsDir, partitions, prefix: 'millrace' });
  onTestFinished(() => nats.stop());
  const connection = await connectRedis(redis.url);
  onTestFinished(() => connection.close());
  const client = await connect({ servers: nats.url, maxReconnectAttempts: -1 });
  onTestFinished(() => client.close());
  const reports = (): Promise<HostReport[]> => askHosts(nats.url);
  return {
    redis,
    redisDir,
    connection,
    nats,
    natsDir,
    wire: wireOver(client),
    startHost: async (name, environment = {}) => {
      const host = await composeHost(name, {
        MILLRACE_REDIS_URL: redis.url,
        MILLRACE_NATS_URL: nats.url,
        MILLRACE_PARTITIONS: `${partitions}`,
        ...environment,
      });
      // Without its servers it cannot hand over, and need not.
      onTestFinished(() => host.stop(1_000));
      return host;
    },
    untilServed: () =>
      until(async () => (await reports()).flatMap((one) => one.partitions).length === partitions),
    halted: async () =>
      new Map((await reports()).flatMap((one) => one.halted.map((h) => [h.partition, h.reason]))),
  };
}

async function askHosts(url: string): Promise<HostReport[]> {
  const bus = await natsBus({ url, name: 'stage' });
  try {
    return await readHosts({ bus, clock: systemClock, random: systemRandom() }, 100);
  } finally {
    await bus.close();
  }
}
