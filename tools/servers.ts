/**
 * Redis and NATS as children, with the settings that the guarantees rest on. They listen on
 * 127.0.0.1 only, on a free port unless one is given, and end with this process.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { natsMappings } from '../contracts/subjects.ts';
import { cutTornTail } from './aof-repair.ts';
import { takePidLock } from './pid-lock.mjs';
import { onPort, ServerFailed, startServer, type ServerProcess } from './server-process.ts';

export interface RunningServer extends Pick<ServerProcess, 'pid' | 'exited' | 'stop'> {
  readonly url: string;
  readonly port: number;
}

export interface RedisOptions {
  /** Its data, its configuration and its log: one Redis at a time. */
  readonly dir: string;
  readonly port?: number;
  /** Hears, in one sentence, of anything done to the data. */
  readonly report?: (sentence: string) => void;
}

export interface NatsOptions {
  readonly dir: string;
  readonly port?: number;
  readonly partitions: number;
  readonly prefix: string;
}

/**
 * Starts a Redis that fsyncs every write before it answers. If its file ends in a torn transaction
 * (kill -9 in the middle of a write that was never acknowledged), just that is set aside.
 */
export async function startRedis(options: RedisOptions): Promise<RunningServer> {
  await mkdir(options.dir, { recursive: true });
  return onPort(options.port ?? 0, async (port) => {
    try {
      return await launchRedis(options.dir, port);
    } catch (error) {
      if (!(error instanceof ServerFailed) || !error.log.includes('Unexpected end of file'))
        throw error;
      const cut = await cutTornTail(join(options.dir, 'appendonlydir'));
      if (cut === undefined) throw error;
      const report = options.report ?? console.error;
      report(
        `redis was killed while writing: its last, unacknowledged ${cut.bytes} bytes were cut off ` +
          `${cut.file} at ${cut.offset} and kept in ${cut.kept}`,
      );
      return await launchRedis(options.dir, port);
    }
  });
}

/** Starts a NATS that maps actor subjects to their partitions, so that any client finds the owner. */
export async function startNats(options: NatsOptions): Promise<RunningServer> {
  await mkdir(options.dir, { recursive: true });
  return onPort(options.port ?? 0, async (port) => {
    const name = `millrace-${randomUUID()}`;
    await writeFile(join(options.dir, 'nats.conf'), natsConfiguration(options, port, name));
    const program = {
      name: 'nats-server',
      arguments: ['-c', 'nats.conf'],
      dir: options.dir,
      logFile: join(options.dir, 'nats.log'),
    };
    // The name tells our server from another one that took the port first.
    const server = await startServer(program, async () =>
      (await converse(port, '', (heard) => heard.includes('\r\n'))).includes(name),
    );
    return { ...server, port, url: `nats://127.0.0.1:${port}` };
  });
}

const redisConfiguration = (port: number): string => `bind 127.0.0.1
port ${port}
daemonize no
# An answer means that the write is on the disk, also while the file is being rewritten.
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
# A torn file is never shortened silently: tools/aof-repair.ts looks at it.
aof-load-truncated no
save ""
maxmemory-policy noeviction
`;

/** JSON is valid nats-server configuration. A lost peer is noticed within three seconds. */
function natsConfiguration(options: NatsOptions, port: number, name: string): string {
  const settings = {
    listen: `127.0.0.1:${port}`,
    server_name: name,
    max_payload: 1_048_576,
    ping_interval: '1s',
    ping_max: 2,
    mappings: natsMappings(options.prefix, options.partitions),
  };
  return JSON.stringify(settings, null, 2);
}

async function launchRedis(dir: string, port: number): Promise<RunningServer> {
  const lockFile = join(dir, 'redis.pid');
  await untilFree(lockFile);
  await writeFile(join(dir, 'redis.conf'), redisConfiguration(port));
  const program = {
    name: 'redis-server',
    arguments: ['redis.conf'],
    dir,
    logFile: join(dir, 'redis.log'),
  };
  const server = await startServer(program, (pid) => isReadyRedis(port, pid));
  const lock = takePidLock(lockFile, server.watcher);
  if (lock.kind === 'held') {
    await server.stop();
    throw inUse(dir, lock.pid);
  }
  void server.exited.then(lock.release);
  return { ...server, port, url: `redis://127.0.0.1:${port}` };
}

/** A Redis whose parent was killed needs a moment to end; two on one directory would ruin it. */
async function untilFree(lockFile: string): Promise<void> {
  const patienceMs = 15_000;
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const lock = takePidLock(lockFile);
    if (lock.kind === 'taken') return lock.release();
    if (performance.now() > deadline) throw inUse(lockFile, lock.pid);
    await pause(50);
  }
}

const inUse = (path: string, pid: number): Error =>
  new Error(
    `${path} is in use by the Redis of process ${pid}. Stop that first, or use another directory.`,
  );

/** Whether the Redis at this port is this very process and has loaded its data. */
async function isReadyRedis(port: number, pid: number): Promise<boolean> {
  const heard = await converse(port, 'INFO server\r\nPING\r\n', (text) =>
    /\r\n[+-][^\r]*\r\n$/.test(text),
  );
  return heard.includes(`process_id:${pid}\r\n`) && heard.endsWith('+PONG\r\n');
}

/** Says something to a local port and returns what is heard until it is enough, or the talk ends. */
function converse(
  port: number,
  words: string,
  enough: (heard: string) => boolean,
): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('connect', () => socket.write(words));
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      if (enough(heard)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}
