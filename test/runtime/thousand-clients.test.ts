/**
 * A thousand clients, each with a connection of its own to a real NATS, and hosts that come and go
 * under them. The hosts run in this process, on the memory store: what is tested is the way to them.
 */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connect, type Answer, type Client } from '../../runtime/client.ts';
import { startHost, type Host } from '../../runtime/host.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import { memoryStore } from '../../runtime/memory/store.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { startNats } from '../../tools/servers.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { until } from '../tools/until.ts';
import { purse } from './purse.ts';

const settings = { id: 'a-cluster', partitions: 64, scales: { byAsset: {}, others: 8 } };
const names = Array.from({ length: 1_000 }, (_, n) => `client-${n}`);

const store = memoryStore(() => Date.now());

async function host(url: string, name: string): Promise<Host> {
  const bus = await natsBus({ url, name });
  const started = await startHost({
    name,
    prefix: 'millrace',
    settings,
    types: new Map([[purse.type, purse]]),
    log: store.log,
    leases: store.leases,
    bus,
    clock: systemClock,
    random: systemRandom(),
    limits: (partitions) => ({ ...defaultLimits(partitions), leaseMs: 30_000 }),
    report: () => {},
  });
  onTestFinished(() => started.stop().then(() => bus.close()));
  return started;
}

/** Resolves when these hosts own everything, none less than half of its share. */
const sharedBy = (client: Client, ...hosts: readonly string[]): Promise<void> =>
  until(async () => {
    const { ok, hosts: found } = await client.health();
    const least = settings.partitions / hosts.length / 2;
    const serving = found.filter(({ partitions }) => partitions > 0);
    const even = serving.every(({ partitions }) => partitions >= least);
    return ok && even && serving.map(({ name }) => name).join() === hosts.join();
  });

/** How many of the answers each host gave, by the partitions in their addresses. */
async function answersByHost(answers: readonly Answer<unknown>[]): Promise<Map<string, number>> {
  const { owners } = await store.leases.owners(settings.partitions);
  const counts = new Map<string, number>();
  for (const { at } of answers) {
    const name = owners[Number(at?.split(':')[0])]?.host ?? 'nobody';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** No host gave less than half or more than twice its share of the answers. */
async function expectEven(answers: readonly Answer<unknown>[], ...hosts: string[]): Promise<void> {
  const counts = await answersByHost(answers);
  expect([...counts.keys()].toSorted()).toEqual(hosts);
  for (const count of counts.values()) {
    expect(count).toBeGreaterThan(names.length / hosts.length / 2);
    expect(count).toBeLessThan((names.length / hosts.length) * 2);
  }
}

test('a thousand clients at once spread evenly over the hosts, and follow partitions as they move', async () => {
  const dir = join(await temporaryDirectory(), 'nats');
  const server = await startNats({ dir, port: 0, partitions: 64, prefix: 'millrace' });
  onTestFinished(() => server.stop());
  const ann = await host(server.url, 'ann');
  await host(server.url, 'bob');
  await host(server.url, 'cyd');
  const clients = await Promise.all(
    names.map(async (name) => ({ name, client: await connect({ url: server.url, name }) })),
  );
  onTestFinished(async () => void (await Promise.all(clients.map(({ client }) => client.close()))));
  const [first] = clients;
  if (first === undefined) throw new Error('there is no client');
  await sharedBy(first.client, 'ann', 'bob', 'cyd');

  const putIn = (id: string): Promise<Answer<unknown>[]> =>
    Promise.all(
      clients.map(({ name, client }) => client.ask(`purse/${name}`, 'put', { coins: 1 }, { id })),
    );
  const one = await putIn('one');
  await expectEven(one, 'ann', 'bob', 'cyd');

  const moving = Promise.all([ann.stop(), host(server.url, 'dan')]);
  const two = await putIn('two');
  await moving;
  await sharedBy(first.client, 'bob', 'cyd', 'dan');
  const three = await putIn('three');
  await expectEven(three, 'bob', 'cyd', 'dan');

  expect([...one, ...two, ...three].filter(({ ok }) => !ok)).toEqual([]);
  const coins = await Promise.all(
    clients.map(({ name, client }) => client.get(`purse/${name}`, 'coins', {})),
  );
  expect(new Set(coins.map((answer) => answer.ok && JSON.stringify(answer.result)))).toEqual(
    new Set(['{"coins":3}']),
  );
}, 120_000);
