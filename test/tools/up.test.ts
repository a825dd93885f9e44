import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { connect } from 'nats';
import { expect, onTestFinished, test, vi } from 'vitest';
import { addressIn } from '../../tools/environment.ts';
import { startRedis } from '../../tools/servers.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { isRunning, until } from './until.ts';

// Each starts a cluster or two, beside others.
vi.setConfig({ testTimeout: 120_000 });

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
  /** All that it says on standard error, once it has ended. */
  readonly said: Promise<string>;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

interface Surroundings {
  readonly env?: NodeJS.ProcessEnv;
  /** In a process group of its own, as what a shell starts is. */
  readonly detached?: boolean;
}

function millrace(
  args: readonly string[],
  { env = {}, detached = false }: Surroundings = {},
): ChildProcess {
  return spawn(process.execPath, ['tools/cli.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    detached,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function up(
  data: string,
  args: readonly string[] = [],
  surroundings: Surroundings = {},
): Promise<Up> {
  const child = millrace(['up', '--partitions', '4', '--data', data, ...args], surroundings);
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.stderr === null) throw new Error('up has no standard error');
  const said = text(child.stderr);
  const pids = new Map<string, number[]>();
  if (child.stdout === null) throw new Error('up has no standard output');
  const lines = createInterface(child.stdout);
  const ready = await new Promise<Ready>((resolve, reject) => {
    lines.on('line', (line) => {
      const told = JSON.parse(line) as Ready | { host: string; pid: number };
      if ('ready' in told) resolve(told);
      else pids.set(told.host, [...(pids.get(told.host) ?? []), told.pid]);
    });
    child.once('exit', () => void said.then((sentences) => reject(new Error(sentences))));
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return { process: child, ready, pids, said, end };
}

const serverPid = async (url: string): Promise<number> => {
  const connection = new Redis(url);
  // A server that is just being started again refuses at first; ioredis asks again.
  connection.on('error', () => {});
  const [, pid] = /process_id:(\d+)/.exec(await connection.info('server')) ?? [];
  await connection.quit();
  return Number(pid);
};

async function request(url: string, subject: string, body = '{}'): Promise<unknown> {
  const connection = await connect({ servers: url });
  const reply = await connection.request(subject, body);
  await connection.close();
  return reply.json();
}

const refuses = (url: string): Promise<boolean> =>
  connect({ servers: url, reconnect: false, timeout: 500 }).then(
    (connection) => connection.close().then(() => false),
    () => true,
  );

/** Runs a command to its end: its exit status and what it said on standard error. */
async function ended(
  args: readonly string[],
  surroundings?: Surroundings,
): Promise<{ status: number | null; said: string }> {
  const child = millrace(args, surroundings);
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

  const deposit = '{"asset":"USD","amount":"1"}';
  const reply = await request(ready.nats, 'millrace.cmd.account.alice.deposit', deposit);
  expect(reply).toMatchObject({ ok: true });

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

test('Ctrl-C, which every process hears, ends all in good order: nothing starts again or is lost', async () => {
  const data = await temporaryDirectory();
  const first = await up(data, [], { detached: true });
  const deposit = '{"asset":"USD","amount":"5"}';
  await request(first.ready.nats, 'millrace.cmd.account.alice.deposit', deposit);
  const redis = await serverPid(first.ready.redis);

  const exited = once(first.process, 'exit');
  process.kill(-(first.process.pid ?? 0), 'SIGINT');
  await exited;
  expect(first.process.exitCode).toBe(0);
  expect(await first.said).not.toContain('started again');
  expect([redis, ...first.ready.hosts.map(({ pid }) => pid)].filter(isRunning)).toEqual([]);
  expect(await refuses(first.ready.nats)).toBe(true);

  const second = await up(data);
  expect(await request(second.ready.nats, 'millrace.get.account.alice.balance')).toEqual({
    ok: true,
    result: { status: 'open', balances: { USD: { available: '5.00', held: '0.00' } } },
  });
  expect(await second.end('SIGTERM')).toBe(0);
});

test('when up is killed with SIGKILL its hosts and servers end too, and it can be started at once', async () => {
  const data = await temporaryDirectory();
  const first = await up(data);
  const redis = await serverPid(first.ready.redis);
  await first.end('SIGKILL');
  const second = await up(data);
  await until(() => ![redis, ...first.ready.hosts.map(({ pid }) => pid)].some(isRunning));
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

test('up uses a running server that the environment names, tells no password, leaves it running', async () => {
  const redis = await startRedis({ dir: await temporaryDirectory() });
  onTestFinished(() => redis.stop());
  const connection = new Redis(redis.url);
  await connection.config('SET', 'requirepass', 'secret');
  await connection.quit();
  const data = await temporaryDirectory();
  const withPassword = redis.url.replace('//', '//default:secret@');
  const { ready, said, end } = await up(data, [], { env: { MILLRACE_REDIS_URL: withPassword } });
  expect(ready.redis).toBe(redis.url);
  const file = join(data, 'cluster.json');
  expect(await readFile(file, 'utf8')).toContain(withPassword);
  expect((await stat(file)).mode & 0o077).toBe(0);
  await end('SIGTERM');
  expect(await said).not.toContain('secret');
  expect(isRunning(redis.pid)).toBe(true);
});

test.each([
  [
    'redis://default:se@cret@redis.internal:6380/0?password=secret',
    'redis://redis.internal:6380/0',
  ],
  ['nats://token@nats.internal', 'nats://nats.internal'],
  ['user:secret@nats.internal:4222', 'nats.internal:4222'],
  ['nats://127.0.0.1:4222', 'nats://127.0.0.1:4222'],
])('the address in %s that anybody may read is %s', (url, address) => {
  expect(addressIn(url)).toBe(address);
});

test('up and a host refuse a running Redis that can lose what it acknowledged', async () => {
  const redis = await startRedis({ dir: await temporaryDirectory() });
  onTestFinished(() => redis.stop());
  const connection = new Redis(redis.url);
  await connection.config('SET', 'appendfsync', 'everysec');
  await connection.quit();
  const env = { MILLRACE_REDIS_URL: redis.url, MILLRACE_NATS_URL: 'nats://127.0.0.1:1' };
  for (const args of [['up', '--data', await temporaryDirectory()], ['host']]) {
    const { status, said } = await ended(args, { env });
    expect(status).toBe(1);
    expect(said).toContain('appendfsync must be always (it is everysec)');
  }
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
