/** The library: what an application needs to run actors of its own. */
export {
  accept,
  defer,
  defineActor,
  query,
  react,
  reject,
  type ActorType,
  type Context,
  type Decision,
  type Incoming,
  type Outgoing,
  type State,
} from '../actors/actor.ts';
export { refusal, success } from '../contracts/reply.ts';
export { startHost, type Host, type HostOptions } from './host.ts';
export { fileArchive } from './files/archive.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { natsBus } from './nats/bus.ts';
export { readLog } from './read-log.ts';
export { connectRedis } from './redis/connection.ts';
export { checkDurability } from './redis/durability.ts';
export { redisGroupReads } from './redis/group-reads.ts';
export { redisLeases } from './redis/leases.ts';
export { redisLog } from './redis/log.ts';
export { systemClock, systemRandom } from './system-clock.ts';
