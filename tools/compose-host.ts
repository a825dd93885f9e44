/** The composition root of a host: the actor types of the exchange on the real ports. */
import { randomUUID } from 'node:crypto';
import { accountActor } from '../actors/account.ts';
import { symbolActor } from '../actors/symbol.ts';
import { startHost, type Host } from '../runtime/host.ts';
import { defaultLimits } from '../runtime/limits.ts';
import { natsBus } from '../runtime/nats/bus.ts';
import { connectRedis } from '../runtime/redis/connection.ts';
import { redisLeases } from '../runtime/redis/leases.ts';
import { redisLog } from '../runtime/redis/log.ts';
import { systemClock, systemRandom } from '../runtime/system-clock.ts';
import { clusterEnvironment, partitionsDefault, type Environment } from './environment.ts';

/** Starts a host with what the environment says; resolves when it takes part in the cluster. */
export async function composeHost(name: string, environment: Environment): Promise<Host> {
  const { redis, nats, partitions, prefix, scales } = clusterEnvironment(environment);
  if (redis === undefined || nats === undefined) {
    throw new Error(
      'A host needs MILLRACE_REDIS_URL and MILLRACE_NATS_URL; `millrace up` sets both.',
    );
  }
  const report = (line: string): void => void process.stderr.write(`${name}: ${line}\n`);
  const onError = (error: Error): void => report(error.message);
  const connection = await connectRedis(redis, { onError });
  // Leases and the pulse have connections of their own: a flood must not delay their renewal.
  const leasing = await connectRedis(redis, { onError });
  const bus = await natsBus({ url: nats, name, onError });
  const pulse = await natsBus({ url: nats, name: `${name}-pulse`, onError });
  const types = [accountActor(scales), symbolActor(scales)];
  const host = await startHost({
    name,
    prefix,
    settings: { id: randomUUID(), partitions: partitions ?? partitionsDefault, scales },
    types: new Map(types.map((type) => [type.type, type])),
    log: redisLog(connection),
    leases: redisLeases(leasing),
    bus,
    pulse,
    clock: systemClock,
    random: systemRandom(),
    limits: defaultLimits,
    report,
  });
  return {
    settings: host.settings,
    stop: async (ms) => {
      await host.stop(ms);
      await Promise.all([bus.close(), pulse.close()]);
      await Promise.all([connection.close(), leasing.close()]);
    },
  };
}
