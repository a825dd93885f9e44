import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UsageError } from '../../tools/command-line.ts';
import { run } from '../../tools/commands/groups.ts';
import { redisGroupReads } from '../../runtime/redis/group-reads.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { useRedis } from '../conformance/stores.ts';

const redis = useRedis();
const partitions = 4;

let said: string[] = [];
beforeEach(async () => {
  said = [];
  for (const method of ['log', 'error'] as const)
    vi.spyOn(console, method).mockImplementation((line: string) => void said.push(line));
  vi.stubEnv('MILLRACE_REDIS_URL', redis().server.url);
  const { connection } = redis();
  await connection.call('flushall', []);
  const settings = { id: 'groups', partitions, scales: { byAsset: {}, others: 8 } };
  await redisLeases(connection).settle(settings);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** What the command says, and its status. */
async function groups(...words: string[]): Promise<[status: number, ...said: string[]]> {
  said = [];
  const status = await run(words);
  return [status, ...said];
}

test('the groups are listed with what waits for them and who reads; without a reader one can go', async () => {
  const reads = redisGroupReads(redis().connection);
  expect(await groups()).toEqual([0, 'no groups']);
  await reads.open('billing', partitions, 'start');
  await reads.open('audit', 2, 'start');
  const seat = { group: 'billing', partition: 1, consumer: 'ann' };
  await reads.hold([seat], 60_000);
  await redis().connection.call('xadd', ['{mr:0}:log', '1-1', 'n', '1', 'records', '[]']);
  expect(await groups()).toEqual([
    0,
    'group    partitions  lag  read by',
    'audit             2    1  nobody',
    'billing           4    1  ann',
  ]);
  const [status, text = ''] = await groups('--json');
  expect([status, JSON.parse(text)]).toMatchObject([0, { groups: [{ readers: [] }, { lag: 1 }] }]);

  expect(await groups('remove', 'nosuch')).toEqual([1, 'There is no group "nosuch".']);
  expect(await groups('remove', 'billing')).toEqual([
    1,
    'ann reads with "billing" now. End that first.',
  ]);
  await reads.release(seat);
  expect((await groups('remove', 'billing'))[0]).toBe(0);
  expect(await groups()).toEqual([
    0,
    'group  partitions  lag  read by',
    'audit           2    1  nobody',
  ]);
});

test.each([['remove'], ['forget', 'billing'], ['remove', 'billing', 'audit']])(
  'used wrongly (%j) it says how',
  async (...words) => {
    await expect(run(words)).rejects.toBeInstanceOf(UsageError);
  },
);
