/**
 * The example of `examples/security/` as its README says: prepared, started on free ports, with two
 * hosts that know nothing but addresses and passwords.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { connect, type ConnectionOptions, type NatsConnection } from 'nats';
import { findProgram } from '../../tools/find-program.mjs';
import { onPort, startServer } from '../../tools/server-process.ts';
import { startLoneHost, type LoneHost } from '../black-box/lone-host.ts';

export interface Secured {
  /** Logged in to NATS as a user, who reads `_INBOX.<user>.>` unless told otherwise. */
  login(user: string, different?: ConnectionOptions): Promise<NatsConnection>;
  loginToRedis(user: string, different?: Different): Promise<Redis>;
  /** Runs `millrace …` as a user of NATS or Redis; gives what it prints. */
  millrace(user: { nats?: string; redis?: string }, ...words: string[]): Promise<string>;
  readonly hosts: readonly LoneHost[];
  readonly redisPort: number;
  /** `millrace tail …` as a user of Redis, until its end is asked for. */
  tail(user: string, ...words: string[]): { said(): string; end(): Promise<void> };
  stop(): Promise<void>;
}

type Passwords = Readonly<Record<string, string>>;
type Different = Pick<RedisOptions, 'password' | 'tls'>;

/** Certificates are made with openssl; where it is missing these tests are skipped. */
export const unprepared = findProgram('openssl') === undefined;

const repository = join(import.meta.dirname, '..', '..');

export async function startSecured(): Promise<Secured> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-security-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  execFileSync(join(repository, 'examples/security/prepare.sh'), [folder], { stdio: 'inherit' });
  const nats = await passwordsIn(join(folder, 'nats.env'));
  const redis = await passwordsIn(join(folder, 'redis.env'));
  const caFile = join(folder, 'certificates', 'ca.pem');
  const ca = await readFile(caFile, 'utf8');

  const loginAt = (port: number, user: string, different: ConnectionOptions = {}) =>
    connect({
      servers: `127.0.0.1:${port}`,
      tls: { ca },
      user,
      pass: nats[`${user.toUpperCase()}_PASSWORD`] ?? '',
      inboxPrefix: `_INBOX.${user}`,
      maxReconnectAttempts: -1,
      ...different,
    });
  const natsPort = await onPort(0, async (port) => {
    const flags = ['-c', 'nats.conf', '-a', '127.0.0.1', '-p', `${port}`];
    const server = await startServer(programOf('nats-server', folder, flags), () =>
      loginAt(port, 'operator', { reconnect: false }).then(closed, () => false),
    );
    stack.defer(() => server.stop());
    return port;
  });

  const loginToRedisAt = async (
    port: number,
    user: string,
    different: Different = {},
  ): Promise<Redis> => {
    const password = redis[`${user.toUpperCase()}_PASSWORD`] ?? '';
    const client = new Redis(`rediss://127.0.0.1:${port}`, {
      username: user,
      password,
      tls: { ca },
      lazyConnect: true,
      retryStrategy: () => null,
      ...different,
    });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const redisPort = await onPort(0, async (port) => {
    const flags = ['redis.conf', '--tls-port', `${port}`, '--bind', '127.0.0.1'];
    const server = await startServer(programOf('redis-server', folder, flags), () =>
      loginToRedisAt(port, 'auditor').then(closed, () => false),
    );
    stack.defer(() => server.stop());
    return port;
  });

  const natsAs = (user: string): string =>
    `tls://${user}:${nats[`${user.toUpperCase()}_PASSWORD`]}@localhost:${natsPort}`;
  const redisAs = (user: string): string =>
    `rediss://${user}:${redis[`${user.toUpperCase()}_PASSWORD`]}@localhost:${redisPort}`;
  const addresses = { nats: natsAs('host'), redis: redisAs('host'), partitions: 64 };
  const hosts = ['first', 'second'].map((name) => {
    const host = startLoneHost(name, addresses, { NODE_EXTRA_CA_CERTS: caFile });
    stack.defer(() => host.kill());
    return host;
  });

  const environmentOf = (user: { nats?: string; redis?: string }): Record<string, string> => ({
    NODE_EXTRA_CA_CERTS: caFile,
    ...(user.nats !== undefined && { MILLRACE_NATS_URL: natsAs(user.nats) }),
    ...(user.redis !== undefined && { MILLRACE_REDIS_URL: redisAs(user.redis) }),
  });
  const owned = stack.move();
  return {
    login: (user, different) => loginAt(natsPort, user, different),
    loginToRedis: (user, different) => loginToRedisAt(redisPort, user, different),
    hosts,
    redisPort,
    millrace: (user, ...words) => run(words, environmentOf(user)),
    tail: (user, ...words) => {
      const { child, said } = begin(['tail', ...words], environmentOf({ redis: user }));
      owned.defer(() => void child.kill('SIGKILL'));
      return {
        said,
        end: async () => {
          const exited = once(child, 'exit');
          child.kill('SIGTERM');
          await exited;
        },
      };
    },
    stop: () => owned.disposeAsync(),
  };
}

/** Lines such as `ALICE_PASSWORD="pw…"`. */
async function passwordsIn(file: string): Promise<Passwords> {
  const lines = (await readFile(file, 'utf8')).matchAll(/^(\w+)="(\w+)"$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, password]) => [name, password]));
}

const programOf = (name: string, dir: string, flags: readonly string[]) => ({
  name,
  arguments: flags,
  dir,
  logFile: join(dir, `${name}.log`),
});

/** It answers: that is all that was asked. */
async function closed(connection: NatsConnection | Redis): Promise<true> {
  await ('close' in connection ? connection.close() : connection.quit());
  return true;
}

function begin(words: readonly string[], environment: Record<string, string>) {
  const child = spawn(process.execPath, ['tools/cli.ts', ...words], {
    cwd: repository,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, said: () => text };
}

/** What it prints, if it ends well. */
async function run(words: readonly string[], environment: Record<string, string>): Promise<string> {
  const { child, said } = begin(words, environment);
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`millrace ${words.join(' ')}: ${said()}`);
  return said();
}
