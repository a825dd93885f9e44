import { expect, test } from 'vitest';
import { run } from '../../tools/faults/run.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';

test('real processes that are broken more than once a second lose, double and make nothing', async () => {
  const data = await temporaryDirectory();
  const report = await run({ data, seconds: 12, seed: 20_260_219, tell: () => {} });
  expect(report.violations).toEqual([]);
  // The faults hit a cluster at work.
  const faults = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
  expect(faults).toBeGreaterThan(12);
  expect(report.acknowledged).toBe(report.commands);
  expect(report.acknowledged).toBeGreaterThan(500);
}, 150_000);
