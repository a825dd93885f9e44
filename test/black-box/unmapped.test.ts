import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'nats';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startCluster, type Cluster } from './cluster.ts';
import { until } from './condition.ts';
import { balancesOf, limitOrder, place } from './orders.ts';
import { fresh, fundedAccount, listedSymbol } from './suite.ts';
import { expectRefused, outcomesOf, resultOf, wireOver, type Wire } from './wire.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let server: ChildProcess;
let cluster: Cluster;
let wire: Wire;

/** A NATS server as anyone may run it, which knows nothing of Millrace. */
beforeAll(async () => {
  const port = await freePort();
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin`;
  const flags = ['-a', '127.0.0.1', '-p', String(port)];
  server = spawn('nats-server', flags, { stdio: 'ignore', env: { ...process.env, PATH: path } });
  const nats = `nats://127.0.0.1:${port}`;
  await until('the server answers', async () => {
    const connection = await connect({ servers: nats, reconnect: false });
    await connection.close();
    return true;
  });
  cluster = await startCluster({ environment: { MILLRACE_NATS_URL: nats } });
  wire = wireOver(await cluster.connect());
});

afterAll(async () => {
  await cluster?.stop();
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
});

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

test('a NATS server without the mapping reaches every actor too, once', async () => {
  const accounts = Array.from({ length: 100 }, () => `account/${fresh('a')}`);
  const body = { asset: 'KRW', amount: '2' };
  const answers = await Promise.all(
    accounts.flatMap((account) => [
      wire.cmd(account, 'deposit', body, 'd1'),
      wire.cmd(account, 'deposit', body, 'd1'),
      wire.cmd(account, 'deposit', body),
    ]),
  );
  for (const answer of answers) resultOf(answer);
  for (const account of accounts) {
    expect(await balancesOf(wire, account)).toEqual({ KRW: { available: '4', held: '0' } });
  }
});

test('orders, batches and refusals are the same without the mapping', async () => {
  const symbol = await listedSymbol(wire);
  const account = await fundedAccount(wire, { USD: '10.00' });
  expect(resultOf(await place(wire, account, limitOrder(symbol, 'buy', '1', '1')))).toMatchObject({
    ordStatus: 'New',
  });
  const commands = [{ name: 'cancel-all', body: {} }, { name: 'explode' }];
  expect(outcomesOf(await wire.batch(account, commands))).toEqual([
    'ok',
    'runtime/unknown-command',
  ]);
  expectRefused(await wire.send('cmd.account.a.b.deposit', '{}'), 'request/malformed');
  expectRefused(await wire.cmd('planet/x', 'deposit', {}), 'runtime/unknown-type');
});
