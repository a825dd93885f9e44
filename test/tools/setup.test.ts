import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, symlink, writeFile, cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

const root = join(import.meta.dirname, '../..');

async function setUp(
  cwd: string,
  env: SpawnOptions['env'],
): Promise<{ status: unknown; said: string }> {
  const child = spawn(process.execPath, ['tools/setup.mjs'], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[status], said, printed] = await Promise.all([
    once(child, 'exit'),
    text(child.stderr),
    text(child.stdout),
  ]);
  expect(printed).toBe('');
  return { status, said };
}

/** A clone whose packages are installed, and a PATH with nothing but a shell, a few words and the given programs. */
async function machine(programs: {
  readonly [name: string]: string;
}): Promise<{ clone: string; path: string }> {
  const clone = await temporaryDirectory();
  const path = join(clone, 'bin');
  await mkdir(path);
  await cp(join(root, 'tools'), join(clone, 'tools'), { recursive: true });
  await cp(join(root, 'package-lock.json'), join(clone, 'package-lock.json'));
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));
  for (const word of ['cat', 'chmod', 'rm', 'touch'])
    await symlink(`/usr/bin/${word}`, join(path, word));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(path, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(path, name), 0o755);
  }
  return { clone, path };
}

const nats = { MILLRACE_NATS_URL: 'nats://127.0.0.1:4222' };

test('set-up has nothing to do, and nothing to say, where everything is there', async () => {
  expect(await setUp(root, process.env)).toEqual({ status: 0, said: '' });
});

test('a missing server is installed with apt-get, whose lists are fetched only if it fails without', async () => {
  const { clone, path } = await machine({
    'apt-get': `
      cd "\${0%/*}"
      echo "$@" >> calls
      case "$*" in
        *update*) touch updated; exit 0;;
      esac
      [ -e updated ] || exit 100
      touch redis-server && chmod 755 redis-server`,
    sudo: '[ "$1" = -n ] && shift; exec "$@"',
  });
  const { status, said } = await setUp(clone, { PATH: path, ...nats });
  expect(said).toBe('set-up: installing redis-server with apt-get\n');
  expect(status).toBe(0);
  const calls = (await readFile(join(path, 'calls'), 'utf8')).trim().split('\n');
  expect(calls).toHaveLength(3);
  expect(calls[0]).toContain('install redis-server');
  expect(calls[1]).toContain('update');
  expect(await setUp(clone, { PATH: path, ...nats })).toEqual({ status: 0, said: '' });
});

test('where nothing can install a server, one sentence says what to do', async () => {
  const { clone, path } = await machine({});
  expect(await setUp(clone, { PATH: path, ...nats })).toEqual({
    status: 1,
    said:
      'set-up failed: redis-server must be on the PATH. Install it by hand, ' +
      'or set MILLRACE_REDIS_URL to a running one.\n',
  });
});

test('a server that the environment names need not be installed', async () => {
  const { clone, path } = await machine({});
  const environment = { PATH: path, MILLRACE_REDIS_URL: 'redis://127.0.0.1:6379', ...nats };
  expect(await setUp(clone, environment)).toEqual({ status: 0, said: '' });
});
