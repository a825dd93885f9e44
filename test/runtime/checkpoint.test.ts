import { expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { Gate } from './intercepted-log.ts';
import { Rig } from './rig.ts';

const mallory = actorKey('rogue', 'mallory');

test('an actor that changes and breaks while its snapshot is written is in the next checkpoint', async () => {
  const writing = new Gate('saveSnapshots');
  const loading = new Gate('loadSnapshots');
  loading.release();
  const rig = new Rig({
    partitions: 1,
    limits: { checkpointRecords: 1 },
    intercept: (call, carryOut) => writing.intercept(call, () => loading.intercept(call, carryOut)),
  });
  const owner = await rig.start(0);
  const act = (name: string, body: { readonly [field: string]: string }): Promise<unknown> =>
    rig.within(rig.command(mallory, name, body));
  await act('note', { text: 'one' });
  owner.tick();
  await rig.settle();
  expect(writing.held).toBe(1);

  await act('note', { text: 'two' });
  loading.shut();
  await act('misbehave', { how: 'an event that no state takes' });
  await rig.settle();
  // It is being built again, and not in memory, when the snapshot of the first note is written.
  expect(loading.held).toBe(1);
  writing.release();
  await rig.settle();
  loading.release();
  await rig.settle();

  await rig.within(owner.stop());
  await rig.start(0);
  expect(await rig.within(rig.read(mallory, 'notes'))).toEqual(['one', 'two']);
  expect(rig.halted).toEqual([]);
});

test('an actor that changes and then breaks is in the next checkpoint, as its log has it', async () => {
  const limits = { checkpointRecords: 1, auditedBytesMax: 0 };
  const rig = new Rig({ partitions: 1, limits });
  const owner = await rig.start(0);
  await rig.within(rig.command(mallory, 'note', { text: 'one' }));
  const how = 'an event that no state takes, after one that it does';
  await rig.within(rig.command(mallory, 'misbehave', { how }));
  owner.tick();
  await rig.settle();
  const store = rig.store.partitions(0);
  expect(store.checkpoints).toHaveLength(1);
  expect(store.snapshots.get(mallory)?.state).toContain('["one"]');
  expect(rig.halted).toEqual([]);
});

test('an actor that breaks while a checkpoint waits for another is in that checkpoint', async () => {
  const loading = new Gate('loadSnapshots');
  loading.release();
  const limits = { checkpointRecords: 1, auditedBytesMax: 0 };
  const rig = new Rig({ partitions: 1, limits, intercept: loading.intercept });
  await rig.start(0);
  const trent = actorKey('rogue', 'trent');
  for (const actor of [mallory, trent])
    await rig.within(rig.command(actor, 'note', { text: 'one' }));
  rig.crash(0);
  const owner = await rig.start(0);
  expect(await rig.within(rig.read(mallory, 'notes'))).toEqual(['one']);

  loading.shut();
  owner.tick();
  await rig.settle();
  expect(loading.held).toBe(1);
  const how = 'an event that no state takes';
  await rig.within(rig.command(mallory, 'misbehave', { how }));
  loading.release();
  await rig.settle();
  expect(rig.store.partitions(0).checkpoints).toHaveLength(1);

  rig.crash(0);
  await rig.start(0);
  for (const actor of [mallory, trent])
    expect(await rig.within(rig.read(actor, 'notes'))).toEqual(['one']);
  expect(rig.halted).toEqual([]);
});

test.each([
  ['one that is late writes four slices at a time', { checkpointRecords: 100 }, 4],
  ['one in time writes slice after slice', { checkpointRecords: 300 }, 1],
])('%s', async (_, limits, atOnce) => {
  const writing = new Gate('saveSnapshots');
  const rig = new Rig({
    partitions: 1,
    limits: { ...limits, auditedBytesMax: 0 },
    intercept: writing.intercept,
  });
  const owner = await rig.start(0);
  const actors = Array.from({ length: 300 }, (__, n) => actorKey('rogue', `note-${n}`));
  await rig.within(Promise.all(actors.map((actor) => rig.command(actor, 'note', { text: 'one' }))));
  owner.tick();
  await rig.settle();
  expect(writing.held).toBe(atOnce);

  writing.release();
  await rig.settle();
  expect(rig.store.partitions(0).checkpoints).toHaveLength(1);
  expect(rig.store.partitions(0).snapshots.size).toBe(300);
});

test('a late one writes an actor that is larger than a slice with no other', async () => {
  const writing = new Gate('saveSnapshots');
  writing.release();
  const limits = { checkpointRecords: 10, auditedBytesMax: 0 };
  const rig = new Rig({ partitions: 1, limits, intercept: writing.intercept });
  const owner = await rig.start(0);
  const note = (name: string, text: string): Promise<unknown> =>
    rig.within(rig.command(actorKey('rogue', name), 'note', { text }));
  for (let notes = 0; notes < 160; notes++)
    for (const large of ['one', 'two', 'three']) await note(large, 'x'.repeat(900));
  // From their snapshots it is known how large they are.
  owner.tick();
  await rig.settle();
  expect(rig.store.partitions(0).snapshots.size).toBe(3);

  for (const actor of ['one', 'two', 'three']) await note(actor, 'again');
  for (let small = 0; small < 20; small++) await note(`small-${small}`, 'one');
  writing.shut();
  owner.tick();
  await rig.settle();
  expect(writing.held).toBe(1);
  writing.release();
  await rig.settle();
  expect(rig.store.partitions(0).snapshots.size).toBe(23);
});

test('that a late one cannot be written is told once, not for each slice', async () => {
  let broken = true;
  const rig = new Rig({
    partitions: 1,
    limits: { checkpointRecords: 100, auditedBytesMax: 0 },
    intercept: async (call, carryOut) => {
      if (broken && call === 'saveSnapshots') throw new Error('OOM');
      return carryOut();
    },
  });
  const owner = await rig.start(0);
  const actors = Array.from({ length: 300 }, (_, n) => actorKey('rogue', `note-${n}`));
  await rig.within(Promise.all(actors.map((actor) => rig.command(actor, 'note', { text: 'one' }))));
  owner.tick();
  await rig.settle(1_000);
  expect(rig.reported).toEqual([expect.stringContaining('checkpoints cannot be written')]);
  broken = false;
  await rig.settle(200);
  expect(rig.store.partitions(0).snapshots.size).toBe(300);
});
