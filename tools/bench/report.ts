/** How results are printed: plain tables that stand as they are in docs/performance.md. */
import type { CommandResults, CommandRow, Machine } from './results.ts';

/** The main benchmark's results as it prints them. */
export function describe(results: CommandResults): string {
  const { rows, openLoop: open } = results;
  const lines = [...rows, ...open].map((row) => [row.name, ...commandCells(row)]);
  const single = rows.find(({ name }) => name === 'single deposit');
  const floors = rows.filter(({ name }) => name === 'NATS echo' || name === 'Redis append');
  return [
    headline(results),
    '',
    table([['', ...commandHeading], ...lines]),
    '',
    ...(single ? floors.map((floor) => share(single, floor)) : []),
    '',
    commandNotes,
  ].join('\n');
}

/** The machine, and how busy it was: a load that is not the benchmark's own spoils the figures. */
export const headline = ({ before, after }: { before: Machine; after: Machine }): string =>
  `${before.processor}, ${before.cores} cores, ${before.memoryGiB} GiB, Node ${before.node}; ` +
  `load ${before.load} before, ${after.load} after`;

/** Lines of cells under a heading: the first column to the left, the others to the right. */
export function table(lines: readonly (readonly string[])[]): string {
  const [heading = []] = lines;
  const widths = heading.map((_, column) =>
    Math.max(...lines.map((cells) => (cells[column] ?? '').length)),
  );
  return lines
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A number for people: whole, with its thousands apart. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

/** `value` as a multiple of `base`: `0.83`. */
export const ratio = (value: number, base: number): string => (value / base).toFixed(2);

const parts = ['hosts', 'redis', 'nats', 'generator'];

export const commandHeading: readonly string[] = [
  'per second',
  'p50 ms',
  'p99 ms',
  'p99.9 ms',
  'failed',
  ...parts.map((part) => `µs ${part}`),
  'bytes',
  'others',
];

/** A measurement's cells under `commandHeading`. */
export const commandCells = (row: CommandRow): string[] => [
  whole(row.perSecond),
  row.p50.toFixed(2),
  row.p99.toFixed(2),
  row.p999.toFixed(2),
  whole(row.failed),
  ...parts.map((part) => (row.cpu[part] ?? 0).toFixed(1)),
  whole(row.bytes),
  row.others.toFixed(2),
];

/** What ends the output of the benchmarks that send commands. */
export const commandNotes = `\
How to read it. Per second: units of work (commands, orders) that succeeded. The percentiles are of
whole requests: of a batch, for all of its 100 commands. µs: processor time per unit of work in each
program; their sum is what a command costs. Bytes: what Redis' data grew by per unit of work. Others:
cores that all else kept busy meanwhile, the kernel's fsyncs included; a row above 0.3 was disturbed.
The closed loop sends its next request when one is answered. That finds the capacity, but while the
system stalls it asks for nothing, and what it would have asked in that time is missing from its
percentiles (coordinated omission). The open loop, whose rows name a rate, sends whatever the answers
do and measures from the moment at which a request was due: a stall counts for all that it delayed. It
runs for two seconds before it is measured.

What is not measured. Generator, hosts, Redis and NATS share this machine: with more cores each would
have its own, with a network between them each hop would take longer. A disk that fsyncs slower or
faster moves all that is durable, the bare append too. The runs are short: no large archive, no
failure, no hand-over, little waiting for memory. Accounts and symbols are drawn evenly; real traffic
has favourites, which is easier on caches and harder on single partitions. The generator sends ids
and checks whether a reply says ok, but does not parse it.`;

/** What ends the output of the benchmark of tracing. */
export const traceNotes = `\
How to read it. Rounds are short and many, each measures every line once, and what is printed is the mean
of them all (of percentiles the median). Of untraced: the rate as a share of that of the host without
tracing. Spans: what the collector got, per command or order. The rest as in the main benchmark.
Each line has a cluster of its own (Redis, NATS, one host), all of one machine; those that are not
measured do nothing meanwhile. The generator sends no traceparent: the host decides what is traced.

What is not measured. A collector that stores what it gets: this one counts and forgets. Metrics by
OTLP are off. Above what the SDK's queue takes (2,048 spans, batches of 512) spans are dropped, which
is cheap: the column spans says how many were not.`;

/** What ends the output of the matching benchmark. */
export const matchNotes = `\
How to read it. Every book gets the same messages, translated to its own commands outside of the
measured time; a run counts only if all books make the same number of trades and show the same best
ten levels. Rounds are interleaved after one that only warms up; the figures are medians.
The order book is matching and bookkeeping alone. The symbol actor is what the system runs: checks of
tick, lot and terms, decimal strings, an event for each step, the statechart, the reply.
nodejs-order-book runs without its journal and returns copies of the orders it touched. It takes
floating-point prices, checks neither tick nor lot and knows no fees or amounts; it has stop and OCO
orders, which ours has not and the feeds have none of; it shows the whole depth or nothing.
Growing books hold ten orders at each level; a pair is placed and cancelled at any level, which finds
nothing in the processor's caches, or at one of the best 50 of a side, where most orders come.

What is not measured. Parsing of commands, de-duplication, log and network: see the main benchmark.
One process runs all books in turn, so each may pay for collecting what another left behind.`;

const share = (single: CommandRow, floor: CommandRow): string =>
  `deposit / ${floor.name}: ${ratio(single.perSecond, floor.perSecond)}`;
