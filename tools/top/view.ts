/** What `top` shows: tables on a terminal, one line where there is none. */
import { columns, type Paint } from '../terminal.ts';
import type { PartitionRates, Queues, Rates } from './rates.ts';

const partitionsShown = 12;
const slowestShown = 6;
const mebibyte = 1_048_576;

/** The whole view, a line each. */
export function viewOf(rates: Rates, { time, paint }: { time: string; paint: Paint }): string[] {
  const { hosts, partitions, slowest, haltedActors, parkedMessages } = rates;
  const head = (rows: readonly string[]): string[] =>
    rows.map((row, at) => (at === 0 ? paint.bold(row) : row));
  const wrong = [
    ...hosts
      .filter(({ halted }) => halted > 0)
      .map(({ host, halted }) => `${halted} partitions of ${host} are halted`),
    ...haltedActors.map((actor) => `${actor} is halted`),
    ...(parkedMessages > 0 ? [`${parkedMessages} messages are parked`] : []),
  ];
  return [
    `${time}  ${lineOf(rates)}`,
    ...wrong.map(paint.red),
    '',
    ...head(columns([hostHeading, ...hosts.map(hostRow)])),
    '',
    ...head(columns([partitionHeading, ...partitions.slice(0, partitionsShown).map(partitionRow)])),
    ...(partitions.length > partitionsShown
      ? [paint.dim(`and ${partitions.length - partitionsShown} partitions more`)]
      : []),
    '',
    ...(slowest.length === 0
      ? [paint.dim('no requests lately')]
      : head(columns([slowHeading, ...slowest.slice(0, slowestShown).map(slowRow)]))),
  ];
}

/** All hosts together, in one line. */
export function lineOf({ hosts, partitions, slowest }: Rates): string {
  const sum = (of: 'records' | 'requests' | 'refused'): number =>
    hosts.reduce((all, host) => all + host[of], 0);
  const queued = hosts.reduce((all, host) => all + waiting(host.queued), 0);
  const p99 = Math.max(0, ...hosts.map(({ p99Ms }) => p99Ms ?? 0));
  const [slow] = slowest;
  return [
    `${hosts.length} hosts`,
    `${partitions.length} partitions`,
    `${sum('records')} records/s`,
    `${sum('requests')} requests/s`,
    `${sum('refused')} refused/s`,
    `p99 ${p99} ms`,
    `${queued} queued`,
    ...(slow ? [`slowest ${slow.actor} ${slow.name} ${slow.ms} ms`] : []),
  ].join(', ');
}

const queueHeading = ['not durable', 'pending', 'reads', 'outgoing'];
const hostHeading = [
  'host',
  'partitions',
  'records/s',
  'requests/s',
  'refused/s',
  'p50 ms',
  'p99 ms',
  'actors',
  ...queueHeading,
];
const partitionHeading = [
  'partition',
  'host',
  'epoch',
  'position',
  'records/s',
  'actors',
  'log MiB',
  'dead letters',
  ...queueHeading,
];
const slowHeading = ['slowest', 'request', 'ms', 'host'];

const queueCells = ({ lag, pending, reads, unacknowledged }: Queues): number[] => [
  lag,
  pending,
  reads,
  unacknowledged,
];

const waiting = (queues: Queues): number => queueCells(queues).reduce((sum, one) => sum + one, 0);

const hostRow = (host: Rates['hosts'][number]): (string | number)[] => [
  host.host,
  host.partitions,
  host.records,
  host.requests,
  host.refused,
  host.p50Ms ?? '-',
  host.p99Ms ?? '-',
  host.actors,
  ...queueCells(host.queued),
];

const partitionRow = (one: PartitionRates): (string | number)[] => [
  one.partition,
  one.host,
  one.epoch,
  one.position,
  one.records,
  one.actors,
  Math.round((one.logBytes / mebibyte) * 10) / 10,
  one.deadLetters,
  ...queueCells(one.queued),
];

const slowRow = ({ actor, name, ms, host }: Rates['slowest'][number]): (string | number)[] => [
  actor,
  name,
  ms,
  host,
];
