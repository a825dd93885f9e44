import { afterAll, beforeAll, expect, test } from 'vitest';
import { natsMappings } from '../../contracts/subjects.ts';
import { until } from '../black-box/condition.ts';
import { balancesOf } from '../black-box/orders.ts';
import { startLoad } from '../black-box/steady-load.ts';
import { fresh } from '../black-box/suite.ts';
import { wireOver, type Answer, type Wire } from '../black-box/wire.ts';
import { startProject, type Project } from './project.ts';

const patienceMs = 60_000;
const savers = 24;

let project: Project;
let wire: Wire;
beforeAll(async () => {
  project = await startProject(3);
  wire = wireOver(await project.connect());
});
afterAll(() => project?.remove());

/** Resolves when so many hosts own everything. */
const sharedBy = (count: number): Promise<unknown> =>
  until(
    `${count} hosts own everything`,
    async () => {
      const hosts = new Set(await project.owners());
      return hosts.size === count && !hosts.has('') ? hosts : undefined;
    },
    patienceMs,
  );

test('the mappings of its NATS are those of the subjects', async () => {
  const { configs } = JSON.parse(await project.compose('config', '--format', 'json')) as {
    readonly configs: { readonly nats: { readonly content: string } };
  };
  for (const [from, to] of Object.entries(natsMappings('millrace', 64)))
    expect(configs.nats.content.replaceAll(/\s+/g, ' ')).toContain(`"${from}": "${to}"`);
});

test('scaling from three hosts to five and to two, and exchanging both, fails no request, loses none and does none twice', async () => {
  await sharedBy(3);
  const load = await startLoad(await project.connect());
  await project.scale(5);
  await sharedBy(5);
  await project.scale(2);
  await sharedBy(2);
  await project.exchangeHosts();
  await sharedBy(2);
  const { failures, requests, orders } = await load.stop();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(1_000);
  expect(orders).toBeGreaterThan(100);
});

test('a host, Redis and NATS that are killed come back by themselves, with every acknowledged command', async () => {
  let saving = true;
  const clients = Array.from({ length: savers }, async () => {
    const account = `account/${fresh('persistent')}`;
    const answers = new Map<string, Answer>();
    while (saving) {
      const id = `${account}-${answers.size}`;
      answers.set(id, await wire.insist(account, 'deposit', { asset: 'KRW', amount: '1' }, id));
    }
    return { account, answers };
  });
  const served = async (service: string): Promise<void> => {
    const id = `after-${service}`;
    const { reply } = await wire.insist(
      'account/witness',
      'deposit',
      { asset: 'KRW', amount: '1' },
      id,
    );
    expect(reply).toMatchObject({ ok: true });
  };
  for (const service of ['host', 'redis', 'nats']) {
    await project.kill(service);
    await served(service);
    await until(
      `${service} is healthy again`,
      async () => {
        const state = await project.compose('ps', '--format', '{{.State}} {{.Health}}', service);
        const healthy = state
          .trim()
          .split('\n')
          .every((line) => line === 'running healthy');
        return healthy ? true : undefined;
      },
      patienceMs,
    );
  }
  await sharedBy(2);
  saving = false;
  for (const { account, answers } of await Promise.all(clients)) {
    expect(answers.size).toBeGreaterThan(1);
    expect((await balancesOf(wire, account))['KRW']?.available).toBe(String(answers.size));
    for (const [id, { text }] of [...answers].slice(-20)) {
      const body = { asset: 'KRW', amount: '1' };
      expect((await wire.insist(account, 'deposit', body, id)).text).toBe(text);
    }
  }
});

test('a Redis that was torn in the middle of a write loses that write alone', async () => {
  const body = { asset: 'KRW', amount: '1' };
  const { text } = await wire.insist('account/careful', 'deposit', body, 'before');
  const tear = `cd /data/appendonlydir && file=$(ls *.incr.aof) && printf '*1\\r\\n$5\\r\\nMUL' >>"$file"`;
  await project
    .compose('exec', '-T', 'redis', 'sh', '-c', `${tear} && kill -9 $(pidof redis-server)`)
    .catch(() => {});
  expect((await wire.insist('account/careful', 'deposit', body, 'after')).reply.ok).toBe(true);
  expect((await wire.insist('account/careful', 'deposit', body, 'before')).text).toBe(text);
  expect(await project.compose('logs', 'redis')).toContain('bytes were cut off');
});
