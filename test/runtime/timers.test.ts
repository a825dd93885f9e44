import { afterEach, describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { DeadlineChange, LogRecord } from '../../contracts/record.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import { Timers, type Timer } from '../../runtime/timers.ts';
import { Gate } from './intercepted-log.ts';
import { cure, illness } from './patient.ts';
import { Rig, type RigOptions } from './rig.ts';

afterEach(cure);

const [alice, ann, bob] = [actorKey('purse', 'alice'), actorKey('patient', 'ann'), 'bob'];

async function lone(options: RigOptions = {}): Promise<Rig> {
  const rig = new Rig({ partitions: 1, ...options });
  await rig.start(0);
  await rig.within(rig.command(alice, 'put', { coins: 10 }));
  return rig;
}

/** Lets time pass as a host does, which looks ten times a second. */
async function pass(rig: Rig, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    await rig.settle(4);
    rig.open.get(0)?.tick();
  }
  await rig.turns();
}

const promise = (rig: Rig, inMs: number, coins = 1, to = bob) =>
  rig.within(rig.command(alice, 'promise', { to, coins, inMs }));
const noteLater = (rig: Rig, text: string, inMs: number) =>
  rig.within(rig.command(ann, 'note-later', { text, inMs }));
const coins = (rig: Rig, who = bob) => rig.within(rig.read(rig.purse(who), 'coins'));
const texts = (rig: Rig) => rig.within(rig.read(ann, 'texts'));
const records = async (rig: Rig): Promise<LogRecord[]> =>
  (await rig.records(0)).map(({ record }) => record);
const handled = async (rig: Rig): Promise<LogRecord[]> =>
  (await records(rig)).filter(({ timer }) => timer !== undefined);

describe('a deadline', () => {
  it('is handled by one record, which is never early, with its effects', async () => {
    const rig = await lone();
    await promise(rig, 1_000, 3);
    await pass(rig, 800);
    expect(await handled(rig)).toEqual([]);
    await pass(rig, 5_000);
    const [record, ...more] = await handled(rig);
    const { timers: [set] = [] } = (await records(rig))[1] ?? {};
    expect(record).toMatchObject({ actor: alice, version: 3, timer: set });
    expect(record?.time).toBeGreaterThanOrEqual(set?.at ?? Infinity);
    expect(more).toEqual([]);
    expect(await coins(rig)).toEqual({ coins: 3 });
    expect(rig.open.get(0)?.status.timers).toBe(0);
  });

  it.each([
    ['a crash', async (rig: Rig) => rig.crash(0)],
    ['a stop', async (rig: Rig) => rig.within(rig.open.get(0)?.stop() ?? Promise.resolve())],
  ])('outlives %s of its owner, and comes late if there was none', async (_, end) => {
    const rig = await lone();
    await promise(rig, 10_000, 1, 'bob');
    await promise(rig, 100_000, 2, 'cyd');
    await end(rig);
    rig.crash(0);
    rig.clock.advance(50_000);
    await rig.start(0);
    await pass(rig, 200);
    expect([await coins(rig, 'bob'), await coins(rig, 'cyd')]).toEqual([
      { coins: 1 },
      { coins: 0 },
    ]);
    await pass(rig, 60_000);
    expect([await coins(rig, 'bob'), await coins(rig, 'cyd')]).toEqual([
      { coins: 1 },
      { coins: 2 },
    ]);
  });

  it('comes again if the record that handles it never became durable', async () => {
    let lost = false;
    const rig = await lone({ fate: () => (lost ? 'lost' : 'good') });
    await promise(rig, 100);
    lost = true;
    await pass(rig, 500);
    expect(await handled(rig)).toEqual([]);
    rig.crash(0);
    lost = false;
    await rig.start(0);
    await pass(rig, 500);
    expect(await handled(rig)).toHaveLength(1);
    expect(await coins(rig)).toEqual({ coins: 1 });
  });

  it('that is cleared never comes; one that is set anew comes at the later time only', async () => {
    const rig = await lone();
    await promise(rig, 1_000, 1, 'bob');
    await promise(rig, 1_000, 2, 'cyd');
    await rig.within(rig.command(alice, 'withdraw-promise', { to: 'bob' }));
    await promise(rig, 8_000, 5, 'cyd');
    await pass(rig, 4_000);
    expect(await handled(rig)).toEqual([]);
    await pass(rig, 5_000);
    expect(await handled(rig)).toHaveLength(1);
    expect([await coins(rig, 'bob'), await coins(rig, 'cyd')]).toEqual([
      { coins: 0 },
      { coins: 5 },
    ]);
  });

  it('does nothing if it is cleared while its actor is being loaded', async () => {
    const rig = await lone();
    await promise(rig, 1_000);
    await rig.within(rig.open.get(0)?.stop() ?? Promise.resolve());
    rig.crash(0);
    await rig.start(0);
    const withdrawn = rig.command(alice, 'withdraw-promise', { to: bob });
    rig.clock.advance(1_000);
    rig.open.get(0)?.tick();
    expect((await rig.within(withdrawn))?.code).toBeUndefined();
    await pass(rig, 1_000);
    expect(await handled(rig)).toEqual([]);
    expect(await coins(rig)).toEqual({ coins: 0 });
  });

  it('is not early because the wall clock is: it counts by the time of records', async () => {
    const rig = await lone();
    await promise(rig, 10_000);
    rig.wallClockShift = -60_000;
    await pass(rig, 5_000);
    expect(await handled(rig)).toEqual([]);
    await pass(rig, 80_000);
    expect(await handled(rig)).toHaveLength(1);
  });

  it('brings an actor back that has left memory', async () => {
    const rig = await lone({ limits: { residentsMax: 1, checkpointRecords: 1 } });
    await promise(rig, 4_000);
    for (let n = 0; n < 3; n++)
      await rig.within(rig.command(rig.purse(`x${n}`), 'put', { coins: 1 }));
    await pass(rig, 3_000);
    expect(rig.open.get(0)?.status.residents).toBe(1);
    await pass(rig, 3_000);
    expect(await coins(rig)).toEqual({ coins: 1 });
  });

  it('is quarantined with its command if it is not a whole number', async () => {
    const rig = await lone();
    expect((await noteLater(rig, 'one', 0.5))?.code).toBe('runtime/quarantined');
    expect(rig.open.get(0)?.status.timers).toBe(0);
  });
});

