import { describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { LogRecord } from '../../contracts/record.ts';
import { GroupWriter, type Staged } from '../../runtime/group-writer.ts';
import { defaultLimits, type Limits } from '../../runtime/limits.ts';
import { manualClock } from '../../runtime/memory/clock.ts';
import { memoryStore } from '../../runtime/memory/store.ts';
import { Gate, intercepted } from './intercepted-log.ts';

const record: LogRecord = { time: 1, actor: actorKey('purse', 'ann'), version: 1 };

/** A writer to an empty log of which every append is held back until it is released. */
async function writerWith(limits: Partial<Limits> = {}) {
  const clock = manualClock();
  const store = memoryStore(() => clock.now());
  const lease = { partition: 0, host: 'h', nonce: 'n', group: 'g', leaseMs: 60_000 };
  await store.leases.acquire(lease);
  const gate = new Gate('append');
  const afterwards: (() => void)[] = [];
  const durable: { entry: string; positions: number[] }[] = [];
  const writer = new GroupWriter({
    log: intercepted(store.log, gate.intercept),
    clock,
    limits: { ...defaultLimits(1), ...limits },
    fence: { partition: 0, epoch: 1, nonce: 'n' },
    events: {
      onDurable: (records, entry) => {
        durable.push({ entry, positions: records.map(({ position }) => position) });
        for (const act of afterwards.splice(0)) act();
      },
      onLost: (loss) => expect.fail(loss),
    },
  });
  const stage = (length = 2): Staged =>
    writer.stage({ record, text: JSON.stringify('x'.repeat(length - 2)), callers: [] });
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const groups = () => store.partitions(0).entries.filter(({ n }) => n > 0);
  return { clock, writer, gate, durable, afterwards, stage, turns, groups };
}

describe('the writer of groups', () => {
  it('gives dense positions, and has one group in flight, which grows while it waits', async () => {
    const { gate, durable, stage, turns, groups } = await writerWith();
    expect(stage().position).toBe(1);
    await turns();
    expect([stage(), stage(), stage()].map(({ position }) => position)).toEqual([2, 3, 4]);
    await turns();
    expect(gate.held).toBe(1);
    expect(durable).toEqual([]);
    gate.release();
    await turns();
    expect(durable).toEqual([
      { entry: '1-1', positions: [1] },
      { entry: '1-2', positions: [2, 3, 4] },
    ]);
    expect(groups().map(({ position, n }) => [position, n])).toEqual([
      [1, 1],
      [2, 3],
    ]);
  });

  it('has one group in flight also when what became durable led to more at once', async () => {
    const { gate, afterwards, stage, turns, durable } = await writerWith();
    afterwards.push(() => {
      gate.shut();
      stage();
      void Promise.resolve().then(() => stage());
    });
    stage();
    gate.release();
    await turns();
    expect(gate.held).toBe(1);
    gate.release();
    await turns();
    expect(durable.flatMap(({ positions }) => positions)).toEqual([1, 2, 3]);
  });

  it('closes a group before it would pass its size; one record that passes it goes alone', async () => {
    const { gate, stage, turns, groups } = await writerWith({ groupBytesMax: 100 });
    for (const length of [40, 40, 40, 300, 40, 60]) stage(length);
    gate.release();
    await turns();
    expect(groups().map(({ n }) => n)).toEqual([2, 1, 1, 2]);
  });

  it('is full at so many records staged, in flight or not, until they are durable', async () => {
    const { writer, gate, stage, turns } = await writerWith({ stagedRecordsMax: 3 });
    stage();
    await turns();
    stage();
    expect(writer.full).toBe(false);
    stage();
    expect(writer.full).toBe(true);
    gate.release();
    await turns();
    expect(writer.full).toBe(false);
  });

  it('is full while the log has not answered for so long, and not after it has', async () => {
    const { clock, writer, gate, stage, turns } = await writerWith({ appendMsMax: 100 });
    stage();
    await turns();
    writer.tick();
    clock.advance(100);
    writer.tick();
    expect(writer.full).toBe(false);
    clock.advance(1);
    writer.tick();
    expect(writer.full).toBe(true);
    gate.release();
    await turns();
    expect(writer.full).toBe(false);
  });

  it('is full at so many bytes staged, in flight or not, until they are durable', async () => {
    const { writer, gate, stage, turns } = await writerWith({ stagedBytesMax: 100 });
    stage(60);
    await turns();
    expect(writer.full).toBe(false);
    stage(60);
    expect(writer.full).toBe(true);
    gate.release();
    await turns();
    expect(writer.full).toBe(false);
  });
});
