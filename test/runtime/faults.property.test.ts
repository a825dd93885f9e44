import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSoundLogs } from './log-claims.ts';
import type { Limits } from '../../runtime/limits.ts';
import {
  History,
  names,
  shortLogs,
  type Carriage,
  type Faults,
  type Step,
  type Trouble,
} from './history.ts';
import type { Fate } from './rig.ts';

/**
 * Random commands and deadlines of purses in four partitions, under crashes, stops and take-overs of which
 * the former owner knows nothing; with appends of unknown fate and late ones, other calls to the
 * store that fail before or after they have taken effect, deliveries that come twice, late or
 * unanswered, checkpoints and evictions. Then everything heals and settles, and the claims below
 * are checked.
 */
const one = <const T extends string>(...kinds: T[]) => fc.constantFrom(...kinds);
const name = fc.constantFrom(...names);
const id = fc.integer({ min: 1, max: 60 });
const coins = fc.integer({ min: 1, max: 9 });
const partition = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: one('put'), who: name, coins, id }) },
  {
    weight: 12,
    arbitrary: fc.record({ kind: one('give', 'send'), who: name, to: name, coins, id }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: one('promise'),
      who: name,
      to: name,
      coins,
      inMs: fc.integer({ min: -10, max: 20_000 }),
      id,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: one('withdraw-promise'), who: name, to: name, id }),
  },
  { weight: 2, arbitrary: fc.record({ kind: one('ask-former'), nth: fc.nat(20) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: one('crash', 'usurp', 'stop', 'stop-slowly'), partition }),
  },
  { weight: 2, arbitrary: fc.record({ kind: one('late') }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: one('settle'), rounds: fc.integer({ min: 1, max: 8 }) }),
  },
);

const mostly = <T extends string>(usual: T, ...unusual: T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...unusual) },
  );
const steps = fc.array(step, { minLength: 60, maxLength: 160 });
const runs = Number(process.env['FAULT_RUNS'] ?? 250);
const some = { minLength: 1, maxLength: 40 };
const faults: fc.Arbitrary<Faults> = fc.record({
  fates: fc.array(mostly<Fate>('good', 'lost', 'unanswered', 'late'), some),
  troubles: fc.array(mostly<Trouble>('none', 'before', 'after'), some),
  carriages: fc.array(mostly<Carriage>('once', 'twice', 'lost', 'unanswered', 'again'), some),
});

/**
 * Histories that once went wrong. `evicted-and-back`: an actor left memory and came back while a
 * checkpoint was being taken, which then forgot that the new instance had changed.
 * `closed-receiver`: a delivery to a partition that had just been closed was never answered, so its
 * channel stood still. `evicted-in-between`: an actor left memory between the last look at a
 * delivery's receivers and its messages, which halted the partition.
 */
const examples = ['evicted-and-back', 'closed-receiver', 'evicted-in-between'].map((example) => {
  const file = join(import.meta.dirname, 'cases', `${example}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as [Step[], Faults];
});

describe('under crashes, take-overs, unknown fates and a failing store', () => {
  it('every acknowledged command is applied once, every deadline is handled once, every coin is conserved, repeats are byte-same', async () => {
    await fc.assert(
      fc.asyncProperty(steps, faults, async (some, failing) => {
        await check(some, failing);
      }),
      { numRuns: runs, examples },
    );
  }, 60_000);

  it('the same holds while logs are trimmed: what has left them is in the archive, without a gap', async () => {
    let alreadyApplied = 0;
    await fc.assert(
      fc.asyncProperty(steps, faults, async (some, failing) => {
        alreadyApplied += await check(some, failing, shortLogs);
      }),
      { numRuns: Math.ceil(runs / 2), examples },
    );
    expect(alreadyApplied).toBeGreaterThan(0);
  }, 60_000);
});

/** Tells how many repeats came after their reply had left the log. */
async function check(
  steps: readonly Step[],
  faults: Faults,
  limits?: Partial<Limits>,
): Promise<number> {
  const history = new History(faults, limits);
  await history.begin();
  for (const next of steps) await history.perform(next);
  await history.heal();
  await history.repeatAll();
  expect(history.rig.halted).toEqual([]);
  expect(history.wrong).toEqual([]);

  const records = await expectSoundLogs(history.rig, history.commands);
  expect(await history.promises()).toEqual(names.map(() => ({})));
  // A purse fails on the deadline of a promise that was kept or withdrawn.
  expect(records.filter(({ failure }) => failure)).toEqual([]);
  const put = records
    .flatMap(({ events = [] }) => events)
    .reduce((sum, event) => sum + (event.type === 'put' ? (event['coins'] as number) : 0), 0);
  const owned = await history.coins();
  expect(owned.reduce((sum, some) => sum + some, 0)).toBe(put);
  for (const some of owned) expect(some).toBeGreaterThanOrEqual(0);
  return history.alreadyApplied;
}
