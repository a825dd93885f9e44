/** Whatever a release has written, every later one reads, and would decide and do the same again. */
import { expect, test } from 'vitest';
import { corpora, replayCorpus } from './corpus.ts';

test.each(corpora())('%s leads to the states that it once led to', async (name) => {
  const { violations, states, expected } = await replayCorpus(name);
  expect(violations).toEqual([]);
  expect(states).toEqual(expected);
});

test('there is a golden log of the present format', () => {
  expect(corpora()).toEqual(expect.arrayContaining(['1/directed', '1/exchange', '1/transfers']));
});
