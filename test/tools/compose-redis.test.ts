/** The script that starts Redis in compose.yaml, with folders of this test in place of the image's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../runtime/redis/connection.ts';
import { freePort } from '../../tools/server-process.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { until } from './until.ts';

const script = join(import.meta.dirname, '../../tools/compose/redis.sh');

const set = (key: string): string => `*3\r\n$3\r\nSET\r\n$1\r\n${key}\r\n$1\r\n1\r\n`;

test('a torn end is cut off the last file, by number, and kept as it was', async () => {
  const { dir, last } = await tornFiles();
  const { port, child, said } = await start(dir);
  await until(() => /bytes were cut off[^]*Ready to accept/.test(said()));
  const connection = await connectRedis(`redis://127.0.0.1:${port}`);
  onTestFinished(() => connection.close());
  expect(await connection.call('dbsize', [])).toBe(2);
  expect(await readFile(last, 'utf8')).toBe(set('b'));
  expect(await readFile(`${last}.torn`, 'utf8')).toBe(torn);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

test('asked to end while it repairs, it ends, and the next start repairs', async () => {
  const { dir, last } = await tornFiles();
  // It never hears that the repair is done.
  const deaf = join(dir, 'redis-cli');
  await writeFile(deaf, '#!/bin/sh\nexit 1\n');
  await chmod(deaf, 0o755);
  const { child, said } = await start(dir);
  await until(() => /ready to accept/i.test(said()));
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said()).toContain('bye bye');
  expect(said()).not.toContain('were cut off');
  expect(await readFile(`${last}.torn`, 'utf8')).toBe(torn);
});

const torn = `${set('b')}${set('c').slice(0, 18)}`;

/** Redis' files as a kill in the midst of a write leaves them. */
async function tornFiles() {
  const dir = await temporaryDirectory();
  const files = join(dir, 'data', 'appendonlydir');
  await mkdir(files, { recursive: true });
  const last = join(files, 'appendonly.aof.10.incr.aof');
  await writeFile(join(files, 'appendonly.aof.9.incr.aof'), set('a'));
  await writeFile(last, torn);
  const names = [9, 10].map((n) => `file appendonly.aof.${n}.incr.aof seq ${n} type i\n`);
  await writeFile(join(files, 'appendonly.aof.manifest'), names.join(''));
  return { dir, last };
}

async function start(dir: string) {
  const entrypoint = join(dir, 'docker-entrypoint.sh');
  await writeFile(entrypoint, '#!/bin/sh\nexec "$@"\n');
  await chmod(entrypoint, 0o755);
  const own = join(dir, 'redis.sh');
  const text = await readFile(script, 'utf8');
  await writeFile(
    own,
    text.replace(/\/data|\/tmp/g, (folder) => (folder === '/data' ? `${dir}/data` : dir)),
  );
  const port = await freePort();
  const child = spawn('sh', [own, '--port', `${port}`], {
    env: { ...process.env, PATH: `${dir}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGTERM'));
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { port, child, said: () => said };
}
