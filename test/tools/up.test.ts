import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { connect } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../tools/servers.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { isRunning, until } from './until.ts';

const root = join(import.meta.dirname, '../..');

interface Ready {
  readonly ready: true;
  readonly nats: string;
  readonly redis: string;
  readonly partitions: number;
  readonly hosts: readonly { readonly name: string; readonly pid: number }[];
}

interface Up {
  readonly process: ChildProcess;
  readonly ready: Ready;
  /** The pids that a host was reported with, in order. */
  readonly pids: Map<string, number[]>;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

function millrace(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, ['tools/cli.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function up(
  data: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Up> {
  const child = millrace(['up', '--partitions', '4', '--data', data, ...args], env);
  onTestFinished(() => void child.kill('SIGKILL'));
  const errors = child.stderr === null ? '' : text(child.stderr);
  const pids = new Map<string, number[]>();
  if (child.stdout === null) throw new Error('up has no standard output');
  const lines = createInterface(child.stdout);
  const ready = await new Promise<Ready>((resolve, reject) => {
    lines.on('line', (line) => {
      const said = JSON.parse(line) as Ready | { host: string; pid: number };
      if ('ready' in said) resolve(said);
      else pids.set(said.host, [...(pids.get(said.host) ?? []), said.pid]);
    });
    child.once('exit', () => void Promise.resolve(errors).then((said) => reject(new Error(said))));
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return { process: child, ready, pids, end };
}

const serverPid = async (url: string): Promise<number> => {
  const connection = new Redis(url);
  // A server that is just being started again refuses at first; ioredis asks again.
  connection.on('error', () => {});
  const [, pid] = /process_id:(\d+)/.exec(await connection.info('server')) ?? [];
  await connection.quit();
  return Number(pid);
};

const refuses = (url: string): Promise<boolean> =>
  connect({ servers: url, reconnect: false, timeout: 500 }).then(
    (connection) => connection.close().then(() => false),
    () => true,
  );

/** Runs a command to its end: its exit status and what it said on standard error. */
async function ended(args: readonly string[]): Promise<{ status: number | null; said: string }> {
  const child = millrace(args);
  if (child.stderr === null) throw new Error('no standard error');
  const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { status: child.exitCode, said };
}

test('up is ready when every partition has an owner, and ends with status 0 and nothing left', async () => {
  const data = await temporaryDirectory();
  const { ready, pids, end } = await up(data, ['--hosts', '2', '--no-demo']);
  expect(ready).toMatchObject({ ready: true, partitions: 4 });
  expect(ready.hosts.map(({ name }) => name)).toEqual(['host-1', 'host-2']);
  expect(ready.hosts.map(({ name }) => pids.get(name))).toEqual(
    ready.hosts.map(({ pid }) => [pid]),
  );

  const connection = await connect({ servers: ready.nats });
  const reply = await connection.request(
    'millrace.cmd.account.alice.deposit',
    '{"asset":"USD","amount":"1"}',
  );
  expect(reply.json()).toMatchObject({ ok: true });
  await connection.close();

  const redis = await serverPid(ready.redis);
  expect(await end('SIGTERM')).toBe(0);
  expect([redis, ...ready.hosts.map(({ pid }) => pid)].filter(isRunning)).toEqual([]);
  expect(await refuses(ready.nats)).toBe(true);
  expect(await readdir(data)).not.toContain('cluster.json');
});

test('a host and a server that are killed come back, the server at the same address', async () => {
  const { ready, pids, end } = await up(await temporaryDirectory(), ['--hosts', '1']);
  const [host] = ready.hosts;
  process.kill(host?.pid ?? 0, 'SIGKILL');
  await until(() => pids.get('host-1')?.length === 2);

  const before = await serverPid(ready.redis);
  process.kill(before, 'SIGKILL');
  await until(() => !isRunning(before));
  const after = await serverPid(ready.redis);
  expect(after).not.toBe(before);
  expect(await end('SIGINT')).toBe(0);
});

test('when up is killed with SIGKILL its hosts and servers end too, and it can be started at once', async () => {
  const data = await temporaryDirectory();
  const first = await up(data);
  const redis = await serverPid(first.ready.redis);
  await first.end('SIGKILL');
  const second = await up(data);
  expect([redis, ...first.ready.hosts.map(({ pid }) => pid)].filter(isRunning)).toEqual([]);
  expect(await second.end('SIGTERM')).toBe(0);
});

test('two clusters never share a data directory, and partitions never change', async () => {
  const data = await temporaryDirectory();
  const first = await up(data, ['--hosts', '1']);
  const second = await ended(['up', '--data', data]);
  expect(second.status).toBe(1);
  expect(second.said).toContain(
    `${data} is in use by the cluster of process ${first.process.pid}.`,
  );
  await first.end('SIGTERM');
  const other = await ended(['up', '--data', data, '--partitions', '8']);
  expect(other.status).toBe(1);
  expect(other.said).toContain('created with 4 partitions');
});

test('up uses a running server that the environment names, and leaves it running', async () => {
  const redis = await startRedis({ dir: await temporaryDirectory() });
  onTestFinished(() => redis.stop());
  const { ready, end } = await up(await temporaryDirectory(), [], {
    MILLRACE_REDIS_URL: redis.url,
  });
  expect(ready.redis).toBe(redis.url);
  await end('SIGTERM');
  expect(isRunning(redis.pid)).toBe(true);
});

test.each([
  [['up', '--hots', '2'], "Unknown option '--hots'"],
  [['up', '--hosts', '0'], '--hosts takes a whole number from 1 to 64, not "0".'],
  [['host', '--name', 'a b'], '--name takes'],
  [['fly'], 'There is no command "fly".'],
])('%j is used wrongly: status 2 and a sentence', async (args, sentence) => {
  const { status, said } = await ended(args);
  expect(status).toBe(2);
  expect(said).toContain(sentence);
});

test.each(['up', 'host', 'start'])('%s --help prints its usage', async (command) => {
  const child = millrace([command, '--help']);
  if (child.stdout === null) throw new Error('no standard output');
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(printed).toContain(`millrace ${command}`);
  expect(child.exitCode).toBe(0);
});
