import { expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { Reply } from '../../contracts/reply.ts';
import type { Clock } from '../../runtime/clock.ts';
import { Histories } from '../../runtime/history/histories.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import { HostRig } from './host-rig.ts';
import { Gate, intercepted } from './intercepted-log.ts';
import { purse } from './purse.ts';
import { Rig } from './rig.ts';

const nobody = { actor: actorKey('purse', 'nobody'), type: purse, partition: 0 };

/** One partition with so many records, each in an entry of its own. */
async function written(records: number): Promise<Rig> {
  const rig = new Rig({ partitions: 1 });
  await rig.start(0);
  for (let n = 0; n < records; n++)
    await rig.within(rig.command(rig.purse('ann'), 'put', { coins: 1 }));
  return rig;
}

const nothing: Reply = { ok: true, result: { records: [] } };

test('while a host has other work, that has four times as long as a history is read', async () => {
  const { store } = await written(200);
  let [time, reading, others, turns] = [0, 0, 0, 0];
  let otherWork = true;
  let turned = false;
  const pass = (ms: number): number => (time += ms);
  const clock: Clock = {
    now: () => time,
    // Each look at the clock comes after some reading, but for the first of a turn.
    monotonic: () => {
      const ms = turned ? 0 : 0.5;
      turned = false;
      reading += ms;
      return pass(ms);
    },
    after: () => ({ cancel: () => {} }),
    soon: (callback) => {
      const ms = otherWork ? 1 : 0;
      turned = true;
      turns++;
      others += ms;
      pass(ms);
      setImmediate(callback);
    },
  };
  const histories = new Histories({ log: store.log, clock });
  expect(await histories.page(nobody, {})).toEqual(nothing);
  expect(reading).toBeGreaterThan(100);
  expect(others).toBeGreaterThan(3.5 * reading);

  [reading, others, turns, otherWork] = [0, 0, 0, false];
  const another = { ...nobody, actor: actorKey('purse', 'another') };
  expect(await histories.page(another, {})).toEqual(nothing);
  expect(reading).toBeGreaterThan(100);
  expect(turns).toBeLessThan(reading);
});

test('for who has waited too long nothing is read', async () => {
  const rig = await written(1);
  const reading = new Gate('read');
  let reads = 0;
  const log = intercepted(rig.store.log, (call, carryOut) => {
    reads++;
    return reading.intercept(call, carryOut);
  });
  const histories = new Histories({ log, clock: rig.clock });
  const [first, second] = [histories.page(nobody, {}), histories.page(nobody, {})];
  await rig.turns();
  expect(reading.held).toBe(1);
  rig.clock.advance(5_001);
  reading.release();
  expect(await first).toMatchObject({ ok: true });
  const before = reads;
  expect(await second).toMatchObject({ ok: false, error: { code: 'runtime/busy' } });
  expect(reads).toBe(before);
});

test('a partition that takes no more commands reads no history either', async () => {
  const rig = new HostRig();
  await rig.start('ann', { limits: (n) => ({ ...defaultLimits(n), stagedRecordsMax: 0 }) });
  await rig.ownedBy('ann');
  const answer = await rig.pass(rig.request('millrace.get.purse.nobody.history', {}));
  expect(answer).toMatchObject({ ok: false, error: { code: 'runtime/busy' } });
});
