import fc from 'fast-check';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { GroupReads } from '../../runtime/group-reads.ts';
import { LogWentBack, readLog, type Batch, type ReadLogOptions } from '../../runtime/read-log.ts';
import { connectRedis } from '../../runtime/redis/connection.ts';
import { redisGroupReads } from '../../runtime/redis/group-reads.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { fairShare } from '../../runtime/seats.ts';
import { startRedis } from '../../tools/servers.ts';
import { group, own } from '../conformance/log.ts';
import {
  openMemoryStore,
  openRedisStore,
  useRedis,
  type OpenStore,
  type Store,
} from '../conformance/stores.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { until } from '../tools/until.ts';

const partitions = 4;

/** Positions of the records of a batch, out of their addresses. */
const positions = (batch: Batch): number[] =>
  batch.records.map(({ at }) => Number(at.split('-')[1]));

/** Reads in the background until it is stopped. */
function follow(options: ReadLogOptions) {
  const ending = new AbortController();
  const batches: Batch[] = [];
  const reading = (async () => {
    for await (const batch of readLog({ ...options, signal: ending.signal })) {
      batches.push(batch);
      batch.ack();
    }
  })();
  const stop = async (): Promise<void> => {
    ending.abort();
    await reading;
  };
  onTestFinished(stop);
  return { stop, batches, read: () => batches.flatMap(positions) };
}

function readingFrom(open: OpenStore): void {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });
  const options = (consumer: string): ReadLogOptions => ({
    reads: store.groupReads,
    partitions,
    group: 'g',
    consumer,
    leaseMs: 300,
  });

  test('every record comes once, in order, with its address', async () => {
    const fence = await own(store.leases, 'a');
    for (let after = 0; after < 600; after += 3) await store.log.append(group(fence, after, 3));
    const { read, batches } = follow(options('one'));
    await until(() => batches.length === 200);
    await store.log.append(group(fence, 600, 1));
    await until(() => batches.length === 201);
    expect(read()).toEqual(Array.from({ length: 601 }, (_, i) => i + 1));
    expect(batches[1]?.records[2]).toEqual({ at: '3:1-6', record: { position: 6 } });
  });

  test('what was not acknowledged comes again, first, to whoever reads next', async () => {
    const fence = await own(store.leases, 'a');
    for (let after = 0; after < 6; after++) await store.log.append(group(fence, after, 1));
    let seen = 0;
    for await (const batch of readLog(options('one'))) {
      if (++seen === 4) break;
      if (seen !== 2) batch.ack();
    }
    const { read, batches } = follow(options('two'));
    await until(() => batches.length === 4);
    expect(read()).toEqual([2, 4, 5, 6]);
  });

  test('a read whose answer is lost, and one that lands late, skip nothing', async () => {
    const fence = await own(store.leases, 'a');
    for (let after = 0; after < 60; after++) await store.log.append(group(fence, after, 1));
    const { groupReads } = store;
    let calls = 0;
    let late: () => Promise<unknown> = async () => undefined;
    const landed: unknown[] = [];
    const next: GroupReads['next'] = async (seat, ...wanted) => {
      const carryOut = () => groupReads.next(seat, ...wanted);
      if (seat.partition !== fence.partition) return carryOut();
      calls += 1;
      if (calls === 2) late = carryOut;
      if (calls === 3) await carryOut();
      if (calls === 2 || calls === 3) throw new Error('the connection is lost');
      if (calls === 5) landed.push(await late());
      return carryOut();
    };
    const { read } = follow({ ...options('one'), reads: { ...groupReads, next } });
    await until(() => read().includes(60));
    expect(read()).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(landed).toEqual(['moved']);
  });

  test('no more is read of a partition while 64 entries wait for their acknowledgement', async () => {
    const fence = await own(store.leases, 'a');
    for (let after = 0; after < 100; after++) await store.log.append(group(fence, after, 1));
    const held: Batch[] = [];
    const ending = new AbortController();
    const reading = (async () => {
      for await (const batch of readLog({ ...options('one'), signal: ending.signal }))
        held.push(batch);
    })();
    await until(() => held.length === 64);
    expect(await store.groupReads.tops('g', fence.partition)).toMatchObject({
      delivered: { position: 64 },
    });
    for (const batch of held) batch.ack();
    await until(() => held.length === 100);
    ending.abort();
    await reading;
  });

  test('consumers share the partitions, and take over from one that leaves', async () => {
    await store.groupReads.open('g', partitions, 'start');
    const untilHeldBy = (...expected: string[]) =>
      until(async () => {
        const holders = await store.groupReads.holders('g', partitions);
        return (
          holders
            .map((holder) => holder ?? 'nobody')
            .toSorted()
            .join() === expected.join()
        );
      });
    const one = follow(options('one'));
    await untilHeldBy('one', 'one', 'one', 'one');
    follow(options('two'));
    await untilHeldBy('one', 'one', 'two', 'two');
    // The first in the order of names has the one that is left over.
    follow(options('three'));
    await untilHeldBy('one', 'one', 'three', 'two');
    await one.stop();
    await untilHeldBy('three', 'three', 'two', 'two');
  });

  test('a log that has lost what was read from it is not read on', async () => {
    const fence = await own(store.leases, 'a');
    for (let after = 0; after < 3; after++) await store.log.append(group(fence, after, 1));
    const one = follow(options('one'));
    await until(() => one.batches.length === 3);
    await one.stop();
    await store.loseTail(fence.partition);
    const next = readLog(options('two')).next();
    await expect(next).rejects.toBeInstanceOf(LogWentBack);
  });
}

const openRedis = openRedisStore(useRedis());
describe('from memory', () => readingFrom(openMemoryStore));
describe('from Redis', () => {
  readingFrom(openRedis);

  test('goes on by itself after a restart of Redis', async () => {
    const dir = await temporaryDirectory();
    let server = await startRedis({ dir });
    const connection = await connectRedis(server.url);
    onTestFinished(async () => {
      await connection.close();
      await server.stop();
    });
    const log = redisLog(connection);
    const fence = await own(redisLeases(connection), 'a');
    const failures: unknown[] = [];
    const { batches, read, stop } = follow({
      reads: redisGroupReads(connection),
      partitions,
      group: 'g',
      consumer: 'one',
      leaseMs: 300,
      onError: (error) => failures.push(error),
    });
    await log.append(group(fence, 0, 2));
    await until(() => batches.length === 1);
    await server.stop();
    await until(() => failures.length > 3);
    server = await startRedis({ dir, port: server.port });
    await until(() =>
      log.append(group(fence, 2, 2)).then(
        () => true,
        () => false,
      ),
    );
    await until(() => read().includes(4));
    expect([...new Set(read())]).toEqual([1, 2, 3, 4]);
    await stop();
  });
});

test('shares differ by one at most and add up to all partitions', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_024 }),
      fc.integer({ min: 1, max: 100 }),
      (all, consumers) => {
        const shares = Array.from({ length: consumers }, (_, place) =>
          fairShare(all, consumers, place),
        );
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(all);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      },
    ),
  );
});