describe('many deadlines at once', () => {
  it('are handled a few at a time, the earliest first', async () => {
    const rig = await lone({ limits: { timersAtOnce: 2 } });
    for (const n of [5, 3, 1, 4, 2]) await noteLater(rig, `${n}`, 1_000 * n);
    rig.clock.advance(20_000);
    for (const expected of [2, 4, 5]) {
      rig.open.get(0)?.tick();
      await rig.settle(2);
      expect(await handled(rig)).toHaveLength(expected);
    }
    expect(await texts(rig)).toEqual(['1', '2', '3', '4', '5']);
  });

  it('are handled, fewer at a time, while commands are told busy: overload may last', async () => {
    const gate = new Gate('saveCheckpoint');
    const rig = await lone({
      intercept: gate.intercept,
      limits: { checkpointRecords: 1, tailRecordsMax: 6, timersAtOnceBusy: 2 },
    });
    for (const n of [1, 2, 3, 4, 5]) await noteLater(rig, `${n}`, 10_000 + n);
    expect((await noteLater(rig, 'one too many', 1))?.code).toBe('runtime/busy');
    rig.clock.advance(20_000);
    for (const expected of [2, 4, 5]) {
      rig.open.get(0)?.tick();
      await rig.settle(2);
      expect(await handled(rig)).toHaveLength(expected);
    }
    expect((await noteLater(rig, 'still too many', 1))?.code).toBe('runtime/busy');
    gate.release();
    await pass(rig, 1_000);
    expect((await noteLater(rig, 'no more', 1))?.code).toBeUndefined();
  });

  it('have a little room above what clients may keep under way, and no more', async () => {
    const gate = new Gate('append');
    gate.release();
    const rig = await lone({
      intercept: gate.intercept,
      limits: { stagedRecordsMax: 8, appendMsMax: 1_000_000, timersAtOnceBusy: 1 },
    });
    for (const n of [1, 2, 3, 4, 5]) await noteLater(rig, `${n}`, 10_000 + n);
    gate.shut();
    for (let n = 0; n < 8; n++) void rig.command(ann, 'note', { text: 'fill' });
    expect((await rig.within(rig.command(ann, 'note', { text: 'over' })))?.code).toBe(
      'runtime/busy',
    );
    rig.clock.advance(20_000);
    await pass(rig, 2_000);
    expect(rig.open.get(0)?.status.timers).toBe(3);
    gate.release();
    await pass(rig, 1_000);
    expect(await handled(rig)).toHaveLength(5);
  });

  it('make commands busy that would set one more, and no others', async () => {
    const rig = await lone({ limits: { timersMax: 1 } });
    await noteLater(rig, 'one', 10_000);
    expect((await noteLater(rig, 'two', 10_000))?.code).toBe('runtime/busy');
    expect((await rig.within(rig.command(ann, 'note', { text: 'three' })))?.code).toBeUndefined();
    await pass(rig, 11_000);
    expect((await noteLater(rig, 'two', 10_000))?.code).toBeUndefined();
  });
});

