/** What every implementation of the consumer groups does. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { GroupReads, Seat } from '../../runtime/group-reads.ts';
import type { Entry, Fence } from '../../runtime/log.ts';
import { group, own } from './log.ts';
import type { OpenStore, Store } from './stores.ts';

const partition = 3;
const partitions = 4;
const seatMs = 30;

const seat = (consumer: string, name = 'g'): Seat => ({ group: name, partition, consumer });
const id = ({ epoch, position }: Pick<Entry, 'epoch' | 'position'>): string =>
  `${epoch}-${position}`;

/** What comes next, wherever the group is. */
export async function readOn(
  reads: GroupReads,
  reading: Seat,
  count: number,
): Promise<readonly Entry[] | 'lost' | 'moved'> {
  const { delivered } = await reads.tops(reading.group, reading.partition);
  return reads.next(reading, delivered, count);
}

export function groupReadsConformance(open: OpenStore): void {
  let store: Store;
  let reads: GroupReads;
  let fence: Fence;
  let top: number;
  beforeEach(async () => {
    store = await open();
    reads = store.groupReads;
    fence = await own(store.leases, 'a');
    top = 0;
  });

  const append = async (...sizes: number[]): Promise<void> => {
    for (const n of sizes) {
      expect(await store.log.append(group(fence, top, n))).toBe('ok');
      top += n;
    }
  };
  const take = (consumer: string, ttlMs = 60_000) => reads.hold([seat(consumer)], ttlMs);
  const nextOf = (reading: Seat, count: number) => readOn(reads, reading, count);
  const ids = (entries: readonly Entry[] | 'lost' | 'moved') =>
    typeof entries === 'string' ? entries : entries.map(id);

  describe('a group', () => {
    test('is given every entry once, in order, epoch markers included', async () => {
      await append(2, 3);
      await reads.open('g', partitions, 'start');
      await take('one');
      expect(ids(await nextOf(seat('one'), 2))).toEqual(['1-0', '1-1']);
      const [last] = await store.log.read(partition, 3, 1);
      expect(await nextOf(seat('one'), 2)).toEqual([last]);
      expect(await nextOf(seat('one'), 2)).toEqual([]);
      await append(1);
      expect(ids(await nextOf(seat('one'), 2))).toEqual(['1-6']);
    });

    test('may begin with what comes after it, and opened again stays where it is', async () => {
      await append(2);
      await reads.open('g', partitions, 'now');
      await append(1);
      await reads.open('g', partitions, 'now');
      await reads.open('g', partitions, 'start');
      await take('one');
      expect(ids(await nextOf(seat('one'), 9))).toEqual(['1-3']);
    });

    test('can wait for a partition that nobody has owned yet', async () => {
      await reads.open('g', partitions, 'start');
      const empty = { ...seat('one'), partition: 0 };
      await reads.hold([empty], 60_000);
      expect(await nextOf(empty, 9)).toEqual([]);
      const claim = { partition: 0, nonce: 'n', host: 'h', group: 'q', leaseMs: 60_000 };
      expect(await store.leases.acquire(claim)).toMatchObject({
        kind: 'acquired',
        epoch: 1,
        top: 0,
      });
      expect(ids(await nextOf(empty, 9))).toEqual(['1-0']);
    });

    test('repeats what is not acknowledged, to whoever has the seat, and nothing else', async () => {
      await append(1, 1, 1, 1);
      await reads.open('g', partitions, 'start');
      await take('one');
      const read = await nextOf(seat('one'), 4);
      if (typeof read === 'string') throw new Error(read);
      await reads.acknowledge('g', partition, read.slice(1, 2));
      await reads.acknowledge('g', partition, []);
      await reads.release(seat('one'));
      await take('two');
      expect(ids(await reads.unacknowledged(seat('two'), undefined, 2))).toEqual(['1-0', '1-2']);
      expect(ids(await reads.unacknowledged(seat('two'), { epoch: 1, position: 2 }, 9))).toEqual([
        '1-3',
      ]);
      expect(ids(await nextOf(seat('two'), 9))).toEqual(['1-4']);
      await reads.acknowledge('g', partition, [...read, { epoch: 1, position: 4 }]);
      expect(await reads.unacknowledged(seat('two'), undefined, 9)).toEqual([]);
    });

    test('is given nothing by a call that lands late, or that does not know how far it is', async () => {
      await append(1, 1, 1, 1);
      await reads.open('g', partitions, 'start');
      await take('one');
      const start = { epoch: 0, position: 0 };
      const first = { epoch: 1, position: 0 };
      const second = { epoch: 1, position: 2 };
      expect(await reads.next(seat('one'), { epoch: 1, position: 1 }, 2)).toBe('moved');
      expect(ids(await reads.next(seat('one'), start, 1))).toEqual(['1-0']);
      expect(await reads.next(seat('one'), start, 1)).toBe('moved');
      expect(ids(await reads.next(seat('one'), first, 2))).toEqual(['1-1', '1-2']);
      for (const late of [start, first])
        expect(await reads.next(seat('one'), late, 2)).toBe('moved');
      expect(ids(await reads.unacknowledged(seat('one'), undefined, 9))).toEqual([
        '1-0',
        '1-1',
        '1-2',
      ]);
      expect(ids(await reads.next(seat('one'), second, 9))).toEqual(['1-3', '1-4']);
    });

    test('is where it was when nothing came, and when its log was trimmed beyond that', async () => {
      await append(1, 1, 1);
      await reads.open('g', partitions, 'start');
      await take('one');
      const last = { epoch: 1, position: 3 };
      expect(ids(await nextOf(seat('one'), 2))).toEqual(['1-0', '1-1']);
      await store.log.trim({ fence, before: last, leaveBehind: true });
      expect(ids(await reads.next(seat('one'), { epoch: 1, position: 1 }, 9))).toEqual(['1-3']);
      for (let time = 0; time < 2; time++)
        expect(await reads.next(seat('one'), last, 9)).toEqual([]);
      await append(1);
      expect(ids(await reads.next(seat('one'), last, 9))).toEqual(['1-4']);
    });

    test('keeps apart from other groups', async () => {
      await append(1);
      await reads.open('g', partitions, 'start');
      await reads.open('h', partitions, 'start');
      await take('one');
      await reads.hold([seat('one', 'h')], 60_000);
      expect(await nextOf(seat('one'), 9)).toHaveLength(2);
      expect(await nextOf(seat('one', 'h'), 9)).toHaveLength(2);
    });

    test('still knows of what has left the log, which comes without records', async () => {
      await append(2);
      await reads.open('g', partitions, 'start');
      await take('one');
      await nextOf(seat('one'), 9);
      await store.loseTail(partition);
      const gone = { epoch: 1, position: 1, n: 0, records: '' };
      expect(await reads.unacknowledged(seat('one'), { epoch: 1, position: 0 }, 9)).toEqual([gone]);
    });

    test('removed and opened again begins anew', async () => {
      await append(1);
      await reads.open('g', partitions, 'start');
      await take('one');
      await nextOf(seat('one'), 9);
      await reads.remove('g', partitions);
      await reads.remove('g', partitions);
      await expect(nextOf(seat('one'), 9)).rejects.toThrow('g');
      await reads.open('g', partitions, 'start');
      await take('one');
      expect(await reads.unacknowledged(seat('one'), undefined, 9)).toEqual([]);
      expect(await nextOf(seat('one'), 9)).toHaveLength(2);
    });

    test('knows how far it is, and how far the log', async () => {
      await append(2);
      await reads.open('g', partitions, 'start');
      const none = { epoch: 0, position: 0 };
      expect(await reads.tops('g', 0)).toMatchObject({ log: none, delivered: none });
      await take('one');
      await nextOf(seat('one'), 9);
      await append(1);
      const expected = { log: { epoch: 1, position: 3 }, delivered: { epoch: 1, position: 1 } };
      expect(await reads.tops('g', partition)).toMatchObject(expected);
    });
  });

  describe('a seat', () => {
    beforeEach(() => reads.open('g', partitions, 'start'));

    test('is held by one consumer, until it is released', async () => {
      expect(await take('one')).toEqual(['taken']);
      expect(await take('one')).toEqual(['kept']);
      expect(await take('two')).toEqual(['refused']);
      await reads.release(seat('two'));
      expect(await reads.holders('g', partitions)).toEqual([
        undefined,
        undefined,
        undefined,
        'one',
      ]);
      await reads.release(seat('one'));
      expect(await take('two')).toEqual(['taken']);
      expect(await reads.hold([], 60_000)).toEqual([]);
    });

    test('falls to another when its holder is silent', async () => {
      await take('one', seatMs);
      await store.elapse(seatMs + 1);
      expect(await reads.holders('g', partitions)).toEqual(Array(partitions).fill(undefined));
      expect(await take('one', seatMs)).toEqual(['taken']);
      await store.elapse(seatMs + 1);
      expect(await take('two')).toEqual(['taken']);
    });

    test('is needed to read: without it nothing is delivered', async () => {
      await append(1);
      expect(await nextOf(seat('one'), 9)).toBe('lost');
      await take('two');
      expect(await nextOf(seat('one'), 9)).toBe('lost');
      expect(await reads.next(seat('one'), { epoch: 1, position: 1 }, 9)).toBe('lost');
      expect(await reads.unacknowledged(seat('one'), undefined, 9)).toBe('lost');
      expect(await nextOf(seat('two'), 9)).toHaveLength(2);
    });
  });

  test('consumers are known, in order of name, while they say so', async () => {
    await reads.present('g', 'b', 60_000);
    await reads.present('g', 'c', seatMs);
    await reads.present('h', 'd', 60_000);
    expect(await reads.present('g', 'a', 60_000)).toEqual(['a', 'b', 'c']);
    await store.elapse(seatMs);
    expect(await reads.present('g', 'a', 60_000)).toEqual(['a', 'b']);
    await reads.leave('g', 'b');
    expect(await reads.present('g', 'a', 60_000)).toEqual(['a']);
  });
}
