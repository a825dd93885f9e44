/** What every implementation of the log does. */
import { beforeEach, describe, expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { Leases } from '../../runtime/leases.ts';
import type { DeadLetter, Fence, Group, Log, Snapshot } from '../../runtime/log.ts';
import type { OpenStore, Store } from './stores.ts';

const partition = 3;

/** Takes the partition over, whoever has it. */
export async function own(leases: Leases, nonce: string): Promise<Fence> {
  const { owners } = await leases.owners(partition + 1);
  const owner = owners[partition];
  if (owner) await leases.release({ fence: { partition, ...owner }, published: 0 });
  const claim = { partition, nonce, host: `host-of-${nonce}`, group: 'g', leaseMs: 60_000 };
  const acquired = await leases.acquire(claim);
  if (acquired.kind !== 'acquired') throw new Error(`not acquired: ${acquired.kind}`);
  return { partition, epoch: acquired.epoch, nonce };
}

/** A group of `n` records, each telling its position. */
export function group(
  fence: Fence,
  after: number,
  n: number,
  token = `${fence.nonce}:${after}`,
): Group {
  const records = Array.from({ length: n }, (_, i) => `{"position":${after + 1 + i}}`);
  return { fence, after, n, token, records: `[${records.join(',\n')}]` };
}

const snapshot = (version: number, state = `{"at":${version}}`): Snapshot => ({
  actor: 'account/alice',
  version,
  position: version + 10,
  hash: `hash-${version}`,
  state,
});

const letter = (epoch: number, position: number): DeadLetter => ({
  at: { epoch, position },
  time: 1_795_000_000_000,
  actor: actorKey('account', 'alice'),
  version: 4,
  stateHash: 'hash-4',
  id: '',
  payload: '{"name":"withdraw","body":{}}',
  error: 'Error: "no"\n    at decide',
  trace: '',
});

export function logConformance(open: OpenStore): void {
  let store: Store;
  let log: Log;
  let leases: Leases;
  beforeEach(async () => {
    store = await open();
    ({ log, leases } = store);
  });

  describe('append', () => {
    test('puts groups one after the other, each readable as it was written', async () => {
      const fence = await own(leases, 'a');
      const groups = [group(fence, 0, 3), group(fence, 3, 1), group(fence, 4, 2)];
      for (const each of groups) expect(await log.append(each)).toBe('ok');
      expect(await log.read(partition, 1, 10)).toEqual(
        groups.map(({ after, n, records }) => ({
          epoch: fence.epoch,
          position: after + 1,
          n,
          records,
        })),
      );
    });

    test('answers a repeat of the newest group with already, and writes nothing', async () => {
      const fence = await own(leases, 'a');
      await log.append(group(fence, 0, 2));
      expect(await log.append(group(fence, 0, 2))).toBe('already');
      expect(await log.read(partition, 1, 10)).toHaveLength(1);
    });

    test('answers another group at the same place with diverged, and writes nothing', async () => {
      const fence = await own(leases, 'a');
      await log.append(group(fence, 0, 2));
      expect(await log.append(group(fence, 0, 2, 'another'))).toBe('diverged');
      expect(await log.append(group(fence, 1, 1))).toBe('diverged');
      expect(await log.append(group(fence, 7, 1))).toBe('diverged');
      expect(await log.read(partition, 1, 10)).toHaveLength(1);
    });

    test('fences a former owner, also when it repeats a group that was written', async () => {
      const former = await own(leases, 'a');
      await log.append(group(former, 0, 2));
      const present = await own(leases, 'b');
      expect(await log.append(group(former, 0, 2))).toBe('fenced');
      expect(await log.append(group(former, 2, 1))).toBe('fenced');
      expect(await log.append(group(present, 2, 1))).toBe('ok');
    });

    test('fences the same nonce under its earlier epoch', async () => {
      const former = await own(leases, 'a');
      const present = await own(leases, 'a');
      expect(present.epoch).toBe(former.epoch + 1);
      expect(await log.append(group(former, 0, 1))).toBe('fenced');
      expect(await log.append(group(present, 0, 1))).toBe('ok');
    });

    test('fences whoever has released, even before another has acquired', async () => {
      const fence = await own(leases, 'a');
      await leases.release({ fence, published: 0 });
      expect(await log.append(group(fence, 0, 1))).toBe('fenced');
    });

    test('fences everybody while a partition has no owner', async () => {
      expect(await log.append(group({ partition, epoch: 1, nonce: 'a' }, 0, 1))).toBe('fenced');
      expect(await store.newest(partition)).toBeUndefined();
    });

    test('answers diverged when the log is gone', async () => {
      const fence = await own(leases, 'a');
      await store.loseLog(partition);
      expect(await log.append(group(fence, 0, 1))).toBe('diverged');
      expect(await store.newest(partition)).toBeUndefined();
    });
  });

  test('check tells which fences still hold', async () => {
    const former = await own(leases, 'a');
    const present = await own(leases, 'b');
    const elsewhere = { ...present, partition: partition + 1 };
    expect(await log.check([former, present, elsewhere])).toEqual([false, true, false]);
    expect(await log.check([])).toEqual([]);
  });

  describe('reading', () => {
    test('begins with the group that holds the position, wherever in it that lies', async () => {
      const fence = await own(leases, 'a');
      for (const [after, n] of [
        [0, 3],
        [3, 3],
        [6, 3],
      ] as const)
        await log.append(group(fence, after, n));
      const firsts = async (position: number, count: number) =>
        (await log.read(partition, position, count)).map((entry) => entry.position);
      expect(await firsts(5, 10)).toEqual([4, 7]);
      expect(await firsts(4, 1)).toEqual([4]);
      expect(await firsts(6, 1)).toEqual([4]);
      expect(await firsts(9, 10)).toEqual([7]);
      expect(await firsts(10, 10)).toEqual([]);
    });

    test('passes over epochs, also those that wrote nothing, and leaves their markers out', async () => {
      const first = await own(leases, 'a');
      await log.append(group(first, 0, 2));
      // A reader that has seen the first epoch must still find what later ones wrote.
      expect(await log.read(partition, 1, 10)).toHaveLength(1);
      for (const nonce of ['b', 'c', 'd']) await own(leases, nonce);
      const last = await own(leases, 'e');
      await log.append(group(last, 2, 2));
      const found = async (position: number, count: number) =>
        (await log.read(partition, position, count)).map(
          (entry) => `${entry.epoch}-${entry.position}`,
        );
      expect(await found(1, 10)).toEqual(['1-1', '5-3']);
      expect(await found(3, 1)).toEqual(['5-3']);
      expect(await found(4, 1)).toEqual(['5-3']);
      expect(await found(2, 1)).toEqual(['1-1']);
    });

    test('finds nothing in a partition that never had an owner', async () => {
      expect(await log.read(partition, 1, 10)).toEqual([]);
      expect(await log.entryAt(partition, 1)).toBeUndefined();
      expect(await store.newest(partition)).toBeUndefined();
    });

    test('entryAt gives the group around a position, and nothing beyond the top', async () => {
      const first = await own(leases, 'a');
      await log.append(group(first, 0, 2));
      expect(await log.entryAt(partition, 3)).toBeUndefined();
      const second = await own(leases, 'b');
      await log.append(group(second, 2, 3));
      expect((await log.entryAt(partition, 2))?.position).toBe(1);
      expect((await log.entryAt(partition, 4))?.position).toBe(3);
      expect(await log.entryAt(partition, 6)).toBeUndefined();
      expect(await log.entryAt(partition, 0)).toBeUndefined();
    });

    test('acquiring and appending each add one entry: a marker, a group', async () => {
      const fence = await own(leases, 'a');
      expect(await store.newest(partition)).toEqual({ epoch: 1, position: 0, n: 0, records: '' });
      await log.append(group(fence, 0, 2));
      expect(await store.newest(partition)).toMatchObject({ epoch: 1, position: 1, n: 2 });
      await own(leases, 'b');
      expect(await store.newest(partition)).toEqual({ epoch: 2, position: 2, n: 0, records: '' });
    });
  });

  describe('snapshots', () => {
    test('the newest version stays, whatever comes after it', async () => {
      const fence = await own(leases, 'a');
      await log.saveSnapshots(fence, [snapshot(2), { ...snapshot(1), actor: 'account/bob' }]);
      expect(await log.saveSnapshots(fence, [snapshot(1), snapshot(2, '"other"')])).toBe('ok');
      expect(
        await log.loadSnapshots(partition, ['account/alice', 'account/carol', 'account/bob']),
      ).toEqual([snapshot(2), undefined, { ...snapshot(1), actor: 'account/bob' }]);
      await log.saveSnapshots(fence, [snapshot(10)]);
      expect(await log.loadSnapshots(partition, ['account/alice'])).toEqual([snapshot(10)]);
      expect(await log.loadSnapshots(partition, [])).toEqual([]);
    });

    test('large ones come back whole and give way to newer ones, small or large', async () => {
      const fence = await own(leases, 'a');
      const large = (version: number) =>
        snapshot(version, JSON.stringify(`é${version}`.repeat(400_000)));
      const others = Array.from({ length: 1_200 }, (_, i) => ({
        ...snapshot(1),
        actor: `account/${i}`,
      }));
      for (const next of [large(1), large(2), snapshot(3), large(4), large(3)]) {
        expect(await log.saveSnapshots(fence, [...others, next])).toBe('ok');
      }
      expect(await log.loadSnapshots(partition, ['account/alice'])).toEqual([large(4)]);
      expect(await log.loadSnapshots(partition, ['account/1199'])).toEqual([others[1_199]]);
    });

    test('a former owner cannot write any, neither small nor large', async () => {
      const former = await own(leases, 'a');
      await own(leases, 'b');
      expect(await log.saveSnapshots(former, [snapshot(1)])).toBe('fenced');
      expect(await log.saveSnapshots(former, [snapshot(1, '"x"'.repeat(200_000))])).toBe('fenced');
      expect(await log.loadSnapshots(partition, ['account/alice'])).toEqual([undefined]);
    });
  });

  describe('checkpoints', () => {
    test('two generations are kept, newest first, and a repeat pushes neither out', async () => {
      const fence = await own(leases, 'a');
      expect(await log.loadCheckpoints(partition)).toEqual([]);
      for (const text of ['one', 'two', 'three', 'three']) {
        expect(await log.saveCheckpoint(fence, { text, position: 1, drop: [] })).toBe('ok');
      }
      expect(await log.loadCheckpoints(partition)).toEqual(['three', 'two']);
    });

    test('one that lands late, behind a later one, is left out with its segments', async () => {
      const fence = await own(leases, 'a');
      const one = {
        text: 'one',
        position: 1,
        add: { name: 's1', bytes: Uint8Array.of(1) },
        drop: [],
      };
      await log.saveCheckpoint(fence, one);
      await log.saveCheckpoint(fence, { text: 'two', position: 2, drop: [] });
      await log.saveCheckpoint(fence, { text: 'three', position: 3, drop: ['s1'] });
      expect(await log.saveCheckpoint(fence, one)).toBe('ok');
      expect(await log.loadCheckpoints(partition)).toEqual(['three', 'two']);
      expect(await log.loadSegments(partition, ['s1'])).toEqual([undefined]);
      expect(await leases.ownerOf(partition)).toMatchObject({ checkpoint: 3 });
    });

    test('one above the top that the next owner finds keeps no later one out', async () => {
      const former = await own(leases, 'a');
      await log.append(group(former, 0, 2));
      await log.saveCheckpoint(former, { text: 'above', position: 9, drop: [] });
      const fence = await own(leases, 'b');
      expect(await leases.ownerOf(partition)).toMatchObject({ checkpoint: 2 });
      await log.saveCheckpoint(fence, { text: 'later', position: 2, drop: [] });
      expect(await log.loadCheckpoints(partition)).toEqual(['later', 'above']);
    });

    test('segments are added and dropped with them, byte for byte', async () => {
      const fence = await own(leases, 'a');
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      await log.saveCheckpoint(fence, {
        text: 'one',
        position: 1,
        add: { name: 's1', bytes },
        drop: [],
      });
      await log.saveCheckpoint(fence, {
        text: 'two',
        position: 2,
        add: { name: 's2', bytes },
        drop: ['s1', 's0'],
      });
      const [s1, s2] = await log.loadSegments(partition, ['s1', 's2']);
      expect(s1).toBeUndefined();
      expect(Uint8Array.from(s2 ?? [])).toEqual(bytes);
      expect(await log.loadSegments(partition, [])).toEqual([]);
    });

    test('a former owner can write neither checkpoint nor dead letter', async () => {
      const former = await own(leases, 'a');
      await own(leases, 'b');
      expect(await log.saveCheckpoint(former, { text: 'one', position: 1, drop: [] })).toBe(
        'fenced',
      );
      expect(await log.addDeadLetter(former, letter(1, 7), 10)).toBe('fenced');
      expect(await log.deadLetter(partition, { epoch: 1, position: 7 })).toBeUndefined();
      expect(await log.loadCheckpoints(partition)).toEqual([]);
    });
  });

  describe('dead letters', () => {
    test('are read as they were written, by the address of their record', async () => {
      const fence = await own(leases, 'a');
      expect(await log.addDeadLetter(fence, letter(1, 7), 10)).toBe('ok');
      expect(await log.deadLetter(partition, { epoch: 1, position: 7 })).toEqual(letter(1, 7));
      expect(await log.deadLetter(partition, { epoch: 1, position: 6 })).toBeUndefined();
    });

    test('written again change nothing, also after later ones', async () => {
      const fence = await own(leases, 'a');
      for (const each of [letter(1, 7), letter(2, 9), letter(2, 9), letter(1, 7), letter(2, 8)])
        expect(await log.addDeadLetter(fence, each, 10)).toBe('ok');
      expect(await log.deadLetter(partition, { epoch: 1, position: 7 })).toEqual(letter(1, 7));
      expect(await log.deadLetter(partition, { epoch: 2, position: 8 })).toBeUndefined();
    });

    test('beyond so many go, the oldest first, and do not come back', async () => {
      const fence = await own(leases, 'a');
      for (const position of [1, 2, 3, 1]) await log.addDeadLetter(fence, letter(1, position), 2);
      const kept = [1, 2, 3].map((position) => log.deadLetter(partition, { epoch: 1, position }));
      const positions = (await Promise.all(kept)).map((found) => found?.at.position);
      expect(positions).toEqual([undefined, 2, 3]);
    });
  });
}
