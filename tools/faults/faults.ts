/**
 * What goes wrong, one at a time for each victim: every fault ends by itself after a while, and
 * leaves its victim as it was.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connectRedis } from '../../runtime/redis/connection.ts';
import type { Stage, StagedHost } from './stage.ts';
import type { TcpProxy, Trouble } from './tcp-proxy.ts';

/** A whole number from 0 up to, not including, `end`. */
export type Below = (end: number) => number;

export interface Fault {
  readonly kind: string;
  /** Two faults of one victim never overlap. */
  readonly victim: string;
  /** Resolves when the victim is well again. */
  readonly befall: () => Promise<void>;
}

/** A fault of a random kind. */
export function randomFault(stage: Stage, below: Below): Fault {
  const host = stage.hosts[below(stage.hosts.length)];
  if (host === undefined) throw new Error('there is no host');
  const dice = below(100);
  if (dice < 50) return linkFault(host, below);
  if (dice < 62) return killHost(host);
  if (dice < 72) return freeze(host.name, () => host.life.current.pid, 200 + below(5_000));
  if (dice < 78) return killRedis(stage, below(2) === 0, below(800));
  if (dice < 84) return freeze('redis', () => stage.redis.pid, 100 + below(2_500));
  if (dice < 89) return killNats(stage, below(800));
  if (dice < 93) return freeze('nats', () => stage.nats.pid, 100 + below(2_500));
  if (dice < 96 || !stage.smallDisk) return refuseMemory(stage, 200 + below(1_500));
  return fillDisk(stage, 200 + below(1_500));
}

function linkFault(host: StagedHost, below: Below): Fault {
  const [name, proxy]: [string, TcpProxy] =
    below(2) === 0 ? ['redis', host.toRedis] : ['nats', host.toNats];
  const ms = 100 + below(below(4) === 0 ? 5_000 : 1_000);
  const troubles: readonly Trouble[] = [
    { kind: 'refuse' },
    { kind: 'mute' },
    { kind: 'deaf' },
    { kind: 'slow', ms: 5 + below(300) },
  ];
  const trouble = troubles[below(5)];
  return {
    kind: `${name} link: ${trouble?.kind ?? 'cut'}`,
    victim: `${host.name} to ${name}`,
    befall: async () => {
      if (trouble === undefined) return proxy.cut();
      proxy.trouble = trouble;
      await pause(ms);
      proxy.heal();
    },
  };
}

const killHost = (host: StagedHost): Fault => ({
  kind: 'host: kill -9',
  victim: host.name,
  befall: async () => {
    const { pid, exited } = host.life.current;
    signal(pid, 'SIGKILL');
    await exited;
  },
});

const freeze = (victim: string, pidOf: () => number, ms: number): Fault => ({
  kind: `${victim.replace(/-\d$/, '')}: SIGSTOP, SIGCONT`,
  victim,
  befall: async () => {
    const pid = pidOf();
    signal(pid, 'SIGSTOP');
    await pause(ms);
    signal(pid, 'SIGCONT');
  },
});

const killRedis = (stage: Stage, torn: boolean, ms: number): Fault => ({
  kind: torn ? 'redis: kill -9, torn file' : 'redis: kill -9',
  victim: 'redis',
  befall: async () => {
    signal(stage.redis.pid, 'SIGKILL');
    await stage.redis.exited;
    if (torn) await stage.tearAof();
    await pause(ms);
    await stage.startRedis();
  },
});

const killNats = (stage: Stage, ms: number): Fault => ({
  kind: 'nats: kill -9',
  victim: 'nats',
  befall: async () => {
    signal(stage.nats.pid, 'SIGKILL');
    await stage.nats.exited;
    await pause(ms);
    await stage.startNats();
  },
});

/** Redis refuses what would need memory, as `noeviction` does at its limit. */
const refuseMemory = (stage: Stage, ms: number): Fault => ({
  kind: 'redis: out of memory',
  victim: 'redis',
  befall: async () => {
    await setMemory(stage, '1mb');
    await pause(ms);
    await setMemory(stage, '0');
  },
});

async function setMemory({ redis }: Stage, bytes: string): Promise<void> {
  const connection = await connectRedis(redis.url);
  try {
    await connection.call('config', ['SET', 'maxmemory', bytes]);
  } finally {
    await connection.close();
  }
}

/** Under `appendfsync always` Redis ends when it cannot write; it comes back when there is room. */
const fillDisk = (stage: Stage, ms: number): Fault => ({
  kind: 'redis: disk full',
  victim: 'redis',
  befall: async () => {
    await stage.fillDisk();
    await Promise.race([stage.redis.exited, pause(ms)]);
    await stage.freeDisk();
    const ended = await Promise.race([stage.redis.exited.then(() => true), pause(200, false)]);
    if (ended) await stage.startRedis();
  },
});

/** To a process that may just have ended. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Whoever waits for it hears of its end.
  }
}
