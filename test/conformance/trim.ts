/** What every implementation of the log does when it is trimmed. */
import { beforeEach, expect, test } from 'vitest';
import type { Leases } from '../../runtime/leases.ts';
import type { EntryId, Fence, Log } from '../../runtime/log.ts';
import { readOn } from './group-reads.ts';
import { group, own } from './log.ts';
import type { OpenStore, Store } from './stores.ts';

const partition = 3;

export function trimConformance(open: OpenStore): void {
  let store: Store;
  let log: Log;
  let leases: Leases;
  beforeEach(async () => {
    store = await open();
    ({ log, leases } = store);
  });

  /** A log with entries of three records each, at 1, 4, 7, 10 …, and its owner. */
  async function filled(groups: number): Promise<Fence> {
    const fence = await own(leases, 'a');
    for (let after = 0; after < 3 * groups; after += 3) await log.append(group(fence, after, 3));
    return fence;
  }
  const at = (position: number, epoch = 1): EntryId => ({ epoch, position });
  const trim = (fence: Fence, before: EntryId, leaveBehind = false) =>
    log.trim({ fence, before, leaveBehind });
  const firsts = async (): Promise<number[]> =>
    (await log.read(partition, 1, 100)).map(({ position }) => position);

  /** Gives a consumer of a group so many entries, epoch markers included, and acknowledges some. */
  async function consume(name: string, count: number, acknowledged: number): Promise<void> {
    const { groupReads } = store;
    const seat = { group: name, partition, consumer: 'one' };
    await groupReads.open(name, partition + 1, 'start');
    await groupReads.hold([seat], 60_000);
    const given = await readOn(groupReads, seat, count);
    if (typeof given === 'string') throw new Error(given);
    await groupReads.acknowledge(name, partition, given.slice(0, acknowledged));
  }

  test('takes out whole entries below one that stays, and again changes nothing', async () => {
    const fence = await filled(4);
    for (let time = 0; time < 2; time++) {
      expect(await trim(fence, at(7))).toEqual({ kind: 'trimmed', first: at(7), behind: [] });
      expect(await firsts()).toEqual([7, 10]);
    }
    expect(await log.entryAt(partition, 6)).toBeUndefined();
    expect((await log.entryAt(partition, 8))?.position).toBe(7);
  });

  test('cuts at entries only: a position inside one is refused, and nothing is taken out', async () => {
    const fence = await filled(3);
    for (const before of [at(5), at(10), at(4, 2)]) {
      expect(await trim(fence, before)).toEqual({ kind: 'diverged' });
    }
    expect(await firsts()).toEqual([1, 4, 7]);
  });

  test('a former owner can take nothing out', async () => {
    const former = await filled(3);
    await own(leases, 'b');
    expect(await trim(former, at(4))).toEqual({ kind: 'fenced' });
    expect(await firsts()).toEqual([1, 4, 7]);
  });

  test('a partition that has lost its log answers diverged', async () => {
    const fence = await filled(2);
    await store.loseLog(partition);
    expect(await trim(fence, at(4))).toEqual({ kind: 'diverged' });
  });

  test('a trimmed log is appended to, taken over and read on as before', async () => {
    const first = await filled(3);
    await trim(first, at(7));
    expect(await log.append(group(first, 9, 3))).toBe('ok');
    const second = await own(leases, 'b');
    expect(await log.append(group(second, 12, 1))).toBe('ok');
    expect(await trim(second, at(13, 2))).toMatchObject({ first: at(13, 2) });
    expect(await firsts()).toEqual([13]);
    expect(await log.read(partition, 13, 10)).toHaveLength(1);
    expect(await leases.epochOf(partition, 2)).toBe(1);
    expect(await leases.epochOf(partition, 13)).toBe(2);
    const third = await own(leases, 'c');
    expect(await log.append(group(third, 13, 1))).toBe('ok');
  });

  test('stays for a consumer group from what it has not acknowledged', async () => {
    const fence = await filled(4);
    // The marker of the epoch, 1 and 4 are delivered; 4 is not acknowledged.
    await consume('slow', 3, 2);
    expect(await trim(fence, at(10))).toEqual({ kind: 'trimmed', first: at(4), behind: ['slow'] });
    expect(await firsts()).toEqual([4, 7, 10]);
  });

  test('stays for the slowest of the groups, and from what was not delivered yet', async () => {
    const fence = await filled(4);
    await consume('slow', 2, 2);
    await consume('slower', 1, 1);
    await consume('fast', 5, 5);
    expect(await trim(fence, at(10))).toEqual({
      kind: 'trimmed',
      first: at(1),
      behind: ['slow', 'slower'],
    });
    expect(await firsts()).toEqual([1, 4, 7, 10]);
    await consume('slower', 5, 5);
    expect(await trim(fence, at(10))).toEqual({ kind: 'trimmed', first: at(4), behind: ['slow'] });
    await consume('slow', 5, 5);
    expect(await trim(fence, at(10))).toEqual({ kind: 'trimmed', first: at(10), behind: [] });
  });

  test('stays for a group that has not read anything', async () => {
    const fence = await filled(2);
    await store.groupReads.open('new', partition + 1, 'start');
    expect(await trim(fence, at(4))).toMatchObject({ behind: ['new'] });
    expect(await firsts()).toEqual([1, 4]);
  });

  test('goes on without a group that is to be left behind, which then reads what there is', async () => {
    const fence = await filled(4);
    await consume('slow', 3, 1);
    const trimmed = { kind: 'trimmed', first: at(10), behind: ['slow'] };
    expect(await trim(fence, at(10), true)).toEqual(trimmed);
    expect(await firsts()).toEqual([10]);
    const { groupReads } = store;
    const seat = { group: 'slow', partition, consumer: 'one' };
    const missing = await groupReads.unacknowledged(seat, undefined, 10);
    expect(missing).toEqual([1, 4].map((position) => ({ ...at(position), n: 0, records: '' })));
    expect(await readOn(groupReads, seat, 10)).toMatchObject([at(10)]);
  });

  test('does not stay for what a group has not acknowledged and has lost already', async () => {
    const fence = await filled(5);
    await consume('slow', 2, 1);
    await trim(fence, at(4), true);
    // 4 and 7 are delivered and acknowledged; 1 never will be.
    await consume('slow', 2, 2);
    expect(await trim(fence, at(13))).toEqual({ kind: 'trimmed', first: at(10), behind: ['slow'] });
    await consume('slow', 2, 2);
    expect(await trim(fence, at(13))).toEqual({ kind: 'trimmed', first: at(13), behind: [] });
  });

  test('a group that begins at the start begins with the first entry that is left', async () => {
    const fence = await filled(4);
    await trim(fence, at(7));
    const seat = { group: 'late', partition, consumer: 'one' };
    await store.groupReads.open('late', partition + 1, 'start');
    await store.groupReads.hold([seat], 60_000);
    expect(await readOn(store.groupReads, seat, 10)).toMatchObject([at(7), at(10)]);
  });
}
