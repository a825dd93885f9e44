/** What a host says at its health port: while it serves, while a server is away, and when it leaves. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startHealthServer } from '../../tools/telemetry/health-server.ts';
import { freePort } from '../../tools/server-process.ts';
import { until } from '../tools/until.ts';
import { partitions, setStage } from './stage.ts';

vi.setConfig({ testTimeout: 120_000 });

interface Told {
  readonly status: number;
  readonly text: string;
}

async function askAt(port: number, path: string): Promise<Told> {
  const response = await fetch(`http://127.0.0.1:${port}/${path}`);
  return { status: response.status, text: await response.text() };
}

const well: Told = { status: 200, text: 'ok\n' };

/** Beside other reasons, for a busy machine may give one. */
const refusesFor = (words: RegExp, { status, text }: Told): boolean =>
  status === 503 && words.test(text);

test('a host is ready while it serves, and says which server is away', async () => {
  const port = await freePort();
  const stage = await setStage();
  await stage.startHost('one', { MILLRACE_HEALTH_PORT: `${port}` });
  await stage.untilServed();
  expect(await askAt(port, 'livez')).toEqual(well);
  await until(async () => (await askAt(port, 'readyz')).status === 200);

  for (const [server, words] of [
    [stage.redis, /^Redis has not answered for \d+ ms$/m],
    [stage.nats, /^NATS has not answered for \d+ ms$/m],
  ] as const) {
    process.kill(server.pid, 'SIGSTOP');
    try {
      await until(async () => refusesFor(words, await askAt(port, 'readyz')));
      // Starting it again would not mend that.
      expect(await askAt(port, 'livez')).toEqual(well);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await until(async () => (await askAt(port, 'readyz')).status === 200);
  }
});

test('a partition that is halted is named, with the reason', async () => {
  const port = await freePort();
  const stage = await setStage();
  await stage.startHost('one', { MILLRACE_HEALTH_PORT: `${port}` });
  await stage.untilServed();
  const { text } = await stage.wire.insist('account/alice', 'deposit', usd, 'd1');
  const partition = Number(/"at":"(\d+):/.exec(text)?.[1]);
  await stage.connection.call('xadd', [`{mr:${partition}}:log`, '999-999', 'n', '0']);
  // Whatever it is answered: the append meets a log that somebody else has written to.
  await stage.wire.cmd('account/alice', 'deposit', usd, 'd2').catch(() => undefined);
  const words = new RegExp(`^partition ${partition} is halted: `, 'm');
  await until(async () => refusesFor(words, await askAt(port, 'readyz')));
});

test('the metrics tell what is owned, and how each partition is', async () => {
  const port = await freePort();
  const stage = await setStage();
  await stage.startHost('one', { MILLRACE_HEALTH_PORT: `${port}` });
  await stage.untilServed();
  const { text } = await stage.wire.insist('account/alice', 'deposit', usd, 'd1');
  const partition = /"at":"(\d+):/.exec(text)?.[1];
  const metrics = await askAt(port, 'metrics');
  expect(metrics.status).toBe(200);
  expect(metrics.text).toContain(`\nmillrace_partitions_owned ${partitions}\n`);
  expect(metrics.text).toContain(`\nmillrace_partition_position{partition="${partition}"} 1\n`);
  expect(metrics.text).toMatch(/\nmillrace_event_loop_delay_seconds\{quantile="0.5"\} [\d.e-]+\n/);
});

test('what else is asked for is refused in words', async () => {
  const probes = { dead: () => [], troubles: () => ['one.', 'two.'], metrics: () => '' };
  const server = await startHealthServer(0, probes);
  onTestFinished(() => server.close());
  expect(await askAt(server.port, 'readyz')).toEqual({ status: 503, text: 'one.\ntwo.\n' });
  expect(await askAt(server.port, 'health')).toMatchObject({ status: 404 });
  const taken = startHealthServer(server.port, probes);
  await expect(taken).rejects.toThrow('MILLRACE_HEALTH_PORT');
  const posted = await fetch(`http://127.0.0.1:${server.port}/livez`, { method: 'POST' });
  expect(posted.status).toBe(405);
});

test('connections that ask nothing keep no probe waiting', async () => {
  const probes = { dead: () => [], troubles: () => [], metrics: () => '' };
  const server = await startHealthServer(0, probes);
  onTestFinished(() => server.close());
  const silent = Array.from({ length: 200 }, () => connect(server.port, '127.0.0.1'));
  onTestFinished(() => silent.forEach((socket) => socket.destroy()));
  for (const socket of silent) socket.resume().on('error', () => undefined);
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  expect(await askAt(server.port, 'livez')).toEqual(well);
  await until(() => silent.every((socket) => socket.closed));
});

const usd = { asset: 'USD', amount: '1' };
