import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startHost } from '../../runtime/host.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { startNats } from '../../tools/servers.ts';
import { useRedis } from '../conformance/stores.ts';
import { cure, illness, patient } from '../runtime/patient.ts';
import { until } from './until.ts';

interface Finished {
  readonly status: number | string | null | undefined;
  readonly out: string;
  readonly err: string;
}

/** A host of patients, whose judgement and machine fail as this file says, on real servers. */
const redis = useRedis();
const partitions = 4;
const cli = join(import.meta.dirname, '../../tools/cli.ts');
const closing: (() => Promise<unknown>)[] = [];
let url = '';
let client: NatsConnection;

beforeAll(async () => {
  vi.setConfig({ testTimeout: 30_000 });
  const dir = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  closing.push(() => rm(dir, { recursive: true, force: true }));
  const server = await startNats({ dir, partitions, prefix: 'millrace' });
  closing.push(() => server.stop());
  url = server.url;
  const bus = await natsBus({ url, name: 'host' });
  closing.push(() => bus.close());
  const { connection } = redis();
  const host = await startHost({
    name: 'ward',
    prefix: 'millrace',
    settings: { id: 'clinic', partitions, scales: { byAsset: {}, others: 8 } },
    types: new Map([[patient.type, patient]]),
    log: redisLog(connection),
    leases: redisLeases(connection),
    bus,
    clock: systemClock,
    random: systemRandom(),
    limits: (count) => ({ ...defaultLimits(count), strikesMax: 1 }),
    report: () => {},
  });
  closing.push(() => host.stop());
  client = await connect({ servers: url });
  closing.push(() => client.close());
  await until(async () => (await command('nurse', 'note', 'ready')) !== undefined);
}, 30_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

beforeEach(() => {
  cure();
  illness.judgement.add('unthinkable');
});

async function command(id: string, name: string, text: string): Promise<string | undefined> {
  const body = JSON.stringify(name === 'tell' ? { to: 'bob', text } : { text });
  const subject = `millrace.cmd.patient.${id}.${name}`;
  const answer = await client.request(subject, body, { timeout: 5_000 }).catch(() => undefined);
  const reply = answer?.json<{ error?: { code: string } }>();
  return reply && (reply.error?.code ?? 'ok');
}

const deadLetters = (...argv: string[]): Promise<Finished> =>
  new Promise((resolve) => {
    const env = { ...process.env, MILLRACE_NATS_URL: url };
    execFile(process.execPath, [cli, 'dead-letters', ...argv], { env }, (error, out, err) =>
      resolve({ status: error ? error.code : 0, out, err }),
    );
  });

const addressIn = (line: string | undefined): string => line?.split('  ')[0] ?? '';

test('a command that failed is listed, shown, retried once, and gone', async () => {
  expect(await command('ann', 'note', 'unthinkable')).toBe('runtime/quarantined');
  const listed = await deadLetters('list');
  expect(listed).toMatchObject({ status: 0, err: '' });
  expect(listed.out).toMatch(
    /^\d:\d+-\d+ {2}\d{4}-\S+Z {2}patient\/ann {2}command note {2}id \S+ {2}Error: cannot judge "unthinkable"\n$/,
  );
  const at = addressIn(listed.out);

  const shown = await deadLetters('show', at);
  expect(shown.status).toBe(0);
  expect(JSON.parse(shown.out)).toMatchObject({
    at,
    actor: 'patient/ann',
    kind: 'command',
    body: { text: 'unthinkable' },
    stateHash: expect.stringMatching(/^.{22}$/) as string,
  });

  cure();
  const retried = await deadLetters('retry', at);
  expect(retried).toMatchObject({ status: 0, err: '' });
  expect(JSON.parse(retried.out)).toMatchObject({ ok: true, result: { noted: 'unthinkable' } });
  expect(await deadLetters('retry', at)).toEqual(retried);
  expect(await deadLetters('list')).toMatchObject({ status: 0, out: '' });
});

test("a halted actor's messages are applied in order when it is retried", async () => {
  for (const text of ['first', 'unthinkable', 'third']) await command('cyd', 'tell', text);
  await command('bob', 'note', 'unthinkable');
  expect(await command('bob', 'note', 'well')).toBe('runtime/halted');
  await command('dan', 'tell', 'from elsewhere');
  const line = /patient\/bob {2}message say {2}from partition \d {2}(Error|waits)/g;
  await until(async () => (await deadLetters('list')).out.match(line)?.length === 3);
  expect((await deadLetters('list')).out).toMatch(/patient\/bob {2}HALTED {2}Error: cannot judge/);

  const tooEarly = await deadLetters('retry', 'patient/bob');
  expect(tooEarly.status).toBe(1);
  expect(JSON.parse(tooEarly.out)).toMatchObject({
    result: { resumed: true, failed: [{ error: 'Error: cannot judge "unthinkable"' }] },
  });
  expect(await command('bob', 'note', 'well')).toBe('ok');
  cure();
  const healed = await deadLetters('retry', 'patient/bob');
  expect(healed.status).toBe(0);
  expect(JSON.parse(healed.out)).toMatchObject({ ok: true, result: { parked: 0, failed: [] } });
  const answer = await client.request('millrace.get.patient.bob.texts', '{}');
  const { result: texts } = answer.json<{ result: string[] }>();
  const fromCyd = texts.filter((text) => ['first', 'unthinkable', 'third'].includes(text));
  expect(fromCyd).toEqual(['first', 'unthinkable', 'third']);
});

test('what is not there is refused with status 1', async () => {
  for (const argv of [
    ['show', '0:1-999'],
    ['retry', '0:1-999'],
    ['retry', '9:1-1'],
  ])
    expect((await deadLetters(...argv)).status).toBe(1);
});

test.for([[[]], [['list', 'x']], [['show']], [['show', 'patient/bob']], [['retry', 'x', 'y']]])(
  'used wrongly (%j) it ends with status 2',
  async ([argv = []]) => {
    expect(await deadLetters(...argv)).toMatchObject({ status: 2, out: '' });
  },
);
