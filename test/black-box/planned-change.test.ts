import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { until } from './condition.ts';
import { startLoneHost, type LoneHost } from './lone-host.ts';
import { startLoad } from './steady-load.ts';
import { useCluster } from './suite.ts';

const suite = useCluster();
vi.setConfig({ testTimeout: 60_000 });

let redis: Redis;
beforeAll(() => {
  redis = new Redis(suite.cluster.redis);
});
afterAll(() => redis.disconnect());

/** The host of each partition, as the owner records tell. */
async function owners(): Promise<string[]> {
  const all = Array.from({ length: suite.cluster.partitions }, async (_, partition) => {
    return (await redis.hget(`{mr:${partition}}:owner`, 'host')) ?? '';
  });
  return Promise.all(all);
}

const shareOf = (owned: readonly string[], name: string): number =>
  owned.filter((owner) => owner === name).length;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/** Resolves when these hosts, each with some, own everything. */
const sharedBy = (...names: string[]): Promise<readonly string[]> =>
  until(`${names.join(', ')} own everything`, async () => {
    const owned = await owners();
    const all = owned.every((owner) => names.includes(owner));
    return all && names.every((name) => shareOf(owned, name) > 1) ? owned : undefined;
  });

test('scaling up, a rolling restart and scaling down fail no request, lose none and do none twice', async () => {
  const { cluster } = suite;
  const load = await startLoad(await cluster.connect());
  load.takeLongest();
  const pauses: number[] = [];
  const note = (): void => {
    const { byPartition, echoMs } = load.takeLongest();
    pauses.push(median(byPartition) - echoMs);
  };

  const third: LoneHost = startLoneHost('third', cluster);
  await sharedBy('host-1', 'host-2', 'third');
  note();

  for (const name of ['host-1', 'host-2']) {
    await cluster.restartHost(name);
    await sharedBy('host-1', 'host-2', 'third');
    note();
  }

  expect(await third.leave()).toBe(0);
  expect(shareOf(await owners(), 'third')).toBe(0);
  note();

  const { failures, requests, orders } = await load.stop();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(1_000);
  expect(orders).toBeGreaterThan(100);
  // In the calmest phase, for other work on this machine holds up whole hosts.
  expect(Math.min(...pauses)).toBeLessThan(100);
});
