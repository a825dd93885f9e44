import { randomUUID } from 'node:crypto';
import {
  checkDurability,
  connectRedis,
  defaultLimits,
  natsBus,
  redisLeases,
  redisLog,
  startHost,
  systemClock,
  systemRandom,
} from 'millrace';
import { counter } from './counter.ts';

const redis = await connectRedis(process.env.MILLRACE_REDIS_URL ?? 'redis://127.0.0.1:6379');
await checkDurability(redis, { warn: console.error });
const bus = await natsBus({
  url: process.env.MILLRACE_NATS_URL ?? 'nats://127.0.0.1:4222',
  name: 'counters',
});
const host = await startHost({
  name: `counters-${process.pid}`,
  prefix: 'millrace',
  settings: { id: randomUUID(), partitions: 8, scales: { byAsset: {}, others: 8 } },
  types: new Map([[counter.type, counter]]),
  log: redisLog(redis),
  leases: redisLeases(redis),
  bus,
  clock: systemClock,
  random: systemRandom(),
  limits: defaultLimits,
  report: console.error,
});
process.once('SIGTERM', () => void host.stop().then(() => process.exit(0)));
