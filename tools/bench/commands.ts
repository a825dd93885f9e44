/** The main benchmark: what a command costs, beside what its bytes cost without us. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from '../../runtime/redis/connection.ts';
import { closedLoop, openLoop, type Measured, type Send } from './loops.ts';
import { measure, medianRow } from './measure.ts';
import { machine } from './processes.ts';
import { describe } from './report.ts';
import type { CommandResults, CommandRow } from './results.ts';
import { startStage } from './stage.ts';
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

const accounts = 1_000;
const trading = { traders: 200, symbols: 10 };
const openRates = [1_000, 3_000];
/**
 * Before an open loop is measured: at first a host compiles what it has not run yet, and a rate that it
 * would bear otherwise piles up for half a second (p99 of an order 237 ms in that, 15 to 75 later).
 */
const warmUpSeconds = 2;

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
  const collected = new Map<string, CommandRow[]>();
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
  const open: CommandRow[] = [];
  for (const rate of openRates) {
    const floors: readonly [name: string, send: Send][] = [
      [`NATS echo at ${rate}/s`, echo(connection)],
      [`Redis append at ${rate}/s`, append(stage.redis)],
      [`full order at ${rate}/s`, orders(connection, trading)],
    ];
    for (const [name, send] of floors) {
      if (!name.includes(options.only)) continue;
      await openLoop({ send, rate, seconds: warmUpSeconds });
      const loop = (): Promise<Measured> => openLoop({ send, rate, seconds: options.seconds * 2 });
      open.push(await measure(stage, name, loop));
    }
  }
  const rows = [...collected.values()].map(medianRow);
  const run = { before, after: machine() };
  const results: CommandResults = { kind: 'commands', ...run, rows, openLoop: open };
  console.log(options.json ? JSON.stringify(results, null, 2) : describe(results));
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

const progress = (round: number, row: CommandRow): void =>
  console.error(`round ${round + 1}: ${row.name}: ${Math.round(row.perSecond)}/s`);
