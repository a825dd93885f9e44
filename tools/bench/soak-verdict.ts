/** What the samples of a soak show: is everything flat that has to be, and every recovery short? */
import { defaultLimits } from '../../runtime/limits.ts';
import { whole } from './report.ts';
import type { Finding, SoakRecovery, SoakResults, SoakSample, SoakSettings } from './results.ts';

/** By how much of itself a memory may grow over the judged time: noise, not a leak. */
const growthMax = 0.05;
/** How much longer the median p99 of the last quarter may be than that of the second. */
const slowdownMax = 1.5;
/** Half a second of replay, and a second for everything else. */
const recoveryMsMax = defaultLimits(1).leaseMs + 500 + 1_000;

/** A segment of ids is a minute long, and a checkpoint, every half minute at least, drops it. */
const forgettingSeconds = 90;

/** Until then memory has to grow: ids are remembered and none is forgotten yet. */
export const warmUpSeconds = ({ windowSeconds }: Pick<SoakSettings, 'windowSeconds'>): number =>
  windowSeconds + forgettingSeconds;

/** Each thing that must hold, whether it does or not. */
export function judge(
  soak: Pick<SoakResults, 'samples' | 'recoveries' | 'failed' | 'settings'>,
): readonly Finding[] {
  const { samples, recoveries, failed, settings } = soak;
  const warm = samples.filter(({ seconds }) => seconds > warmUpSeconds(settings));
  const [first, last] = [warm[0], warm.at(-1)];
  const trimmed = (last?.archived ?? 0) - (first?.archived ?? 0);
  return [
    atMost('requests that failed, but for the kills', failed, 0, String),
    flat('memory of the hosts', warm, ({ hostMiB }) => hostMiB),
    flat('their heap after a full collection', warm, ({ heapMiB }) => heapMiB),
    flat('memory of Redis', warm, ({ redisMiB }) => redisMiB),
    {
      what: 'files archived, and their records trimmed',
      found: String(trimmed),
      bound: '≥ 1',
      holds: trimmed >= 1,
    },
    steady('p99 of a deposit', samples, ({ deposit }) => deposit.p99),
    steady('p99 of an order', samples, ({ order }) => order.p99),
    ...recoveries.map(recovered),
  ];
}

/** The growth from the first to the last of some evenly taken values, as a share of their mean. */
export function growth(values: readonly number[]): number {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const middle = (count - 1) / 2;
  const weights = values.map((_, index) => index - middle);
  const spread = weights.reduce((sum, weight) => sum + weight * weight, 0);
  if (spread === 0 || mean === 0) return 0;
  // Least squares: one value is one step.
  const slope = values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0) / spread;
  return (slope * (count - 1)) / mean;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

function flat(
  what: string,
  samples: readonly SoakSample[],
  value: (sample: SoakSample) => number,
): Finding {
  const values = samples.map(value);
  const size = values.reduce((sum, one) => sum + one, 0) / Math.max(1, values.length);
  const finding = atMost(`growth of ${what}`, growth(values), growthMax, percent);
  return { ...finding, found: `${finding.found} of ${whole(size)} MiB` };
}

function steady(
  what: string,
  samples: readonly SoakSample[],
  value: (sample: SoakSample) => number,
): Finding {
  const quarter = (n: number): number =>
    median(
      samples
        .slice(Math.floor((samples.length * (n - 1)) / 4), Math.floor((samples.length * n) / 4))
        .map(value),
    );
  const [second, last] = [quarter(2), quarter(4)];
  return {
    what: `${what}, last quarter against second`,
    found: `${last.toFixed(1)} ms against ${second.toFixed(1)}`,
    bound: `≤ ${slowdownMax} ×`,
    holds: last <= second * slowdownMax,
  };
}

const recovered = ({ seconds, ms }: SoakRecovery): Finding =>
  atMost(
    `recovery from the kill at ${Math.round(seconds)} s`,
    ms,
    recoveryMsMax,
    (value) => `${(value / 1_000).toFixed(2)} s`,
  );

const atMost = (
  what: string,
  value: number,
  most: number,
  print: (value: number) => string,
): Finding => ({ what, found: print(value), bound: `≤ ${print(most)}`, holds: value <= most });

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
