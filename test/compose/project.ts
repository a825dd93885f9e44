/** A Compose project of its own, made of the compose.yaml that everybody gets. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect, type NatsConnection } from 'nats';

export interface Project {
  /** `docker compose` with these arguments; what it printed. */
  compose(...args: readonly string[]): Promise<string>;
  /** Brings it to so many hosts; resolves when all are healthy. */
  scale(hosts: number): Promise<void>;
  /** Exchanges the hosts one by one, as docs/operations.md says. */
  exchangeHosts(): Promise<void>;
  /** Ends a service's main process as no handler can prevent; the container's end follows. */
  kill(service: string, container?: number): Promise<void>;
  /** The host of each partition, as the owner records tell. */
  owners(): Promise<readonly string[]>;
  /** A connection that makes itself again, as that of any client. */
  connect(): Promise<NatsConnection>;
  /** Ends it and leaves nothing. */
  remove(): Promise<void>;
}

const execute = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const partitions = 64;
const listOwners = `local hosts = {}
for partition = 0, ${partitions - 1} do
  hosts[partition + 1] = redis.call('hget', '{mr:' .. partition .. '}:owner', 'host') or ''
end
return hosts`;

/** Builds and starts it with so many hosts; resolves when all services are healthy. */
export async function startProject(hosts: number): Promise<Project> {
  const port = await freePort();
  const lab = process.env['COMPOSE_LAB'];
  const env = {
    ...process.env,
    COMPOSE_PROJECT_NAME: `millrace-test-${process.pid}`,
    // An engine in a network of its own reaches only what is published to all of its addresses.
    MILLRACE_NATS_LISTEN: lab === undefined ? `127.0.0.1:${port}` : `${port}`,
    MILLRACE_JAEGER_LISTEN: '127.0.0.1:0',
  };
  const compose: Project['compose'] = async (...args) => {
    const options = { cwd: repository, env, maxBuffer: 64 * 1024 * 1024 };
    return (await execute('docker', ['compose', '--progress', 'quiet', ...args], options)).stdout;
  };
  const connections: NatsConnection[] = [];
  const project: Project = {
    compose,
    scale: async (count) =>
      void (await compose('up', '--wait', '--no-recreate', '--scale', `host=${count}`)),
    exchangeHosts: async () => {
      const ids = (await compose('ps', '-q', 'host')).trim().split('\n');
      for (const id of ids) {
        await execute('docker', ['stop', id], { env });
        await execute('docker', ['rm', id], { env });
        const some = ['--scale', `host=${ids.length}`, 'host'];
        await compose('up', '--wait', '--no-recreate', '--no-deps', ...some);
      }
    },
    kill: async (service, container = 1) => {
      const to = ['exec', '-T', '--index', String(container), '-u', 'root', service];
      // Its init process is the one that this spares.
      await compose(...to, 'sh', '-c', 'kill -9 -1').catch(() => {});
    },
    owners: async () => {
      const asked = ['exec', '-T', 'redis', 'redis-cli', '--raw', 'eval', listOwners, '0'];
      return (await compose(...asked)).trimEnd().split('\n');
    },
    connect: async () => {
      const servers = `127.0.0.1:${port}`;
      const connection = await connect({ servers, maxReconnectAttempts: -1, timeout: 5_000 });
      connections.push(connection);
      return connection;
    },
    remove: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await compose('down', '--volumes', '--timeout', '5');
    },
  };
  try {
    await compose('up', '--build', '--wait', '--scale', `host=${hosts}`);
    if (lab !== undefined) await execute('bash', [lab, 'publish', String(port)], { env });
    return project;
  } catch (error) {
    console.error(await compose('logs', '--tail', '50'));
    await project.remove();
    throw error;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      server.close(() => (port === undefined ? reject(new Error('no port')) : resolve(port)));
    });
  });
}
