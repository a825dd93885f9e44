import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { startNats, startRedis } from '../../tools/servers.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';

const here = import.meta.dirname;
const repository = join(here, '../..');
const program = join(here, 'plain-client.ts');

function run(words: readonly string[], environment: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, words, {
    cwd: repository,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

const printed = async ({ stdout }: ChildProcess): Promise<string> =>
  stdout === null ? '' : text(stdout);

test('the example in docs/clients.md is this very program', async () => {
  const told = await readFile(join(repository, 'docs/clients.md'), 'utf8');
  expect(told).toContain(await readFile(program, 'utf8'));
});

test('a client without any library of ours waits for a host, and deposits once however often it runs', async () => {
  const dir = await temporaryDirectory();
  const redis = await startRedis({ dir: join(dir, 'redis') });
  onTestFinished(() => redis.stop());
  const nats = await startNats({ dir: join(dir, 'nats'), partitions: 8, prefix: 'millrace' });
  onTestFinished(() => nats.stop());

  const spy = await connect({ servers: nats.url });
  onTestFinished(() => spy.close());
  const unheard = spy.subscribe('millrace.part.*.cmd.account.you.deposit', { max: 1 });
  await spy.flush();
  const first = printed(run([program], { NATS_URL: nats.url }));
  // The first request meets silence, the next ones nobody, until the host is there.
  for await (const { headers } of unheard) expect(headers?.get('Nats-Msg-Id')).toBe('deposit-4711');
  run(['tools/cli.ts', 'host', '--name', 'late'], {
    MILLRACE_REDIS_URL: redis.url,
    MILLRACE_NATS_URL: nats.url,
    MILLRACE_PARTITIONS: '8',
  });
  const expected = [
    /^\{"ok":true,"at":"\d+:\d+-\d+","result":\{"asset":"USD","available":"0.30","held":"0.00"\}\}$/,
    /^\{"ok":true,"result":\{"status":"open","balances":\{"USD":\{"available":"0.30","held":"0.00"\}\}\}\}$/,
  ];
  const lines = (await first).trim().split('\n');
  expected.forEach((pattern, index) => expect(lines[index]).toMatch(pattern));
  expect(await printed(run([program], { NATS_URL: nats.url }))).toBe(await first);
});
