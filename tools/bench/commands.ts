/** The main benchmark: what a command costs, beside what its bytes cost without us. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from '../../runtime/redis/connection.ts';
import { closedLoop, openLoop, type Measured, type Send } from './loops.ts';
import { cpuMs, machine, type Machine } from './processes.ts';
import { startStage, type Stage } from './stage.ts';
import {
  balance,
  deposit,
  depositBatches,
  echo,
  orderBatches,
  orders,
  prepareTrading,
} from './workloads.ts';

export interface CommandsOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly hosts: number;
  /** Only the measurements whose names contain this. */
  readonly only: string;
  readonly json: boolean;
}

interface Row {
  readonly name: string;
  /** Of all rounds, by rate. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly failed: number;
  /** Processor time per unit of work, in µs, by process. */
  readonly cpu: { readonly [part: string]: number };
  readonly bytes?: number;
}

interface Results {
  readonly before: Machine;
  readonly after: Machine;
  readonly rows: readonly Row[];
  readonly openLoop: readonly (Row & { readonly rate: number })[];
}

const accounts = 1_000;
const trading = { traders: 200, symbols: 10 };
const openRates = [1_000, 3_000];

/** Runs it and prints what came out. */
export async function measureCommands(options: CommandsOptions): Promise<void> {
  const before = machine();
  await using stage = await startStage({ hosts: options.hosts, partitions: 16 });
  const { connection, partitions } = stage;
  await prepareTrading(connection, trading);
  const closed: readonly [name: string, send: Send, underWay: number][] = [
    ['NATS echo', echo(connection), 256],
    ['Redis append', append(stage.redis), 256],
    ['single deposit', deposit(connection, accounts), 256],
    ['NATS echo, one under way', echo(connection), 1],
    ['Redis append, one under way', append(stage.redis), 1],
    ['deposit, one under way', deposit(connection, accounts), 1],
    ['balance query', balance(connection, accounts), 256],
    ['deposits in batches of 100', depositBatches(connection, { accounts, partitions }), 64],
    ['full orders in batches of 100', orderBatches(connection, { ...trading, partitions }), 32],
  ];
  const chosen = closed.filter(([name]) => name.includes(options.only));
  const collected = new Map<string, Row[]>();
  for (let round = 0; round < options.rounds; round++) {
    for (const [name, send, underWay] of chosen) {
      const loop = (): Promise<Measured> =>
        closedLoop({ send, underWay, seconds: options.seconds });
      const row = await measure(stage, name, loop);
      collected.set(name, [...(collected.get(name) ?? []), row]);
      if (!options.json) progress(round, row);
      await pause(200);
    }
  }
  const open: (Row & { rate: number })[] = [];
  for (const rate of openRates) {
    const send = orders(connection, trading);
    const name = `full order at ${rate}/s`;
    if (!name.includes(options.only)) continue;
    const loop = (): Promise<Measured> => openLoop({ send, rate, seconds: options.seconds * 2 });
    open.push({ ...(await measure(stage, name, loop)), rate });
  }
  const rows = [...collected.values()].map(median);
  const results: Results = { before, after: machine(), rows, openLoop: open };
  console.log(options.json ? JSON.stringify(results, null, 2) : table(results));
}

/** Bare Redis: the bytes of a deposit's record, appended and fsynced, nothing else. */
const append =
  (redis: Connection): Send =>
  async (n) => {
    await redis.call('xadd', [`{bench}:${n % 16}`, '*', 'n', '1', 'records', recordBytes]);
    return 1;
  };

const recordBytes = JSON.stringify([
  {
    time: 1_795_217_728_267,
    actor: 'account/a929',
    version: 20,
    id: '15022-mkx3p2a1-1zz',
    hash: 'zfphMyUSuGwhozosM0FilP',
    events: [{ type: 'deposited', asset: 'USD', amount: '1.00' }],
    reply: { ok: true, result: { asset: 'USD', available: '20.00', held: '0.00' } },
    external: { USD: '1.00' },
  },
]);

async function measure(stage: Stage, name: string, loop: () => Promise<Measured>): Promise<Row> {
  const parts = Object.entries(stage.processes);
  const used = (): number[] =>
    parts.map(([, pids]) => pids.reduce((sum, pid) => sum + cpuMs(pid), 0));
  const bytesBefore = await redisBytes(stage.redis);
  const cpuBefore = used();
  const { done, failed, seconds, latency } = await loop();
  const cpuAfter = used();
  const bytes = ((await redisBytes(stage.redis)) - bytesBefore) / Math.max(1, done);
  const micros = (index: number): number =>
    (((cpuAfter[index] ?? 0) - (cpuBefore[index] ?? 0)) * 1_000) / Math.max(1, done);
  return {
    name,
    perSecond: done / seconds,
    p50: latency.percentile(0.5),
    p99: latency.percentile(0.99),
    p999: latency.percentile(0.999),
    failed,
    cpu: Object.fromEntries(parts.map(([part], index) => [part, micros(index)])),
    bytes,
  };
}

async function redisBytes(redis: Connection): Promise<number> {
  const text = String(await redis.call('info', ['memory']));
  return Number(/used_memory_dataset:(\d+)/.exec(text)?.[1] ?? 0);
}

function median(rows: readonly Row[]): Row {
  const sorted = rows.toSorted((a, b) => a.perSecond - b.perSecond);
  const row = sorted[Math.floor(sorted.length / 2)];
  if (row === undefined) throw new Error('nothing was measured');
  return row;
}

const progress = (round: number, row: Row): void =>
  console.error(`round ${round + 1}: ${row.name}: ${Math.round(row.perSecond)}/s`);

function table({ before, after, rows, openLoop: open }: Results): string {
  const rateOf = (name: string): number => rows.find((row) => row.name === name)?.perSecond ?? 0;
  const lines = [
    `${before.processor}, ${before.cores} cores, ${before.memoryGiB} GiB, Node ${before.node}; ` +
      `load ${before.load} before, ${after.load} after`,
    '',
    line([
      '',
      'per second',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'failed',
      'µs of CPU: host',
      'redis',
      'nats',
      'generator',
      'bytes',
    ]),
    ...[...rows, ...open].map((row) =>
      line([
        row.name,
        Math.round(row.perSecond).toLocaleString('en-US'),
        row.p50.toFixed(2),
        row.p99.toFixed(2),
        row.p999.toFixed(2),
        `${row.failed}`,
        ...['hosts', 'redis', 'nats', 'generator'].map((part) => (row.cpu[part] ?? 0).toFixed(1)),
        Math.round(row.bytes ?? 0).toLocaleString('en-US'),
      ]),
    ),
    '',
    `deposit / NATS echo: ${(rateOf('single deposit') / rateOf('NATS echo')).toFixed(2)}`,
    `deposit / Redis append: ${(rateOf('single deposit') / rateOf('Redis append')).toFixed(2)}`,
  ];
  return lines.join('\n');
}

const line = (cells: readonly string[]): string =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd(30) : cell.padStart(11))).join('');
