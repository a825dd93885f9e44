/** What every implementation of the leases does. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Claim, Leases } from '../../runtime/leases.ts';
import type { Fence, Log } from '../../runtime/log.ts';
import { group, own } from './log.ts';
import type { OpenStore, Store } from './stores.ts';

const partition = 3;
const leaseMs = 150;

const claim = (nonce: string, ms = 60_000): Claim => ({
  partition,
  nonce,
  host: `host-of-${nonce}`,
  group: `group-of-${nonce}`,
  leaseMs: ms,
});

export function leasesConformance(open: OpenStore): void {
  let store: Store;
  let leases: Leases;
  let log: Log;
  beforeEach(async () => {
    store = await open();
    ({ leases, log } = store);
  });

  const ownerNow = async () => (await leases.owners(partition + 1)).owners[partition];

  describe('acquire', () => {
    test('takes a partition that nobody ever had, from epoch 1', async () => {
      expect(await leases.acquire(claim('a'))).toEqual({
        kind: 'acquired',
        epoch: 1,
        top: 0,
        published: 0,
      });
    });

    test('leaves another its partition while the lease runs, and takes it afterwards', async () => {
      await leases.acquire(claim('a', leaseMs));
      expect(await leases.acquire(claim('b'))).toEqual({ kind: 'held', host: 'host-of-a' });
      await store.elapse(leaseMs);
      expect(await leases.acquire(claim('b'))).toMatchObject({ kind: 'acquired', epoch: 2 });
      expect(await leases.acquire(claim('a'))).toEqual({ kind: 'held', host: 'host-of-b' });
    });

    test('gives the same nonce a new epoch while its lease runs', async () => {
      await leases.acquire(claim('a'));
      expect(await leases.acquire(claim('a'))).toMatchObject({ kind: 'acquired', epoch: 2 });
    });

    test('tells where the log ends and how far events are published', async () => {
      const fence = await own(leases, 'a');
      await log.append(group(fence, 0, 5));
      await leases.renew([{ fence, published: 4 }], leaseMs);
      await store.elapse(leaseMs);
      expect(await leases.acquire(claim('b'))).toEqual({
        kind: 'acquired',
        epoch: 2,
        top: 5,
        published: 4,
      });
      expect(await leases.acquire(claim('b'))).toEqual({
        kind: 'acquired',
        epoch: 3,
        top: 5,
        published: 4,
      });
    });

    test('of many at the same time exactly one succeeds', async () => {
      const claims = Array.from({ length: 20 }, (_, i) => leases.acquire(claim(`n${i}`)));
      const kinds = (await Promise.all(claims)).map((outcome) => outcome.kind);
      expect(kinds.filter((kind) => kind === 'acquired')).toHaveLength(1);
      expect(kinds.filter((kind) => kind === 'held')).toHaveLength(19);
    });

    test('a log that is shorter than its owner knew is taken to be halted, and left as it is', async () => {
      const fence = await own(leases, 'a');
      await log.append(group(fence, 0, 2));
      await log.append(group(fence, 2, 3));
      await leases.release({ fence, published: 0 });
      await store.loseTail(partition);
      const lost = { kind: 'lost-tail', known: 5, found: 2, epoch: 2 };
      expect(await leases.acquire(claim('b'))).toEqual(lost);
      expect(await ownerNow()).toMatchObject({ epoch: 2, nonce: 'b', top: 5 });
      expect(await leases.acquire(claim('c'))).toMatchObject({ kind: 'held' });
      expect(await log.append(group({ partition, epoch: 2, nonce: 'b' }, 2, 1))).toBe('diverged');
      expect(await store.newest(partition)).toMatchObject({ epoch: 1, position: 1 });
    });

    test('refuses a log that is gone although it held records', async () => {
      const fence = await own(leases, 'a');
      await log.append(group(fence, 0, 2));
      await leases.release({ fence, published: 0 });
      await store.loseLog(partition);
      expect(await leases.acquire(claim('b'))).toEqual({
        kind: 'lost-tail',
        known: 2,
        found: 0,
        epoch: 2,
      });
    });
  });

  describe('renew', () => {
    test('extends the lease of whoever owns, even after its end, and of nobody else', async () => {
      const former = await own(leases, 'a');
      const present = await own(leases, 'b');
      const elsewhere: Fence = { ...present, partition: partition + 1 };
      const renewals = [former, present, elsewhere].map((fence) => ({ fence, published: 0 }));
      expect(await leases.renew(renewals, leaseMs)).toEqual(['fenced', 'ok', 'fenced']);
      await store.elapse(leaseMs);
      expect(await leases.renew([{ fence: present, published: 0 }], 60_000)).toEqual(['ok']);
      expect(await leases.acquire(claim('c'))).toMatchObject({ kind: 'held' });
      expect(await leases.renew([], leaseMs)).toEqual([]);
    });

    test('the published position never goes back', async () => {
      const fence = await own(leases, 'a');
      for (const published of [2, 10, 9]) await leases.renew([{ fence, published }], leaseMs);
      await leases.release({ fence, published: 1 });
      expect(await leases.acquire(claim('b'))).toMatchObject({ published: 10 });
    });
  });

  test('release frees a partition at once, and only its owner can', async () => {
    const former = await own(leases, 'a');
    const present = await own(leases, 'b');
    expect(await leases.release({ fence: former, published: 0 })).toBe('fenced');
    expect(await leases.acquire(claim('c'))).toMatchObject({ kind: 'held' });
    expect(await leases.release({ fence: present, published: 0 })).toBe('ok');
    expect(await leases.release({ fence: present, published: 0 })).toBe('fenced');
    expect(await ownerNow()).toMatchObject({ epoch: 2, until: 0, host: 'host-of-b' });
    expect(await leases.acquire(claim('c'))).toMatchObject({ kind: 'acquired', epoch: 3 });
  });

  test('owners gives every record, and the time by which its lease is to be judged', async () => {
    const fence = await own(leases, 'x');
    await leases.release({ fence, published: 0 });
    await leases.acquire(claim('a', 5_000));
    const fenceOfA: Fence = { partition, epoch: 2, nonce: 'a' };
    await log.append(group(fenceOfA, 0, 7));
    const { now, owners } = await leases.owners(partition + 2);
    expect(owners).toHaveLength(partition + 2);
    expect(owners[0]).toBeUndefined();
    expect(owners[partition]).toEqual({
      epoch: 2,
      nonce: 'a',
      host: 'host-of-a',
      group: 'group-of-a',
      top: 7,
      published: 0,
      checkpoint: 0,
      until: expect.any(Number) as number,
    });
    const left = (owners[partition]?.until ?? 0) - now;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(5_000);
  });

  describe('a hand-over', () => {
    const heir = { host: 'host-of-b', nonce: 'b', leaseMs: 60_000 };
    const byB: Fence = { partition, epoch: 2, nonce: 'b' };

    test('gives the next epoch to the successor, in the same queue group, with all that is known', async () => {
      const fence = await own(leases, 'a');
      await log.append(group(fence, 0, 5));
      await log.saveCheckpoint(fence, { text: '{}', position: 3, drop: [] });
      expect(await leases.handOver({ fence, published: 4 }, heir, 'g')).toBe('ok');
      const { until, ...record } = (await leases.ownerOf(partition)) ?? { until: 0 };
      const names = { nonce: 'b', host: 'host-of-b', group: 'g' };
      expect(record).toEqual({ epoch: 2, ...names, top: 5, published: 4, checkpoint: 3 });
      expect(until).toBeGreaterThan((await leases.owners(1)).now);
      expect(await store.newest(partition)).toEqual({ epoch: 2, position: 5, n: 0, records: '' });
      expect(await log.append(group(fence, 5, 1))).toBe('fenced');
      expect(await log.append(group(byB, 5, 1))).toBe('ok');
      expect(await leases.epochOf(partition, 6)).toBe(2);
    });

    test('that is sent again changes nothing, also when the successor has gone on', async () => {
      const fence = await own(leases, 'a');
      const renewal = { fence, published: 0 };
      await leases.handOver(renewal, heir, 'g');
      await log.append(group(byB, 0, 2));
      const before = await leases.ownerOf(partition);
      expect(await leases.handOver(renewal, heir, 'g')).toBe('ok');
      expect(await leases.ownerOf(partition)).toEqual(before);
      expect(await store.newest(partition)).toMatchObject({ epoch: 2, position: 1 });
    });

    test('that lands when the owner has opened another queue group gives nothing away', async () => {
      const fence = await own(leases, 'a');
      await leases.regroup(fence, { from: 'g', to: 'other' });
      expect(await leases.handOver({ fence, published: 0 }, heir, 'g')).toBe('fenced');
      expect(await leases.ownerOf(partition)).toMatchObject({ epoch: 1, nonce: 'a' });
      expect(await log.append(group(fence, 0, 1))).toBe('ok');
    });

    test('is refused to who does not own, and where the log is gone', async () => {
      const former = await own(leases, 'a');
      const fence = await own(leases, 'c');
      expect(await leases.handOver({ fence: former, published: 0 }, heir, 'g')).toBe('fenced');
      await store.loseLog(partition);
      expect(await leases.handOver({ fence, published: 0 }, heir, 'g')).toBe('diverged');
      expect(await leases.ownerOf(partition)).toMatchObject({ epoch: 2, nonce: 'c' });
    });
  });

  test('regroup names another queue group, for the owner alone', async () => {
    const former = await own(leases, 'a');
    const fence = await own(leases, 'b');
    expect(await leases.regroup(former, { from: 'g', to: 'other' })).toBe('fenced');
    expect(await leases.ownerOf(partition)).toMatchObject({ group: 'g' });
    expect(await leases.regroup(fence, { from: 'g', to: 'other' })).toBe('ok');
    expect(await leases.regroup(fence, { from: 'g', to: 'other' })).toBe('ok');
    expect(await leases.ownerOf(partition)).toMatchObject({ group: 'other', epoch: 2 });
    expect(await leases.ownerOf(partition + 1)).toBeUndefined();
  });

  test('regroup that lands when the owner has named yet another group changes nothing', async () => {
    const fence = await own(leases, 'a');
    await leases.regroup(fence, { from: 'g', to: 'one' });
    await leases.regroup(fence, { from: 'one', to: 'two' });
    expect(await leases.regroup(fence, { from: 'g', to: 'one' })).toBe('fenced');
    expect(await leases.ownerOf(partition)).toMatchObject({ group: 'two', epoch: 1 });
  });

  test('epochOf names the epoch that wrote a position, through epochs that wrote nothing', async () => {
    expect(await leases.epochOf(partition, 1)).toBeUndefined();
    const first = await own(leases, 'a');
    await log.append(group(first, 0, 2));
    expect(await leases.epochOf(partition, 2)).toBe(1);
    expect(await leases.epochOf(partition, 3)).toBeUndefined();
    await own(leases, 'b');
    const third = await own(leases, 'c');
    await log.append(group(third, 2, 1));
    const found = await Promise.all(
      [0, 1, 2, 3, 4].map((position) => leases.epochOf(partition, position)),
    );
    expect(found).toEqual([undefined, 1, 1, 3, undefined]);
  });

  describe('heartbeats', () => {
    test('tell who lives, in order of name, until they stop', async () => {
      await leases.heartbeat('b', 60_000);
      await leases.heartbeat('c', leaseMs);
      expect((await leases.heartbeat('a', 60_000)).hosts).toEqual(['a', 'b', 'c']);
      const { now } = await leases.heartbeat('a', 60_000);
      await store.elapse(leaseMs);
      const later = await leases.heartbeat('a', 60_000);
      expect(later.hosts).toEqual(['a', 'b']);
      expect(later.now - now).toBeGreaterThanOrEqual(leaseMs);
    });

    test('are told with the owners too', async () => {
      await leases.heartbeat('b', 60_000);
      await leases.heartbeat('a', leaseMs);
      expect((await leases.owners(1)).hosts).toEqual(['a', 'b']);
      await store.elapse(leaseMs);
      expect((await leases.owners(1)).hosts).toEqual(['b']);
    });

    test('a host that departs is gone at once', async () => {
      await leases.heartbeat('a', 60_000);
      await leases.depart('a');
      expect((await leases.heartbeat('b', 60_000)).hosts).toEqual(['b']);
    });
  });

  test('settle keeps the settings of whoever came first', async () => {
    const settings = (id: string) => ({
      id,
      partitions: 8,
      scales: { byAsset: { USD: 2 }, others: 8 },
    });
    expect(await leases.settle(settings('one'))).toEqual(settings('one'));
    expect(await leases.settle({ ...settings('two'), partitions: 16 })).toEqual(settings('one'));
  });
}
