/** A NATS server as anyone may run it: it knows nothing of Millrace, so it maps no subject. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'nats';
import { until } from './condition.ts';

export interface PlainNats {
  readonly url: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export async function startPlainNats(): Promise<PlainNats> {
  const port = await freePort();
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin`;
  const flags = ['-a', '127.0.0.1', '-p', String(port)];
  const server = spawn('nats-server', flags, {
    stdio: 'ignore',
    env: { ...process.env, PATH: path },
  });
  const exited = once(server, 'exit');
  // Should the test process end without a stop, it must not outlive it.
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  server.once('exit', () => process.off('exit', kill));
  const url = `nats://127.0.0.1:${port}`;
  await until('the server answers', async () => {
    const connection = await connect({ servers: url, reconnect: false });
    await connection.close();
    return true;
  });
  return {
    url,
    kill: async () => {
      kill();
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}
