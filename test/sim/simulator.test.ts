import { describe, expect, test } from 'vitest';
import { simulate } from '../../tools/sim/index.ts';
import { workload as purses } from './purses.ts';
import { workload as transfers } from './transfers.ts';

const workloads = { purses, transfers };
const chunk = 20;
const chunksOf = (seeds: number): number[] =>
  Array.from({ length: seeds / chunk }, (_, index) => index * chunk + 1);

/** What a seed shows to be wrong, and how to see it again; undefined if nothing is. */
async function failure(seed: string, actors?: keyof typeof workloads): Promise<string | undefined> {
  const { complaints, trace } = await simulate({
    seed,
    ...(actors && { workload: workloads[actors] }),
  });
  if (complaints.length === 0) return undefined;
  const own = actors ? ` --actors test/sim/${actors}.ts` : '';
  const tail = trace.slice(-30).map((line) => line.slice(0, 200));
  return [...complaints, `npm run sim -- ${seed} --trace${own}`, ...tail].join('\n');
}

// A machine with much else to do takes long, and still must take the same steps.
const timeout = 300_000;

describe(
  'whatever goes wrong, the guarantees hold and all settles once it has healed',
  { timeout },
  () => {
    test.each(chunksOf(180))('the exchange, 20 seeds from %d', async (first) => {
      for (let seed = first; seed < first + chunk; seed++)
        expect(await failure(`${seed}`)).toBeUndefined();
    });

    test.each(chunksOf(100))("a user's own actors, 20 seeds from %d", async (first) => {
      for (let seed = first; seed < first + chunk; seed++)
        expect(await failure(`${seed}`, 'purses')).toBeUndefined();
    });

    test.each(chunksOf(60))('transfers by every protocol, 20 seeds from %d', async (first) => {
      for (let seed = first; seed < first + chunk; seed++)
        expect(await failure(`${seed}`, 'transfers')).toBeUndefined();
    });
  },
);

test.each<[string, string, (keyof typeof workloads)?]>([
  ['a successor that was frozen took what its heir had written for damage', '212'],
  ['a partition that was being let go did not repeat its events after a reconnection', '635'],
  ['a host that was started again did not know what it had been sent before', '700155'],
  ['a consumer group skipped what reads of an ended connection were given later', '99069'],
  ['what waits for an actor was left when a tail was to be lost, and none was', '872192', 'purses'],
])('what was found once: %s', async (_, seed, actors) => {
  expect(await failure(seed, actors)).toBeUndefined();
});

test('the same seed is the same story, line for line; another seed is another', async () => {
  const [one, again, other] = [
    await simulate({ seed: 'twice' }),
    await simulate({ seed: 'twice' }),
    await simulate({ seed: 'once' }),
  ];
  expect(again.trace).toEqual(one.trace);
  expect([again.hash, other.hash]).toEqual([one.hash, expect.not.stringMatching(one.hash)]);
});

test('so it is with batches, consumer groups and an operator', async () => {
  const story = { seed: '600004', workload: purses };
  const [one, again] = [await simulate(story), await simulate(story)];
  for (const part of [/a batch of \d/, /reader .* starts/, /operator list/])
    expect(one.trace).toContainEqual(expect.stringMatching(part));
  expect(again.hash).toBe(one.hash);
});
