import fc from 'fast-check';
import { expect, test } from 'vitest';
import { names } from './history.ts';
import { expectSoundLogs } from './log-claims.ts';
import { Rig, type Answered } from './rig.ts';

const who = fc.constantFrom(...names);
const gift = fc.record({ from: who, to: who, kind: fc.constantFrom('give', 'send') });
const tiny = fc.integer({ min: 1, max: 3 });

/**
 * Everybody gives to everybody at once, through channels that hold one to three messages: each
 * message asks for one back through a channel that is as full. Whoever is told busy asks again.
 */
test('channels in a cycle with full windows never deadlock, and refuse client commands alone', async () => {
  let busy = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(gift, { minLength: 20, maxLength: 60 }),
      fc.record({
        channelMessagesMax: tiny,
        deliveryMessagesMax: tiny,
        stagedRecordsMax: fc.constantFrom(2, 20_000),
      }),
      fc.integer({ min: 2, max: 4 }),
      async (gifts, limits, partitions) => {
        const rig = new Rig({ partitions, limits });
        await rig.startAll();
        const insist = async (from: string, name: string, body: object, id: string) => {
          for (;;) {
            const answered = await rig.within(rig.command(rig.purse(from), name, { ...body }, id));
            if (answered === undefined) throw new Error(`${from} ${name} ${id} was never answered`);
            if (answered.code !== 'runtime/busy') return answered;
            busy++;
          }
        };
        for (const name of names) await insist(name, 'put', { coins: 100 }, 'first');
        const outcomes: Answered[] = await Promise.all(
          gifts.map(({ from, to, kind }, n) => insist(from, kind, { to, coins: 1 }, `${n}`)),
        );
        expect(outcomes.filter(({ code }) => code !== undefined)).toEqual([]);
        await rig.settle(200);
        await expectSoundLogs(rig);
        expect(rig.halted).toEqual([]);
      },
    ),
    { numRuns: 100 },
  );
  // The windows were full.
  expect(busy).toBeGreaterThan(100);
}, 60_000);
