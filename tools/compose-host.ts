/** The composition root of a host: the actor types of the exchange on the real ports. */
import { randomUUID } from 'node:crypto';
import { accountActor } from '../actors/account.ts';
import { symbolActor } from '../actors/symbol.ts';
import { fileArchive } from '../runtime/files/archive.ts';
import { startHost, type Host } from '../runtime/host.ts';
import { defaultLimits, type Limits } from '../runtime/limits.ts';
import { natsBus } from '../runtime/nats/bus.ts';
import { connectRedis } from '../runtime/redis/connection.ts';
import { checkDurability } from '../runtime/redis/durability.ts';
import { redisLeases } from '../runtime/redis/leases.ts';
import { redisLog } from '../runtime/redis/log.ts';
import { systemClock, systemRandom } from '../runtime/system-clock.ts';
import { watchHost } from './telemetry/host-watch.ts';
import { residentBytesDefault } from './host-memory.ts';
import {
  clusterEnvironment,
  partitionsDefault,
  type ClusterEnvironment,
  type Environment,
} from './environment.ts';

/** Ends the process as a crash does: whoever started it starts another. */
const exit = (): void => process.exit(1);

/**
 * Starts a host with what the environment says; resolves when it takes part in the cluster. A host
 * that cannot start leaves nothing open, so that its process ends. `onLost` is called when it can
 * never be of use again: it has said why.
 */
export async function composeHost(
  name: string,
  environment: Environment,
  onLost: () => void = exit,
): Promise<Host> {
  const configured = clusterEnvironment(environment);
  const { redis, nats, partitions, prefix, scales, allowUnsafeRedis, replicas, archive } =
    configured;
  if (redis === undefined || nats === undefined) {
    throw new Error(
      'A host needs MILLRACE_REDIS_URL and MILLRACE_NATS_URL; `millrace up` sets both.',
    );
  }
  const report = (line: string): void => void process.stderr.write(`${name}: ${line}\n`);
  const onError = (error: Error): void => report(error.message);
  const onClosed = (reason: string): void => {
    report(
      `this host ends: its connection to NATS is closed for good (${reason}); check that ` +
        `MILLRACE_NATS_URL names a user whom NATS knows`,
    );
    onLost();
  };
  await using stack = new AsyncDisposableStack();
  const open = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const opened = await opening;
    stack.defer(() => opened.close());
    return opened;
  };
  const watch = await open(watchHost({ ...configured, name, environment }));
  const connection = await open(connectRedis(redis, { onError }));
  await checkDurability(connection, { allowUnsafe: allowUnsafeRedis, warn: report });
  // Leases and the pulse have connections of their own: a flood must not delay their renewal.
  const leasing = await open(connectRedis(redis, { onError }));
  const bus = await open(natsBus({ url: nats, name, onError, onClosed }));
  const pulse = await open(natsBus({ url: nats, name: `${name}-pulse`, onError, onClosed }));
  const types = [accountActor(scales), symbolActor(scales)];
  const host = await startHost({
    name,
    prefix,
    settings: { id: randomUUID(), partitions: partitions ?? partitionsDefault, scales },
    types: new Map(types.map((type) => [type.type, type])),
    log: redisLog(connection, { replicas }),
    archive: archive === undefined ? undefined : fileArchive(archive),
    keepCommands: configured.keepCommands,
    leases: redisLeases(leasing, { replicas }),
    bus,
    pulse,
    clock: systemClock,
    random: systemRandom(),
    limits: (count) => limitsOf(configured, count),
    tracer: watch.tracer,
    meter: watch.meter,
    report,
  });
  watch.began(host);
  const owned = stack.move();
  return {
    settings: host.settings,
    status: () => host.status(),
    troubles: () => host.troubles(),
    idleMs: () => host.idleMs(),
    stop: async (ms) => {
      await host.stop(ms);
      await owned.disposeAsync();
    },
  };
}

function limitsOf(configured: ClusterEnvironment, partitions: number): Limits {
  const { retainBytes, replyWindowMs, idWindowMs } = configured;
  const residentBytes = configured.residentBytes ?? residentBytesDefault();
  return {
    ...defaultLimits(partitions, { retainBytes, residentBytes }),
    ...(replyWindowMs !== undefined && { replyWindowMs }),
    ...(idWindowMs !== undefined && { windowMs: idWindowMs }),
  };
}
