import { describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import type { Limits } from '../../runtime/limits.ts';
import type { Partition } from '../../runtime/partition.ts';
import type { Intercept } from './intercepted-log.ts';
import { Rig } from './rig.ts';

const mallory = actorKey('rogue', 'mallory');

interface Audited {
  readonly rig: Rig;
  owner: Partition;
}

/** One partition with a checkpoint of what one actor has noted, and more that it noted since. */
async function audited(limits: Partial<Limits> = {}, intercept?: Intercept): Promise<Audited> {
  const rig = new Rig({ partitions: 1, limits, ...(intercept && { intercept }) });
  await rig.start(0);
  await act(rig, 'note', { text: 'one' });
  const owner = await reopened(rig);
  await act(rig, 'note', { text: 'two' });
  return { rig, owner };
}

async function reopened(rig: Rig): Promise<Partition> {
  await rig.within(rig.open.get(0)?.stop() ?? Promise.resolve());
  return rig.start(0);
}

const act = (rig: Rig, name: string, body: Json): Promise<unknown> =>
  rig.within(rig.command(mallory, name, body));

const notes = (rig: Rig): Promise<unknown> => rig.within(rig.read(mallory, 'notes'));

/** Everything that recovery begins with. */
const written = (rig: Rig): unknown => {
  const { snapshots, checkpoints, entries } = rig.store.partitions(0);
  return structuredClone({ snapshots, checkpoints, first: entries[0] });
};

describe('before a checkpoint replaces the snapshots', () => {
  it('one actor is built again from the log: if memory differs, the partition halts', async () => {
    const { rig, owner } = await audited();
    await act(rig, 'tamper', { text: 'of what no record tells' });
    const before = written(rig);
    void owner.stop();
    await rig.settle();
    expect(rig.halted).toEqual([
      expect.stringMatching(
        /^rogue\/mallory at version 3 is not what its log gives: in memory \S{22}, replayed \S{22};/,
      ),
    ]);
    expect(written(rig)).toEqual(before);
    await rig.start(0);
    expect(await notes(rig)).toEqual(['one', 'two', 'nothing']);
  });

  it('it may be the first snapshot of the actor', async () => {
    const rig = new Rig({ partitions: 1 });
    const owner = await rig.start(0);
    await act(rig, 'tamper', { text: 'of what no record tells' });
    void owner.stop();
    await rig.settle();
    expect(rig.halted).toEqual([expect.stringMatching(/version 1 is not what its log gives/)]);
    expect(rig.store.partitions(0).checkpoints).toEqual([]);
  });

  it('a log from which it cannot be built halts the partition, too', async () => {
    const { rig, owner } = await audited();
    const store = rig.store.partitions(0);
    store.entries = store.entries.map((entry) =>
      entry.position === 2 ? { ...entry, records: entry.records.replace('noted', 'torn') } : entry,
    );
    void owner.stop();
    await rig.settle();
    expect(rig.halted).toEqual([
      expect.stringMatching(/version 2 cannot be built from its log: .*cannot take the event/),
    ]);
  });

  it('a store that does not answer at once is asked again', async () => {
    let failures = 0;
    const { rig, owner } = await audited({}, async (call, carryOut) => {
      if (call === 'loadSnapshots' && failures++ % 3 < 2) throw new Error('the connection broke');
      return carryOut();
    });
    await rig.within(owner.stop());
    expect(failures).toBeGreaterThan(2);
    expect(rig.halted).toEqual([]);
    expect(rig.store.partitions(0).snapshots.get(mallory)?.version).toBe(2);
  });

  it.each([
    ['loadSnapshots', 'rogue/mallory cannot be read from its log'],
    ['saveSnapshots', 'its snapshots and checkpoints cannot be written'],
    ['saveCheckpoint', 'its snapshots and checkpoints cannot be written'],
  ])('a store that fails for good (%s) is told once, and asked on', async (failing, told) => {
    let broken = false;
    const { rig, owner } = await audited({}, async (call, carryOut) => {
      if (broken && call === failing) throw new Error('WRONGTYPE');
      return carryOut();
    });
    broken = true;
    const stopping = owner.stop();
    for (let waited = 0; waited < 4; waited++) await rig.within(stopping);
    expect(rig.reported).toEqual([expect.stringContaining(`partition 0: ${told}`)]);
    expect(rig.reported[0]).toMatch(/tried again: Error: WRONGTYPE; nothing acknowledged is lost/);
    broken = false;
    await rig.within(stopping);
    expect(rig.halted).toEqual([]);
    expect(rig.store.partitions(0).snapshots.get(mallory)?.version).toBe(2);
  });

  it('an actor that cannot be loaded is told once, and who asks for it waits', async () => {
    let broken = false;
    const { rig } = await audited({}, async (call, carryOut) => {
      if (broken && call === 'loadSnapshots') throw new Error('WRONGTYPE');
      return carryOut();
    });
    rig.crash(0);
    await rig.start(0);
    broken = true;
    const asked = rig.read(mallory, 'notes');
    for (let waited = 0; waited < 4; waited++) await rig.within(asked);
    expect(rig.reported).toEqual([expect.stringContaining('actors cannot be read')]);
    broken = false;
    expect(await rig.within(asked)).toEqual(['one', 'two']);
  });

  it('an actor that is too large is not built again', async () => {
    const { rig, owner } = await audited({ auditedBytesMax: 100 });
    await act(rig, 'tamper', { text: 'of what no record tells' });
    await rig.within(owner.stop());
    expect(rig.halted).toEqual([]);
    expect(rig.store.partitions(0).snapshots.get(mallory)?.version).toBe(3);
  });

  it('a checkpoint that comes late reads no log to compare with', async () => {
    const { rig, owner } = await audited({ checkpointRecords: 0 });
    await act(rig, 'tamper', { text: 'of what no record tells' });
    await rig.within(owner.stop());
    expect(rig.halted).toEqual([]);
    expect(rig.store.partitions(0).snapshots.get(mallory)?.version).toBe(3);
  });
});
