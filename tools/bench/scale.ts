/** What a command costs as the system grows: in accounts, symbols, partitions and hosts. */
import { closedLoop, type Send } from './loops.ts';
import { measure } from './measure.ts';
import { machine } from './processes.ts';
import { commandCells, commandHeading, commandNotes, headline, ratio, table } from './report.ts';
import type { ScaleResults, ScaleRow } from './results.ts';
import { startStage, type Stage } from './stage.ts';
import { depositBatches, openAccounts, orderBatches, prepareTrading } from './workloads.ts';

export interface ScaleOptions {
  readonly seconds: number;
  /** Only what grows under a name that contains this. */
  readonly only: string;
  readonly json: boolean;
}

/** One size of something: takes a stage, or the one before it, to that size. */
interface Size {
  readonly size: number;
  readonly stage: { readonly hosts: number; readonly partitions: number };
  /** Makes ready, and says what to send and how much of it at a time. */
  prepare(stage: Stage): Promise<{ readonly send: Send; readonly underWay: number }>;
}

interface Growth {
  readonly grows: string;
  readonly unit: string;
  readonly sizes: readonly Size[];
}

const usual = { hosts: 1, partitions: 16 };

const deposits =
  (accounts: number): Size['prepare'] =>
  async ({ connection, partitions }) => {
    await openAccounts(connection, { accounts, partitions });
    return { send: depositBatches(connection, { accounts, partitions }), underWay: 64 };
  };

const orders =
  (symbols: number): Size['prepare'] =>
  async ({ connection, partitions }) => {
    const trading = { traders: 200, symbols };
    await prepareTrading(connection, trading);
    return { send: orderBatches(connection, { ...trading, partitions }), underWay: 32 };
  };

const growths: readonly Growth[] = [
  {
    grows: 'accounts',
    unit: 'deposits in batches of 100',
    sizes: [1_000, 10_000, 100_000, 1_000_000].map((size) => ({
      size,
      stage: usual,
      prepare: deposits(size),
    })),
  },
  {
    grows: 'symbols',
    unit: 'full orders in batches of 100',
    sizes: [1, 10, 100, 1_000].map((size) => ({ size, stage: usual, prepare: orders(size) })),
  },
  {
    grows: 'partitions',
    unit: 'deposits in batches of 100',
    sizes: [4, 16, 64, 256].map((size) => ({
      size,
      stage: { ...usual, partitions: size },
      prepare: deposits(10_000),
    })),
  },
  {
    grows: 'hosts',
    unit: 'deposits in batches of 100',
    sizes: [1, 2, 4].map((size) => ({
      size,
      stage: { ...usual, hosts: size },
      prepare: deposits(10_000),
    })),
  },
];

/** Runs it and prints what came out. */
export async function measureScale(options: ScaleOptions): Promise<void> {
  const before = machine();
  const rows: ScaleRow[] = [];
  for (const growth of growths.filter(({ grows }) => grows.includes(options.only))) {
    rows.push(...(await measureGrowth(growth, options)));
  }
  const results: ScaleResults = { kind: 'scale', before, after: machine(), rows };
  console.log(options.json ? JSON.stringify(results, null, 2) : print(results));
}

/** Sizes of the same stage grow in it, one after the other; else each has a stage of its own. */
async function measureGrowth(growth: Growth, options: ScaleOptions): Promise<ScaleRow[]> {
  const rows: ScaleRow[] = [];
  const shared = growth.sizes.every(({ stage }) => stage === usual);
  await using stack = new AsyncDisposableStack();
  const common = shared ? stack.use(await startStage(usual)) : undefined;
  for (const { size, stage, prepare } of growth.sizes) {
    await using own = common ? undefined : await startStage(stage);
    const present = common ?? own;
    if (present === undefined) throw new Error('no stage was started');
    const { send, underWay } = await prepare(present);
    const { seconds } = options;
    const name = `${size} ${growth.grows}: ${growth.unit}`;
    const row = await measure(present, name, () => closedLoop({ send, underWay, seconds }));
    rows.push({ ...row, grows: growth.grows, size });
    if (!options.json) console.error(`${name}: ${Math.round(row.perSecond)}/s`);
  }
  return rows;
}

function print(results: ScaleResults): string {
  const first = (grows: string): number =>
    results.rows.find((row) => row.grows === grows)?.perSecond ?? 0;
  return [
    headline(results),
    '',
    table([
      ['', 'of the first', ...commandHeading],
      ...results.rows.map((row) => [
        row.name,
        ratio(row.perSecond, first(row.grows)),
        ...commandCells(row),
      ]),
    ]),
    '',
    commandNotes,
  ].join('\n');
}
