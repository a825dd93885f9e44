import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { useRedis } from '../conformance/stores.ts';
import { until } from './until.ts';

const redis = useRedis();
const partitions = 8;
const cli = join(import.meta.dirname, '..', '..', 'tools', 'cli.ts');

interface Tail {
  readonly child: ChildProcess;
  readonly printed: string[];
}

function tail(...options: string[]): Tail {
  const env = { ...process.env, MILLRACE_REDIS_URL: redis().server.url };
  const child = spawn(process.execPath, [cli, 'tail', ...options], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const printed: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => printed.push(line));
  child.stderr.resume();
  return { child, printed };
}

/** The settings of a cluster and an owner for each of its partitions, in an empty Redis. */
async function newCluster() {
  const { connection } = redis();
  await connection.call('flushall', []);
  const leases = redisLeases(connection);
  const log = redisLog(connection);
  await leases.settle({ id: 'tail', partitions, scales: { byAsset: {}, others: 8 } });
  const tops: number[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    await leases.acquire({ partition, host: 'h', nonce: 'n', group: 'q', leaseMs: 600_000 });
    tops.push(0);
  }
  /** A group of two records in each partition. */
  const append = () =>
    Promise.all(
      tops.map(async (after, partition) => {
        const records = [after + 1, after + 2].map((version) =>
          JSON.stringify({
            time: 0,
            actor: `account/a${version % 2}`,
            version,
            events: [{ type: 'opened' }],
          }),
        );
        const group = { after, n: 2, records: `[${records.join()}]`, token: `n:${after}` };
        tops[partition] = after + 2;
        return log.append({ fence: { partition, epoch: 1, nonce: 'n' }, ...group });
      }),
    );
  return { append };
}

const addresses = ({ printed }: Tail): string[] =>
  printed.map((line) => (JSON.parse(line) as { at: string }).at);

const byPartition = (found: readonly string[]) =>
  Map.groupBy(
    found.map((at) => at.split(/[:-]/).map(Number)),
    ([partition]) => partition ?? -1,
  );

test('two processes share a group; when one is killed every record is printed, in order per partition', async () => {
  const { append } = await newCluster();
  const [one, other] = [
    tail('--group', 'g', '--from', 'start', '--json'),
    tail('--group', 'g', '--from', 'start', '--json'),
  ];
  let rounds = 0;
  const appendUntil = (done: () => boolean) =>
    until(async () => {
      await append();
      rounds += 1;
      return done();
    });

  await appendUntil(() => {
    const shares = [one, other].map(
      (each) =>
        new Set(
          addresses(each)
            .slice(-16)
            .map((at) => at.split(':')[0]),
        ),
    );
    return shares.every((share) => share.size === partitions / 2);
  });
  one.child.kill('SIGKILL');
  const before = other.printed.length;
  await appendUntil(() => byPartition(addresses(other).slice(before)).size === partitions);
  const all = () => new Set([...addresses(one), ...addresses(other)]);
  await until(() => all().size === rounds * 2 * partitions);

  for (const each of [one, other]) {
    for (const positions of byPartition(addresses(each)).values()) {
      // A process that lives acknowledges what it prints before it lets go of a partition: it may
      // print again what the other had printed, never what it has printed itself.
      const order = positions.map(([, , position]) => position ?? 0);
      expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b));
    }
  }
  other.child.kill('SIGINT');
  expect(await once(other.child, 'exit')).toEqual([0, null]);
});

test('a group goes on where it was', async () => {
  const { append } = await newCluster();
  await append();
  const first = tail('--group', 'g', '--from', 'start', '--json');
  await until(() => first.printed.length === 2 * partitions);
  first.child.kill('SIGINT');
  await once(first.child, 'exit');
  await append();
  const second = tail('--group', 'g', '--json');
  await until(() => second.printed.length >= 2 * partitions);
  expect(new Set([...addresses(first), ...addresses(second)]).size).toBe(4 * partitions);
});

test.each([['account/a1'], ['--actor', 'account/a1']])(
  'prints the records of one actor (%s …), to read',
  async (...named) => {
    const { append } = await newCluster();
    await append();
    const { printed } = tail('--from', 'start', ...named);
    await until(() => printed.length === 1);
    const home = partitionOf(actorKey('account', 'a1'), partitions);
    expect(printed).toEqual([`${home}:1-1  1970-01-01T00:00:00.000Z  account/a1  opened`]);
    await append();
    await until(() => printed.length === 2);
  },
);

test('without a group it follows all partitions, in order, and leaves nothing in Redis', async () => {
  const { append } = await newCluster();
  await append();
  const keys = async () => (await redis().connection.call('keys', ['*'])) as string[];
  const before = (await keys()).toSorted();
  const { child, printed } = tail('--from', 'start', '--json');
  await until(() => printed.length === 2 * partitions);
  await append();
  await until(() => printed.length === 4 * partitions);
  expect((await keys()).toSorted()).toEqual(before);
  expect(await redis().connection.call('xinfo', ['GROUPS', '{mr:0}:log'])).toEqual([]);
  for (const positions of byPartition(addresses({ child, printed })).values())
    expect(positions.map(([, , position]) => position)).toEqual([1, 2, 3, 4]);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('ends when nobody reads what it prints any more', async () => {
  const { append } = await newCluster();
  await append();
  const { child, printed } = tail('--from', 'start');
  await until(() => printed.length > 0);
  child.stdout?.destroy();
  const ended = once(child, 'exit');
  await until(async () => {
    await append();
    return child.exitCode !== null;
  });
  expect(await ended).toEqual([0, null]);
});

test.each([
  ['--group', 'a b'],
  ['--from', 'yesterday'],
  ['--actor', 'nobody'],
  ['nobody'],
  ['--nonsense'],
])('used wrongly (%s) it ends with status 2', async (...options) => {
  expect(await once(tail(...options).child, 'exit')).toEqual([2, null]);
});

test('without a cluster it ends with status 1', async () => {
  await redis().connection.call('flushall', []);
  expect(await once(tail().child, 'exit')).toEqual([1, null]);
});
