/** What tracing costs: the same load on hosts that trace nothing, a hundredth, and everything. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { closedLoop, type Send } from './loops.ts';
import { measure, medianRow } from './measure.ts';
import { machine } from './processes.ts';
import { commandCells, commandHeading, headline, table, traceNotes } from './report.ts';
import type { TraceResults, TraceRow } from './results.ts';
import { startStage, type Stage } from './stage.ts';
import { deposit, depositBatches, orders, prepareTrading } from './workloads.ts';

export interface TracesOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Only the measurements whose names contain this. */
  readonly only: string;
  readonly json: boolean;
}

interface Collector {
  readonly url: string;
  spans(): Promise<number>;
}

interface Variant {
  readonly name: string;
  readonly stage: Stage;
  readonly collector: Collector;
}

const partitions = 16;
const accounts = 1_000;
const trading = { traders: 200, symbols: 10 };
const shares = [0, 0.01, 1];

const workloads: readonly {
  readonly name: string;
  readonly underWay: number;
  readonly send: (stage: Stage) => Send;
}[] = [
  {
    name: 'single deposit',
    underWay: 256,
    send: ({ connection }) => deposit(connection, accounts),
  },
  {
    name: 'full order',
    underWay: 64,
    send: ({ connection }) => orders(connection, trading),
  },
  {
    name: 'deposits in batches of 100',
    underWay: 64,
    send: ({ connection }) => depositBatches(connection, { accounts, partitions }),
  },
];

/** Runs it and prints what came out. */
export async function measureTraces(options: TracesOptions): Promise<void> {
  const before = machine();
  await using stack = new AsyncDisposableStack();
  const collector = startCollector(stack);
  const variants: Variant[] = [];
  for (const share of shares)
    variants.push(await startVariant(share, await collector, (stage) => stack.use(stage)));
  const rows: TraceRow[] = [];
  const chosen = workloads.filter(({ name }) => name.includes(options.only));
  for (const workload of chosen) rows.push(...(await compare(workload, variants, options)));
  const results: TraceResults = { kind: 'traces', before, after: machine(), rows };
  console.log(options.json ? JSON.stringify(results, null, 2) : describe(results));
}

async function startVariant(
  share: number,
  collector: Collector,
  use: (stage: Stage) => void,
): Promise<Variant> {
  const environment =
    share === 0
      ? {}
      : {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_METRICS_EXPORTER: 'none',
          OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
          OTEL_TRACES_SAMPLER_ARG: `${share}`,
        };
  const stage = await startStage({ hosts: 1, partitions, environment });
  use(stage);
  await prepareTrading(stage.connection, trading);
  return { name: share === 0 ? 'untraced' : `${share * 100} % traced`, stage, collector };
}

/** In every round each variant once, so that what else the machine does meets them all alike. */
async function compare(
  { name, underWay, send }: (typeof workloads)[number],
  variants: readonly Variant[],
  { rounds, seconds, json }: TracesOptions,
): Promise<TraceRow[]> {
  const measured = variants.map((variant) => ({
    ...variant,
    send: send(variant.stage),
    rows: [] as Slice[],
  }));
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    // Nobody is always the one after the same other.
    for (const one of round % 2 === 0 ? measured : measured.toReversed()) {
      const before = await one.collector.spans();
      const loop = () => closedLoop({ send: one.send, underWay, seconds });
      const row = await measure(one.stage, `${name}, ${one.name}`, loop);
      await pause(settleMs);
      const spans = (await one.collector.spans()) - before;
      if (round > 0) one.rows.push({ ...row, spans });
      if (!json) console.error(`${row.name}: ${Math.round(row.perSecond)}/s`);
    }
  }
  const totals = measured.map(({ rows }) => together(rows, seconds));
  const untraced = totals[0]?.perSecond ?? 0;
  return totals.map((row) => ({ ...row, share: row.perSecond / untraced }));
}

type Slice = Omit<TraceRow, 'share'>;

/** All rounds of one variant: means, but of the percentiles medians. */
function together(rows: readonly Slice[], seconds: number): Slice {
  const mean = (of: (row: Slice) => number): number =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const { p50, p99, p999, name, cpu } = medianRow(rows);
  const perSecond = mean((row) => row.perSecond);
  return {
    name,
    perSecond,
    ...{ p50, p99, p999 },
    failed: mean(({ failed }) => failed) * rows.length,
    cpu: Object.fromEntries(
      Object.keys(cpu).map((part) => [part, mean((row) => row.cpu[part] ?? 0)]),
    ),
    bytes: mean(({ bytes }) => bytes),
    others: mean(({ others }) => others),
    spans: mean(({ spans }) => spans) / Math.max(1, perSecond * seconds),
  };
}

/** What is under way to the collector by then arrives within this time. */
const settleMs = 300;

async function startCollector(stack: AsyncDisposableStack): Promise<Collector> {
  const child = fork(join(import.meta.dirname, `collector${extname(import.meta.filename)}`));
  stack.defer(() => child.disconnect());
  const { port } = await heard<{ readonly port: number }>(child);
  return {
    url: `http://127.0.0.1:${port}`,
    spans: async () => {
      child.send('how many');
      return (await heard<{ readonly spans: number }>(child)).spans;
    },
  };
}

async function heard<T>(child: ChildProcess): Promise<T> {
  const [message]: unknown[] = await once(child, 'message');
  return message as T;
}

function describe(results: TraceResults): string {
  const heading = ['', 'of untraced', 'spans', ...commandHeading];
  const lines = results.rows.map((row) => [
    row.name,
    row.share.toFixed(2),
    row.spans.toFixed(2),
    ...commandCells(row),
  ]);
  return [headline(results), '', table([heading, ...lines]), '', traceNotes].join('\n');
}
