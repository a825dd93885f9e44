/** The transfer benchmark: the protocols side by side, between accounts of different partitions. */
import { setTimeout as pause } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { TransferProtocol } from '../../contracts/transfer.ts';
import { closedLoop, openLoop, type Measured, type Send } from './loops.ts';
import { measure, medianRow } from './measure.ts';
import { machine } from './processes.ts';
import { describe } from './report.ts';
import type { CommandResults, CommandRow } from './results.ts';
import { startStage, type Stage } from './stage.ts';
import { accountsByPartition, fundAccounts, sendBatch, sendCommand } from './workloads.ts';

export interface TransfersOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly hosts: number;
  /** Only the measurements whose names contain this. */
  readonly only: string;
  readonly json: boolean;
}

const accounts = 1_000;
const rate = 3_000;
const batchSize = 100;
const protocols = TransferProtocol.options;

/** Runs it and prints what came out. */
export async function measureTransfers(options: TransfersOptions): Promise<void> {
  const before = machine();
  await using stage = await startStage({ hosts: options.hosts, partitions: 16 });
  const { connection, partitions } = stage;
  await fundAccounts(connection, { accounts, partitions });
  const homes = accountsByPartition(accounts, partitions);
  const { rounds, seconds } = options;
  const closed = (send: Send, underWay: number) => () => closedLoop({ send, underWay, seconds });
  const open = (send: Send) => () => openLoop({ send, rate, seconds: 2 * seconds });
  const each = (name: string, loop: (protocol: TransferProtocol) => Loop): Measurement[] =>
    protocols.map((protocol) => ({ name: `${protocol}, ${name}`, loop: loop(protocol) }));
  const toAny = (protocol: TransferProtocol): Send => transfers(connection, homes, { protocol });
  const toOne = (protocol: TransferProtocol): Send =>
    transfers(connection, homes, { protocol, to: 'a0' });
  const run = async (measurements: Measurement[]): Promise<CommandRow[]> =>
    measureAll(
      stage,
      rounds,
      measurements.filter(({ name }) => name.includes(options.only)),
    );
  const rows = await run([
    ...each('in batches of 100', (protocol) => closed(batches(connection, homes, protocol), 32)),
    ...each('one under way', (protocol) => closed(toAny(protocol), 1)),
  ]);
  const openRows = await run([
    ...each(`at ${rate}/s`, (protocol) => open(toAny(protocol))),
    ...each(`at ${rate}/s to one account`, (protocol) => open(toOne(protocol))),
  ]);
  const after = machine();
  const results: CommandResults = { kind: 'commands', before, after, rows, openLoop: openRows };
  console.log(options.json ? JSON.stringify(results, null, 2) : describe(results));
}

type Loop = () => Promise<Measured>;

interface Measurement {
  readonly name: string;
  readonly loop: Loop;
}

/** Each measurement once in every round; of each the round with the median rate. */
async function measureAll(
  stage: Stage,
  rounds: number,
  measurements: readonly Measurement[],
): Promise<CommandRow[]> {
  const measured = measurements.map(({ name, loop }) => ({ name, loop, rows: [] as CommandRow[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { name, loop, rows } of measured) {
      rows.push(await measure(stage, name, loop));
      await pause(200);
    }
  }
  return measured.map(({ rows }) => medianRow(rows));
}

/** One transfer a request, to an account of another partition or always to the same one. */
const transfers =
  (
    connection: NatsConnection,
    homes: readonly (readonly string[])[],
    { protocol, to }: { readonly protocol: TransferProtocol; readonly to?: string },
  ): Send =>
  async (n) => {
    const from = accountOf(homes, n, n * 7919);
    const payee = to ?? accountOf(homes, n + 1, n * 104_729);
    // The one that all pay to cannot pay itself.
    const payer = from === payee ? accountOf(homes, n, n * 7919 + 1) : from;
    return sendCommand(connection, `account.${payer}.transfer`, terms(payee, protocol));
  };

/** Batches of 100 from the accounts of one partition to those of another. */
const batches =
  (
    connection: NatsConnection,
    homes: readonly (readonly string[])[],
    protocol: TransferProtocol,
  ): Send =>
  (n) => {
    const partition = n % homes.length;
    const commands = Array.from({ length: batchSize }, (_, index) => ({
      actor: `account/${accountOf(homes, partition, n * 7919 + index * 104_729)}`,
      name: 'transfer',
      body: terms(accountOf(homes, n + 1 + (index % (homes.length - 1)), n + index), protocol),
    }));
    return sendBatch(connection, partition, commands);
  };

const terms = (to: string, protocol: TransferProtocol): object => ({
  to,
  asset: 'USD',
  amount: '0.01',
  protocol,
});

function accountOf(
  homes: readonly (readonly string[])[],
  partition: number,
  index: number,
): string {
  const home = homes[partition % homes.length] ?? [];
  return home[index % home.length] ?? '';
}
