/** How the soak is printed: a line for each sample as it comes, and tables at the end. */
import { headline, table, whole } from './report.ts';
import type { Finding, Latency, SoakRecovery, SoakResults, SoakSample } from './results.ts';
import { warmUpSeconds } from './soak-verdict.ts';

/** Of a long soak each so-manyth sample is shown. */
const linesMax = 24;

const heading = [
  'after s',
  'per second',
  'deposit p50',
  'p99',
  'order p99',
  'batch p99',
  'failed',
  'hosts MiB',
  'heap',
  'buffers',
  'Redis MiB',
  'file',
  'rewrites',
  'logs MiB',
  'ids',
  'archived',
  'stall ms',
  'generator',
  'cores',
  'others',
];

const cells = (sample: SoakSample): string[] => [
  whole(sample.seconds),
  whole(sample.perSecond),
  sample.deposit.p50.toFixed(1),
  sample.deposit.p99.toFixed(1),
  sample.order.p99.toFixed(1),
  sample.batch.p99.toFixed(1),
  whole(sample.failed),
  whole(sample.hostMiB),
  whole(sample.heapMiB),
  whole(sample.buffersMiB),
  whole(sample.redisMiB),
  whole(sample.fileMiB),
  whole(sample.rewrites),
  whole(sample.logMiB),
  whole(sample.ids),
  whole(sample.archived),
  sample.hostStallMs.toFixed(0),
  sample.generatorStallMs.toFixed(0),
  sample.cores.toFixed(2),
  sample.others.toFixed(2),
];

/** One line of progress. */
export const describeSample = (sample: SoakSample): string =>
  cells(sample)
    .map((cell, column) => `${heading[column]} ${cell}`)
    .join(', ');

/** The results as they stand in docs/performance.md. */
export function describeSoak(results: SoakResults): string {
  const { settings, capacity, rate, samples, recoveries, rewrites, findings } = results;
  const every = Math.ceil(samples.length / linesMax);
  const shown = samples.filter((_, index) => (index + 1) % every === 0);
  return [
    headline(results),
    `${settings.minutes} minutes at ${whole(rate)} requests a second, ${settings.share} of the ` +
      `capacity of ${whole(capacity)}; ids remembered for ${settings.windowSeconds} s; logs of ` +
      `${settings.retainMiB} MiB`,
    '',
    table([heading, ...shown.map(cells)]),
    '',
    ...(recoveries.length === 0 ? [] : [recoveryTable(recoveries), '']),
    `single deposits while Redis rewrote its file: ${describeLatency(rewrites.during)}`,
    `at other times: ${describeLatency(rewrites.otherwise)}`,
    '',
    findingTable(findings),
    '',
    notes(warmUpSeconds(settings)),
  ].join('\n');
}

const describeLatency = ({ count, p50, p99, max }: Latency): string =>
  `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)}, longest ${max.toFixed(0)}, of ${whole(count)}`;

const recoveryTable = (recoveries: readonly SoakRecovery[]): string =>
  table([
    ['killed at s', 'answers after ms', 'records', 'most', 'their replay ms', 'requests failed'],
    ...recoveries.map(({ seconds, ms, records, recordsMost, replayMsMost, failed }) =>
      [seconds, ms, records, recordsMost, replayMsMost, failed].map(whole),
    ),
  ]);

const findingTable = (findings: readonly Finding[]): string =>
  table([
    ['', 'found', 'bound', ''],
    ...findings.map(({ what, found, bound, holds }) => [
      what,
      found,
      bound,
      holds ? 'ok' : 'FAILED',
    ]),
  ]);

const notes = (warmUp: number): string => `\
How to read it. An open loop: latencies are measured from the moment at which a request was due. Of 100
requests one is a batch of 100 deposits, one a batch of 100 orders, ten are single orders and the others
single deposits, all with ids; orders are held, matched and settled on both sides. Hosts, heap, buffers:
resident memory of the hosts, what a full collection left of the heap, typed arrays and buffers. File:
Redis' append-only file. Growth is the trend (least squares) over the samples later than ${warmUp} s: until
then ids are added and none is old enough to be forgotten. Stalls are by how much timers came late, at the
99th percentile, in the hosts and in the generator, which is a process on the same machine. Cores: how many this soak kept busy,
and how many other programs did: above 0.3 it was disturbed, and its latencies mean little.
A kill is answered when one deposit in every partition is durable again; the time until then has the
dead host's lease in it, the start of its successor, and the replay.`;
