import { describe, expect, it } from 'vitest';
import { LogDamaged } from '../../runtime/recovery.ts';
import type { PartitionStore } from '../../runtime/memory/partition-store.ts';
import type { Intercept } from './intercepted-log.ts';
import { Rig } from './rig.ts';

/** One partition whose log holds three deposits, each in a group of its own; nobody owns it. */
async function crashedRig(intercept?: Intercept): Promise<{ rig: Rig; store: PartitionStore }> {
  const rig = new Rig({ partitions: 1, ...(intercept && { intercept }) });
  await rig.start(0);
  for (let n = 0; n < 3; n++) await put(rig);
  rig.crash(0);
  return { rig, store: rig.store.partitions(0) };
}

const put = (rig: Rig): Promise<unknown> =>
  rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }, `id-${++ids}`));
let ids = 0;

const coinsOf = (rig: Rig): Promise<unknown> => rig.within(rig.read(rig.purse('alice'), 'coins'));

/** The same with a checkpoint after each of two deposits more. */
async function checkpointedRig(): Promise<{ rig: Rig; store: PartitionStore }> {
  const made = await crashedRig();
  for (let generation = 0; generation < 2; generation++) {
    const opened = await made.rig.start(0);
    await put(made.rig);
    await made.rig.within(opened.stop());
  }
  expect(made.store.checkpoints).toHaveLength(2);
  return made;
}

const damaged = async (rig: Rig, reason: RegExp): Promise<void> => {
  const failure = await rig.start(0).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(LogDamaged);
  expect(String(failure)).toMatch(reason);
};

describe('recovery builds nothing on a log', () => {
  it('with a gap', async () => {
    const { rig, store } = await crashedRig();
    store.entries = store.entries.filter((entry) => entry.n === 0 || entry.position !== 2);
    await damaged(rig, /gap at position 2/);
  });

  it('with a group that holds fewer records than it says', async () => {
    const { rig, store } = await crashedRig();
    store.entries = store.entries.map((entry) =>
      entry.n > 0 && entry.position === 3 ? { ...entry, records: '[]' } : entry,
    );
    await damaged(rig, /gap at position 3/);
  });

  it('that ends before its owner said', async () => {
    const { rig, store } = await crashedRig();
    await rig.start(0);
    rig.crash(0);
    store.entries = store.entries.filter((entry) => entry.n === 0 || entry.position !== 3);
    await damaged(rig, /ends at 2, its owner knew 3/);
  });

  it('that ends before a checkpoint', async () => {
    const { rig, store } = await checkpointedRig();
    store.checkpoints = store.checkpoints.map((text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), position: 99 }),
    );
    await damaged(rig, /a checkpoint knows position 99, the log ends at 5/);
  });

  it('whose checkpoints can all not be read', async () => {
    const { rig, store } = await checkpointedRig();
    store.checkpoints = store.checkpoints.map((text) => text.slice(0, -1));
    await damaged(rig, /none of its 2 checkpoints can be read/);
  });

  it('whose checkpoint names ids that are gone', async () => {
    const { rig, store } = await checkpointedRig();
    store.segments.clear();
    await damaged(rig, /names the ids .*, which are gone/);
  });
});

describe('recovery', () => {
  it('takes the checkpoint before, if the newest cannot be read, and reads more of the log', async () => {
    const { rig, store } = await checkpointedRig();
    store.checkpoints = store.checkpoints.map((text, index) => (index === 0 ? '{"form' : text));
    const opened = await rig.start(0);
    expect(opened.status.recoveredRecords).toBe(1);
    expect(await coinsOf(rig)).toEqual({ coins: 5 });
  });

  it('does not take for damage what the next owner has written meanwhile', async () => {
    let usurp = async (): Promise<void> => {};
    const { rig, store } = await crashedRig(async (call, carryOut) => {
      if (call === 'loadCheckpoints') await usurp();
      return carryOut();
    });
    usurp = async () => {
      usurp = async () => {};
      await rig.start(0);
      await put(rig);
    };
    const failure = await rig.start(0).catch((error: unknown) => error);
    expect(failure).not.toBeInstanceOf(LogDamaged);
    expect(String(failure)).toMatch(/another host owns the partition/);
    expect(store.owner?.top).toBe(4);
    expect(await coinsOf(rig)).toEqual({ coins: 4 });
  });
});
