import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { connect } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { partitionOf } from '../../contracts/partition.ts';
import { actorKey } from '../../contracts/ids.ts';
import { startNats, startRedis, type RunningServer } from '../../tools/servers.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { isRunning, until } from './until.ts';

async function redisIn(dir: string, port = 0): Promise<RunningServer> {
  const redis = await startRedis({ dir, port });
  onTestFinished(() => redis.stop());
  return redis;
}

test('an embedded Redis answers a write only when it is on the disk, and forgets nothing by itself', async () => {
  const redis = await redisIn(await temporaryDirectory());
  const connection = new Redis(redis.url);
  const settings = await connection.config(
    'GET',
    'append*',
    'aof-load-truncated',
    'save',
    'maxmemory-policy',
    'no-append*',
  );
  await connection.quit();
  expect(settings).toEqual(
    expect.arrayContaining(['appendonly', 'yes', 'appendfsync', 'always', 'noeviction']),
  );
  const valueOf = (name: string): unknown =>
    Array.isArray(settings) && settings[settings.indexOf(name) + 1];
  expect(valueOf('aof-load-truncated')).toBe('no');
  expect(valueOf('no-appendfsync-on-rewrite')).toBe('no');
  expect(valueOf('save')).toBe('');
});

test('data written before a kill -9 of Redis is there after the next start', async () => {
  const dir = await temporaryDirectory();
  const first = await redisIn(dir);
  const before = new Redis(first.url, { retryStrategy: () => null });
  before.on('error', () => {});
  await before.set('key', 'value');
  process.kill(first.pid, 'SIGKILL');
  expect(await first.exited).toBe(128 + 9);
  const second = await redisIn(dir, first.port);
  expect(second.url).toBe(first.url);
  const after = new Redis(second.url);
  expect(await after.get('key')).toBe('value');
  await after.quit();
});

test('an embedded NATS maps an actor to the partition that the hosts compute', async () => {
  const nats = await startNats({
    dir: await temporaryDirectory(),
    partitions: 64,
    prefix: 'millrace',
  });
  onTestFinished(() => nats.stop());
  const connection = await connect({ servers: nats.url });
  const subscription = connection.subscribe('millrace.part.>', { max: 1 });
  connection.publish('millrace.cmd.account.alice.deposit');
  for await (const message of subscription) {
    const partition = partitionOf(actorKey('account', 'alice'), 64);
    expect(message.subject).toBe(`millrace.part.${partition}.cmd.account.alice.deposit`);
  }
  expect(connection.info?.max_payload).toBe(1_048_576);
  await connection.close();
});

test('a stopped server is gone, and its status is told', async () => {
  const redis = await redisIn(await temporaryDirectory());
  await redis.stop();
  expect(isRunning(redis.pid)).toBe(false);
  expect(await redis.exited).toBe(0);
});

test('a port in use is refused with the reason', async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTestFinished(() => void listener.close());
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(redisIn(await temporaryDirectory(), port)).rejects.toThrow(
    /address already in use/i,
  );
});

test('servers end when their parent is killed with SIGKILL, and the data can be used at once', async () => {
  const dir = await temporaryDirectory();
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'parent-of-servers.ts'), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [line] = await once(createInterface(parent.stdout), 'line');
  const pids = JSON.parse(String(line)) as number[];
  expect(pids.map(isRunning)).toEqual([true, true]);
  parent.kill('SIGKILL');
  const successor = await redisIn(dir);
  await until(() => !pids.some(isRunning));
  await successor.stop();
});
