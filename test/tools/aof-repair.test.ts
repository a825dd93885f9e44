import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { cutTornTail } from '../../tools/aof-repair.ts';
import { AofFormatError } from '../../tools/aof-scan.ts';
import { startRedis } from '../../tools/servers.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const increment = 'appendonlydir/appendonly.aof.1.incr.aof';
const script = `
  redis.call('XADD', KEYS[1], ARGV[1] .. '-1', 'n', '1', 'records', ARGV[2])
  redis.call('HSET', KEYS[2], 'top', ARGV[1])`;
const records = JSON.stringify([
  { actor: 'account/alice', note: 'line\r\n*3\r\n$4\r\nEXEC\r\nend' },
]);

async function append(url: string, group: number): Promise<void> {
  const connection = new Redis(url);
  await connection.eval(script, 2, '{mr:0}:log', '{mr:0}:owner', String(group), records);
  await connection.quit();
}

/** A directory in which a real Redis wrote `groups` groups, and the size of its file after each. */
async function written(groups: number): Promise<{ dir: string; file: string; sizes: number[] }> {
  const dir = await temporaryDirectory();
  const file = join(dir, increment);
  const redis = await startRedis({ dir });
  onTestFinished(() => redis.stop());
  const sizes: number[] = [];
  for (let group = 1; group <= groups; group++) {
    await append(redis.url, group);
    sizes.push((await readFile(file)).length);
  }
  await redis.stop();
  return { dir, file, sizes };
}

test('a file cut anywhere in its last transaction loses that transaction, whose bytes are kept', async () => {
  const { dir, file, sizes } = await written(3);
  const whole = await readFile(file);
  const [, sound = 0, size = 0] = sizes;
  expect(whole.length).toBe(size);
  for (let cutAt = sound + 1; cutAt < size; cutAt++) {
    await writeFile(file, whole.subarray(0, cutAt));
    const torn = await cutTornTail(join(dir, 'appendonlydir'));
    expect(torn).toMatchObject({ file, offset: sound, bytes: cutAt - sound });
    expect(await readFile(file)).toEqual(whole.subarray(0, sound));
    expect(await readFile(torn?.kept ?? '')).toEqual(whole.subarray(sound, cutAt));
  }
});

test('a file that ends between two transactions is left as it is', async () => {
  const { dir, file, sizes } = await written(2);
  for (const size of sizes.toReversed()) {
    await truncate(file, size);
    expect(await cutTornTail(join(dir, 'appendonlydir'))).toBeUndefined();
    expect((await readFile(file)).length).toBe(size);
  }
});

test('Redis starts over a torn transaction, with all before it, and one sentence tells', async () => {
  const { dir, file, sizes } = await written(3);
  const [, sound = 0, size = 0] = sizes;
  const whole = await readFile(file);
  for (const cutAt of [size - 1, sound + Math.floor((size - sound) / 2), sound + 1]) {
    await writeFile(file, whole.subarray(0, cutAt));
    const told: string[] = [];
    const redis = await startRedis({ dir, report: (sentence) => told.push(sentence) });
    const connection = new Redis(redis.url);
    expect(await connection.xlen('{mr:0}:log')).toBe(2);
    await connection.quit();
    await redis.stop();
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(`cut off ${file} at ${sound}`);
  }
});

test.each([
  ['a byte in the middle', (file: Buffer) => edited(file, '\r\n*', '\r\nx')],
  ['a length that swallows later transactions', swallow],
  ['zeros at the end', (file: Buffer) => Buffer.concat([file, Buffer.alloc(64)])],
])('damage is refused and nothing is changed: %s', async (_what, damage) => {
  const { dir, file } = await written(3);
  const broken = damage(await readFile(file));
  await writeFile(file, broken);
  await expect(cutTornTail(join(dir, 'appendonlydir'))).rejects.toThrow(AofFormatError);
  await expect(startRedis({ dir, report: () => {} })).rejects.toThrow();
  expect(await readFile(file)).toEqual(broken);
  expect(await readdir(join(dir, 'appendonlydir'))).toHaveLength(3);
});

function edited(file: Buffer, search: string, replacement: string): Buffer {
  return Buffer.from(file.toString('latin1').replace(search, replacement), 'latin1');
}

function swallow(file: Buffer): Buffer {
  return edited(file, `$${records.length}\r\n`, `$9${records.length}\r\n`);
}
