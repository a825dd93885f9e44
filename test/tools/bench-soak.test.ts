/** What the soak concludes from its samples. */
import { expect, test } from 'vitest';
import type { Latency, SoakSample } from '../../tools/bench/results.ts';
import { kindOf } from '../../tools/bench/soak-load.ts';
import { growth, judge, warmUpSeconds } from '../../tools/bench/soak-verdict.ts';

const latency = (p99: number): Latency => ({ count: 1, p50: 1, p99, max: p99 });

const quiet: SoakSample = {
  seconds: 0,
  perSecond: 1_000,
  failed: 0,
  deposit: latency(5),
  order: latency(10),
  batch: latency(20),
  hostMiB: 500,
  heapMiB: 100,
  buffersMiB: 50,
  redisMiB: 300,
  fileMiB: 400,
  rewrites: 0,
  logMiB: 250,
  ids: 1_000_000,
  residents: 1_000,
  archived: 0,
  hostStallMs: 1,
  generatorStallMs: 1,
  cores: 1.5,
  others: 0,
};

const settings = {
  minutes: 20,
  share: 0.7,
  kills: 1,
  hosts: 1,
  windowSeconds: 180,
  retainMiB: 256,
};

/** A sample every ten seconds for twenty minutes, each changed as its time tells. */
const samples = (change: (seconds: number) => Partial<SoakSample> = () => ({})): SoakSample[] =>
  Array.from({ length: 120 }, (_, index) => {
    const seconds = (index + 1) * 10;
    return { ...quiet, seconds, archived: index, ...change(seconds) };
  });

const recovery = { seconds: 1_210, ms: 3_400, records: 1, recordsMost: 1, replayMsMost: 1 };

/** What does not hold. */
const failing = (soak: Partial<Parameters<typeof judge>[0]>): string[] =>
  judge({ samples: samples(), recoveries: [], failed: 0, settings, ...soak })
    .filter(({ holds }) => !holds)
    .map(({ what }) => what);

test('a soak in which nothing changes holds', () => {
  const recoveries = [{ ...recovery, failed: 12_000 }];
  expect(failing({ recoveries })).toEqual([]);
});

test('what grows while ids are remembered and none is forgotten yet is no leak', () => {
  const warmUp = warmUpSeconds(settings);
  const ids = (seconds: number): number => Math.min(seconds, warmUp) * 10_000;
  const grows = (seconds: number) => ({ ids: ids(seconds), hostMiB: 300 + ids(seconds) / 10_000 });
  expect(failing({ samples: samples(grows) })).toEqual([]);
});

test('a leak is found in a sawtooth', () => {
  const saw = (seconds: number): number => 300 + (seconds % 70);
  expect(failing({ samples: samples((at) => ({ redisMiB: saw(at) })) })).toEqual([]);
  expect(failing({ samples: samples((at) => ({ redisMiB: saw(at) + at / 20 })) })).toEqual([
    'growth of memory of Redis',
  ]);
});

test('a latency that becomes longer is found, one long interval is not enough', () => {
  const once = samples((at) => ({ deposit: latency(at === 1_000 ? 500 : 5) }));
  expect(failing({ samples: once })).toEqual([]);
  const slower = samples((at) => ({ order: latency(at < 800 ? 10 : 16) }));
  expect(failing({ samples: slower })).toEqual(['p99 of an order, last quarter against second']);
});

test('a slow recovery, a failed request and a log that was never trimmed are found', () => {
  const recoveries = [{ ...recovery, ms: 4_600, failed: 12_000 }];
  expect(failing({ recoveries })).toEqual(['recovery from the kill at 1210 s']);
  expect(failing({ failed: 1 })).toEqual(['requests that failed, but for the kills']);
  expect(failing({ samples: samples(() => ({ archived: 3 })) })).toEqual([
    'files archived, and their records trimmed',
  ]);
});

test('growth is the trend from first to last as a share of the mean', () => {
  expect(growth([90, 95, 100, 105, 110])).toBeCloseTo(0.2);
  expect(growth([100, 100])).toBe(0);
  expect(growth([7])).toBe(0);
  expect(growth([])).toBe(0);
});

test('of 100 requests one is a batch of deposits, one of orders, ten are orders', () => {
  const kinds = Array.from({ length: 100 }, (_, n) => kindOf(n));
  const count = (wanted: string): number => kinds.filter((kind) => kind === wanted).length;
  expect([count('batch'), count('order'), count('deposit')]).toEqual([2, 10, 88]);
});
