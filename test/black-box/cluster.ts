/**
 * A cluster as a user starts it, `millrace up`, seen from outside: its processes, its addresses and
 * the lines that it prints. Nothing of the product is imported.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection } from 'nats';
import { until } from './condition.ts';
import { startPlainNats } from './plain-nats.ts';

export interface Cluster {
  readonly nats: string;
  readonly redis: string;
  readonly partitions: number;
  /** Each host's name and the pid that it has now. */
  readonly hosts: ReadonlyMap<string, number>;
  /** A new connection; `stop` closes it. */
  connect(): Promise<NatsConnection>;
  /** SIGKILL to one host; resolves when it has been started again. */
  killHost(name: string): Promise<void>;
  /** SIGTERM to one host, which hands over and ends; resolves when it has been started again. */
  restartHost(name: string): Promise<void>;
  /** SIGKILL to the whole process group: `up`, hosts, Redis, NATS. The data stays. */
  killAll(): Promise<void>;
  /** SIGTERM to `up` alone, which has to end everything that it started; its exit status. */
  terminate(): Promise<number | null>;
  /** Ends everything, and removes the data unless the caller named the folder. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** The data folder; without it a temporary one. */
  readonly data?: string;
  readonly environment?: { readonly [name: string]: string };
  /**
   * Whether NATS maps subjects to partitions. If not, it is one that `up` has not started, and hosts
   * route the requests. Default: yes, unless the environment says MILLRACE_TEST_UNMAPPED=1.
   */
  readonly mapped?: boolean;
}

interface Ready {
  readonly ready: true;
  readonly nats: string;
  readonly redis: string;
  readonly partitions: number;
  readonly hosts: readonly { readonly name: string; readonly pid: number }[];
}

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Starts `up` with two hosts and 16 partitions, and resolves when every partition has an owner. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const data = options.data ?? (await temporaryFolder());
  const { mapped = process.env['MILLRACE_TEST_UNMAPPED'] !== '1' } = options;
  const plain = mapped ? undefined : await startPlainNats();
  const up = launch(data, {
    ...options.environment,
    ...(plain && { MILLRACE_NATS_URL: plain.url }),
  });
  const hosts = new Map<string, number>();
  const connections: NatsConnection[] = [];
  const removeData = async (): Promise<void> => {
    if (options.data === undefined) await removeFolder(data);
  };
  const ready = await readLines(up, hosts).catch(async (error: unknown) => {
    await killGroup(up);
    await plain?.kill();
    await removeData();
    throw error;
  });
  const servers = [ready.nats, ready.redis];

  const killAll = async (): Promise<void> => {
    await killGroup(up);
    await plain?.kill();
    await Promise.all(servers.map(closed));
  };
  return {
    nats: ready.nats,
    redis: ready.redis,
    partitions: ready.partitions,
    hosts,
    connect: async () => {
      const connection = await connect({ servers: ready.nats, maxReconnectAttempts: -1 });
      connections.push(connection);
      return connection;
    },
    killHost: (name) => startedAgain(hosts, name, 'SIGKILL'),
    restartHost: (name) => startedAgain(hosts, name, 'SIGTERM'),
    killAll,
    terminate: async () => {
      const exited = once(up, 'exit');
      up.kill('SIGTERM');
      await exited;
      await plain?.kill();
      await Promise.all(servers.map(closed));
      return up.exitCode;
    },
    stop: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await killAll();
      await removeData();
    },
  };
}

/** Sends a host a signal that ends it; resolves when `up` has started it again. */
async function startedAgain(
  hosts: ReadonlyMap<string, number>,
  name: string,
  signal: NodeJS.Signals,
): Promise<void> {
  const pid = hosts.get(name);
  if (pid === undefined) throw new Error(`no host is named ${name}`);
  process.kill(pid, signal);
  await until(`${name} is started again`, () => (hosts.get(name) === pid ? undefined : true));
}

/** A new folder for a cluster's data. */
export const temporaryFolder = (): Promise<string> =>
  mkdtemp(join(tmpdir(), 'millrace-black-box-'));

export const removeFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 3 });

/** Resolves when nothing listens at the address any more. */
export async function closed(url: string): Promise<void> {
  await until(`nothing listens at ${url}`, async () => ((await listens(url)) ? undefined : true));
}

/** Its own process group, so that one signal reaches all that it starts. */
function launch(data: string, environment: { readonly [name: string]: string }): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'));
  const flags = ['--hosts', '2', '--partitions', '16', '--data', data, '--no-demo'];
  const up = spawn(join(repository, 'node_modules/.bin/node'), ['tools/cli.ts', 'up', ...flags], {
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...environment },
  });
  // Should the test process end without a stop, nothing of the cluster may outlive it.
  const reap = (): void => signalGroup(up);
  process.once('exit', reap);
  up.once('exit', () => process.off('exit', reap));
  return up;
}

/** Follows the lines that `up` prints: keeps the hosts' pids, resolves with the ready line. */
function readLines(up: ChildProcess, hosts: Map<string, number>): Promise<Ready> {
  let complaint = '';
  up.stderr?.on(
    'data',
    (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4_000)),
  );
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`up is not ready:\n${complaint}`)), 40_000);
    up.once('exit', (status) => {
      clearTimeout(deadline);
      reject(new Error(`up ended with status ${status}:\n${complaint}`));
    });
    if (up.stdout === null) throw new Error('up has no standard output');
    createInterface({ input: up.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as Ready | { readonly host: string; readonly pid: number };
      if ('host' in said) return void hosts.set(said.host, said.pid);
      for (const { name, pid } of said.hosts) hosts.set(name, pid);
      clearTimeout(deadline);
      resolve(said);
    });
  });
}

async function killGroup(up: ChildProcess): Promise<void> {
  const exited = up.exitCode === null && up.signalCode === null ? once(up, 'exit') : undefined;
  // Also when `up` itself has ended: what it left behind would still be in its group.
  signalGroup(up);
  await exited;
}

function signalGroup(up: ChildProcess): void {
  try {
    if (up.pid !== undefined) process.kill(-up.pid, 'SIGKILL');
  } catch (error) {
    // Nobody is left in the group: what we want.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connectTcp({ host: hostname, port: Number(port) });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