describe('an actor that fails on a deadline', () => {
  it('is told of it again after a while, when it may have been mended', async () => {
    const rig = await lone({ limits: { deadlineRetryMs: 1_000 } });
    illness.judgement.add('bad');
    await noteLater(rig, 'bad', 100);
    await pass(rig, 500);
    const [failed] = await handled(rig);
    expect(failed).toMatchObject({ version: 0, failure: { error: expect.any(String) as string } });
    expect(failed?.timers).toEqual([{ name: 'bad', at: (failed?.time ?? 0) + 1_000 }]);
    expect(rig.store.partitions(0).deadLetters).toMatchObject([
      { actor: ann, payload: JSON.stringify({ name: 'timer', body: failed?.timer }) },
    ]);
    cure();
    await pass(rig, 2_000);
    expect(await texts(rig)).toEqual(['bad']);
    expect(rig.halted).toEqual([]);
  });

  it('is halted alone after too many of them; its deadlines wait until it is let go on', async () => {
    const rig = await lone({ limits: { deadlineRetryMs: 1_000, strikesMax: 2 } });
    illness.machine.add('bad');
    await noteLater(rig, 'bad', 100);
    await noteLater(rig, 'good', 20_000);
    await pass(rig, 10_000);
    expect(rig.open.get(0)?.status.haltedActors).toEqual([ann]);
    expect(await handled(rig)).toHaveLength(3);
    await pass(rig, 20_000);
    expect(await handled(rig)).toHaveLength(3);
    expect(rig.open.get(0)?.status.timers).toBe(2);
    await promise(rig, 100);
    await pass(rig, 500);
    expect(await coins(rig)).toEqual({ coins: 1 });
    cure();
    await rig.within(rig.attend(0, { verb: 'retry', actor: ann }));
    await pass(rig, 500);
    expect(await texts(rig)).toEqual(['bad', 'good']);
  });
});

describe('the deadlines of a partition', () => {
  const set = (timers: Timers, changes: readonly DeadlineChange[], actor = alice): void =>
    timers.evolve({ time: 0, actor, version: 0, timers: changes });
  const names = (due: readonly Timer[]): string[] => due.map(({ name }) => name);
  const limits = defaultLimits(1);

  it('come in the order of their time, however they were set, cleared and set again', () => {
    const timers = new Timers({ limits });
    const at = (n: number): number => (n * 7_919) % 1_009;
    for (let n = 0; n < 500; n++) set(timers, [{ name: `${n}`, at: at(n) + 5 }]);
    for (let n = 0; n < 500; n++) set(timers, [{ name: `${n}`, at: n % 3 === 0 ? null : at(n) }]);
    const left = Array.from({ length: 500 }, (_, n) => n).filter((n) => n % 3 !== 0);
    const sorted = left.toSorted((a, b) => at(a) - at(b)).map(String);
    expect(timers.size).toBe(left.length);
    expect(names(timers.due(400, 10_000))).toEqual(
      sorted.filter((name) => at(Number(name)) <= 400),
    );
    expect(names(timers.due(2_000, 10_000))).toEqual(
      sorted.filter((name) => at(Number(name)) > 400),
    );
    expect(timers.due(2_000, 10_000)).toEqual([]);
  });

  it('are all there after a checkpoint, those handed out included', () => {
    const timers = new Timers({ limits });
    set(timers, [
      { name: 'one', at: 1 },
      { name: 'two', at: 2 },
    ]);
    expect(names(timers.due(1, 10_000))).toEqual(['one']);
    const restored = new Timers({ limits });
    restored.load(timers.save());
    expect(names(restored.due(2, 10_000))).toEqual(['one', 'two']);
  });

  it('of a halted actor wait until it is let go on', () => {
    const timers = new Timers({ limits });
    set(timers, [{ name: 'one', at: 1 }]);
    for (const timer of timers.due(1, 10_000)) timers.hold(timer);
    expect(timers.due(9, 10_000)).toEqual([]);
    timers.evolve({ time: 9, actor: ann, version: 0, resumed: true });
    expect(timers.due(9, 10_000)).toEqual([]);
    timers.evolve({ time: 9, actor: alice, version: 0, resumed: true });
    expect(names(timers.due(9, 10_000))).toEqual(['one']);
  });
});
