/** The backup that docs/operations.md describes, made under load and brought back elsewhere. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connectRedis } from '../../runtime/redis/connection.ts';
import { startRedis } from '../../tools/servers.ts';
import { startCluster } from '../black-box/cluster.ts';
import { balancesOf } from '../black-box/orders.ts';
import { wireOver } from '../black-box/wire.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { until } from '../tools/until.ts';

vi.setConfig({ testTimeout: 120_000 });

const repository = join(import.meta.dirname, '../..');
const script = join(repository, 'tools/redis-backup.sh');
const body = { asset: 'KRW', amount: '1' };

const backUp = (...args: readonly string[]) =>
  spawnSync('sh', [script, ...args], { encoding: 'utf8' });

test('a Redis that refuses to tell of its rewrites is not copied', async () => {
  const dir = await temporaryDirectory();
  const redis = await startRedis({ dir });
  onTestFinished(() => redis.stop());
  const connection = await connectRedis(redis.url);
  await connection.call('config', ['set', 'requirepass', 'secret']);
  await connection.close();
  const to = join(await temporaryDirectory(), 'copy');
  expect(backUp(redis.url, dir, to)).toMatchObject({ status: 1, stdout: '' });
  expect(existsSync(to)).toBe(false);
});

test('an interrupted backup leaves Redis as it was, and no folder behind', async () => {
  const dir = await temporaryDirectory();
  const redis = await startRedis({ dir });
  onTestFinished(() => redis.stop());
  const connection = await connectRedis(redis.url);
  onTestFinished(() => connection.close());
  const setting = async (): Promise<unknown> =>
    connection.call('config', ['get', 'auto-aof-rewrite-percentage']);
  const before = await setting();
  // As long as a rewrite is under way there is nothing to copy yet.
  await connection.call('config', ['set', 'rdb-key-save-delay', '10000000']);
  await connection.call('set', ['key', 'value']);
  await connection.call('bgrewriteaof', []);
  const to = join(await temporaryDirectory(), 'copy');
  const backup = spawn('sh', [script, redis.url, dir, to], { stdio: 'ignore' });
  const ended = once(backup, 'exit');
  await until(async () => JSON.stringify(await setting()) !== JSON.stringify(before));
  backup.kill('SIGTERM');
  expect(await ended).toEqual([1, null]);
  expect(await setting()).toEqual(before);
  expect([to, `${to}.part`].filter((path) => existsSync(path))).toEqual([]);
});

test('a copy made under load has all that was acknowledged before, and serves as a cluster of its own', async () => {
  const data = await temporaryDirectory();
  const cluster = await startCluster({ data });
  onTestFinished(() => cluster.stop());
  const wire = wireOver(await cluster.connect());
  const before = await wire.insist('account/kept', 'deposit', body, 'before');

  let saving = true;
  const acknowledged = Array.from({ length: 16 }, () => 0);
  const savers = acknowledged.map(async (_, n) => {
    while (saving) {
      const id = `${n}-${acknowledged[n]}`;
      await wire.insist(`account/saver-${n}`, 'deposit', body, id);
      acknowledged[n] = (acknowledged[n] ?? 0) + 1;
    }
  });
  while (acknowledged.some((count) => count < 3)) await wire.read('account/kept', 'balance');
  const atLeast = [...acknowledged];
  const copied = join(await temporaryDirectory(), 'redis');
  expect(backUp(cluster.redis, join(data, 'redis'), copied)).toMatchObject({ status: 0 });
  const atMost = acknowledged.map((count) => count + 1);
  saving = false;
  await Promise.all(savers);
  expect(backUp(cluster.redis, join(data, 'redis'), copied).stderr).toMatch(/exists/);
  await cluster.stop();

  const restored = await temporaryDirectory();
  await mkdir(restored, { recursive: true });
  await cp(copied, join(restored, 'redis'), { recursive: true });
  const again = await startCluster({ data: restored });
  onTestFinished(() => again.stop());
  const other = wireOver(await again.connect());
  expect((await other.insist('account/kept', 'deposit', body, 'before')).text).toBe(before.text);
  for (const n of acknowledged.keys()) {
    const available = Number((await balancesOf(other, `account/saver-${n}`))['KRW']?.available);
    expect(available).toBeGreaterThanOrEqual(atLeast[n] ?? 0);
    expect(available).toBeLessThanOrEqual(atMost[n] ?? 0);
  }
});
