import { describe, expect, it } from 'vitest';
import type { ActorType } from '../../actors/actor.ts';
import { actorKey } from '../../contracts/ids.ts';
import { decodeGroup } from '../../contracts/record.ts';
import { purse } from './purse.ts';
import { Rig } from './rig.ts';

const putOnce = (rig: Rig): Promise<unknown> =>
  rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }));

/** Its author has made a mistake that shows only when it is to be written down. */
const unsavable: ActorType = {
  ...purse,
  start: (saved) =>
    Object.assign(purse.start(saved), {
      save: () => {
        throw new Error('this cannot be saved');
      },
    }),
};

/** The one reason for which the partition has halted; whoever asks it is told. */
async function haltedBecause(rig: Rig): Promise<string> {
  await rig.within(rig.read(rig.purse('alice'), 'coins'));
  const refused = await rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }));
  expect(refused?.code).toBe('runtime/halted');
  const [reason = '', ...others] = rig.halted;
  expect(others).toEqual([]);
  expect(refused?.text).toContain(JSON.stringify(reason).slice(1, -1));
  return reason;
}

describe('nothing is built', () => {
  it('on a snapshot that is not what was written: the partition halts and says so', async () => {
    const rig = new Rig({ partitions: 1 });
    const opened = await rig.start(0);
    await putOnce(rig);
    await rig.within(opened.stop());
    const { snapshots } = rig.store.partitions(0);
    for (const [key, snapshot] of snapshots) {
      snapshots.set(key, { ...snapshot, state: snapshot.state.replace('"coins":1', '"coins":9') });
    }
    await rig.start(0);
    expect(await haltedBecause(rig)).toMatch(
      /snapshot of purse\/alice does not have the hash it was written with/,
    );
  });

  it('on a snapshot that knows more than the log: its end is gone', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    await putOnce(rig);
    const store = rig.store.partitions(0);
    const { owner, entries } = structuredClone(store);
    await putOnce(rig);
    await rig.within(rig.open.get(0)?.stop() ?? Promise.resolve());
    store.checkpoints = [];
    Object.assign(store, { owner, entries });
    await rig.start(0);
    expect(await haltedBecause(rig)).toMatch(
      /snapshot of purse\/alice knows position 2, the log ends at 1: acknowledged records are gone/,
    );
  });

  it('on a snapshot older than the one that was written: the store has gone back, the log has not', async () => {
    const rig = new Rig({ partitions: 1, limits: { residentsMax: 0 } });
    const opened = await rig.start(0);
    await putOnce(rig);
    for (let round = 0; opened.status.residents > 0; round++) {
      if (round === 20) throw new Error('it does not leave');
      opened.tick();
      await rig.settle(5);
    }
    rig.store.partitions(0).snapshots.clear();
    expect(await haltedBecause(rig)).toMatch(/snapshot of version 1 was written, and is gone/);
  });

  it('on a log in which a version is missing: the partition halts and says so', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    for (let n = 0; n < 2; n++) await putOnce(rig);
    rig.crash(0);
    const store = rig.store.partitions(0);
    store.entries = store.entries.map((entry) => {
      if (entry.n === 0 || entry.position !== 2) return entry;
      const skipped = decodeGroup(entry.records).map((record) => ({ ...record, version: 3 }));
      return { ...entry, records: JSON.stringify(skipped) };
    });
    await rig.start(0);
    expect(await haltedBecause(rig)).toMatch(
      /purse\/alice has version 1, and the log goes on with 3/,
    );
  });
});

describe('memory', () => {
  it('holds no more than so many bytes of states, and actors that left come back as they were', async () => {
    const rig = new Rig({
      partitions: 1,
      limits: { residentBytesMax: 5_000, checkpointRecords: 1 },
    });
    const opened = await rig.start(0);
    const names = Array.from({ length: 8 }, (_, n) => actorKey('rogue', `r${n}`));
    const text = 'x'.repeat(2_000);
    for (const name of names) await rig.within(rig.command(name, 'note', { text }));
    const ticked = async (): Promise<void> => {
      for (let round = 0; round < 6; round++) {
        opened.tick();
        await rig.settle(5);
      }
      expect(opened.status.residents).toBeLessThanOrEqual(2);
    };
    await ticked();
    for (const name of names) expect(await rig.within(rig.read(name, 'notes'))).toEqual([text]);
    await ticked();
  });

  it('is given back a few actors at a time, so that nobody waits for all of them', async () => {
    const rig = new Rig({ partitions: 1, limits: { residentsMax: 10 } });
    const opened = await rig.start(0);
    for (let n = 0; n < 400; n++) {
      await rig.within(rig.command(rig.purse(`p${n}`), 'put', { coins: 1 }));
    }
    const counts: number[] = [];
    for (let round = 0; round < 4; round++) {
      opened.tick();
      for (let turn = 0; turn < 20; turn++) {
        counts.push(opened.status.residents);
        await rig.settle(1);
      }
    }
    expect(counts.at(-1)).toBe(10);
    const steps = counts.slice(1).map((count, index) => (counts[index] ?? count) - count);
    expect(Math.max(...steps)).toBeLessThanOrEqual(64);
  });

  it('cannot be given back by an actor that cannot be saved: its partition fails and says so', async () => {
    const rig = new Rig({ partitions: 1, limits: { residentsMax: 1 } });
    rig.types.set('purse', unsavable);
    const opened = await rig.start(0);
    for (const name of ['alice', 'bob'])
      await rig.within(rig.command(rig.purse(name), 'put', { coins: 1 }));
    opened.tick();
    await rig.settle(10);
    expect(rig.halted.join()).toMatch(/could not leave memory: .*this cannot be saved/);
  });

  it('need not be written down for a dead letter: that tells no state then', async () => {
    const rig = new Rig({ partitions: 1 });
    rig.types.set('purse', unsavable);
    await rig.start(0);
    const failed = await rig.within(rig.command(rig.purse('alice'), 'crash-judgement'));
    expect(failed?.code).toBe('runtime/quarantined');
    await rig.settle(10);
    expect(rig.store.partitions(0).deadLetters).toHaveLength(1);
    expect(rig.halted).toEqual([]);
  });

  it('keeps no actor that was only asked for', async () => {
    const rig = new Rig({ partitions: 1 });
    const opened = await rig.start(0);
    for (let n = 0; n < 50; n++) await rig.within(rig.read(rig.purse(`p${n}`), 'coins'));
    await putOnce(rig);
    expect(opened.status.residents).toBe(51);
    opened.tick();
    expect(opened.status.residents).toBe(1);
  });

  it.each([
    ['loading an actor', 'loadSnapshots', 'put', undefined],
    ['building it again', 'read', 'crash-machine', 'runtime/quarantined'],
  ] as const)('waits for a store that fails while %s', async (_, failing, command, code) => {
    let failures = 0;
    const rig = new Rig({
      partitions: 1,
      intercept: async (call, carryOut) => {
        if (call === failing && failures-- > 0) throw new Error('the connection broke');
        return carryOut();
      },
    });
    await rig.start(0);
    const [alice, body] = [rig.purse('alice'), command === 'put' ? { coins: 1 } : {}];
    failures = 3;
    expect(await rig.within(rig.command(alice, command, body))).toMatchObject({ code });
    expect(await rig.within(rig.command(alice, 'put', { coins: 1 }))).toMatchObject({
      code: undefined,
    });
    expect(failures).toBeLessThan(0);
    expect(rig.halted).toEqual([]);
  });
});
