import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { startNats, startRedis } from '../../tools/servers.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { until } from '../tools/until.ts';

const here = import.meta.dirname;
const file = (name: string): Promise<string> => readFile(join(here, name), 'utf8');

test("README shows the example's very code", async () => {
  const readme = await file('../../README.md');
  for (const name of ['counter.ts', 'counter-host.ts']) expect(readme).toContain(await file(name));
});

test("a user's own actor runs on real servers and answers any NATS client", async () => {
  const dir = await temporaryDirectory();
  const redis = await startRedis({ dir: join(dir, 'redis') });
  onTestFinished(() => redis.stop());
  const nats = await startNats({ dir: join(dir, 'nats'), partitions: 8, prefix: 'millrace' });
  onTestFinished(() => nats.stop());
  const environment = {
    ...process.env,
    MILLRACE_REDIS_URL: redis.url,
    MILLRACE_NATS_URL: nats.url,
  };
  const program = ['--conditions=millrace-source', join(here, 'counter-host.ts')];
  const host = spawn(process.execPath, program, {
    env: environment,
    stdio: 'inherit',
  });
  onTestFinished(async () => {
    host.kill('SIGTERM');
    if (host.exitCode === null) await once(host, 'exit');
  });
  const client = await connect({ servers: nats.url });
  onTestFinished(() => client.close());
  const ask = async (subject: string, body = '{}'): Promise<unknown> =>
    (await client.request(`millrace.${subject}`, body)).json();
  await until(() =>
    ask('get.counter.visits.value').then(
      () => true,
      () => false,
    ),
  );
  expect(await ask('cmd.counter.visits.increase', '{"by":3}')).toMatchObject({ ok: true });
  expect(await ask('cmd.counter.visits.decrease', '{"by":5}')).toMatchObject({
    ok: false,
    error: { code: 'counter/below-zero' },
  });
  expect(await ask('get.counter.visits.value')).toEqual({ ok: true, result: { count: 3 } });
});
