/** What it costs to keep what was acknowledged, by how safely it is kept. */
import { closedLoop } from './loops.ts';
import { measure, medianRow } from './measure.ts';
import { machine } from './processes.ts';
import { commandCells, commandHeading, commandNotes, headline, table, whole } from './report.ts';
import type { DurabilityResults, DurabilityRow } from './results.ts';
import { startStage, type Stage } from './stage.ts';
import { deposit, depositBatches } from './workloads.ts';

export interface DurabilityOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

const accounts = 1_000;
const partitions = 16;

/** Runs it and prints what came out. */
export async function measureDurability(options: DurabilityOptions): Promise<void> {
  const before = machine();
  await using alone = await startStage({ hosts: 1, partitions });
  await using replicated = await startStage({ hosts: 1, partitions, replica: true });
  const ways: readonly [name: string, stage: Stage, fsync: string][] = [
    ['on the disk', alone, 'always'],
    ['on the disk, and at a replica', replicated, 'always'],
    ['in memory, on the disk within a second', alone, 'everysec'],
  ];
  const collected = new Map<string, DurabilityRow[]>();
  for (let round = 0; round < options.rounds; round++) {
    for (const [way, stage, fsync] of ways) {
      // The host has looked at the settings when it started: here they may be what it would refuse.
      await stage.redis.call('config', ['SET', 'appendfsync', fsync]);
      for (const row of await measureWay(stage, way, options.seconds)) {
        collected.set(row.name, [...(collected.get(row.name) ?? []), row]);
        if (!options.json)
          console.error(`round ${round + 1}: ${row.name}: ${whole(row.perSecond)}/s`);
      }
    }
  }
  const rows = [...collected.values()].map((some) => medianRow(some));
  const results: DurabilityResults = { kind: 'durability', before, after: machine(), rows };
  console.log(options.json ? JSON.stringify(results, null, 2) : print(results));
}

async function measureWay(stage: Stage, way: string, seconds: number): Promise<DurabilityRow[]> {
  const { connection } = stage;
  const loads = [
    { load: 'a deposit, one under way', send: deposit(connection, accounts), underWay: 1 },
    {
      load: 'deposits in batches of 100',
      send: depositBatches(connection, { accounts, partitions }),
      underWay: 64,
    },
  ];
  const rows: DurabilityRow[] = [];
  for (const { load, send, underWay } of loads) {
    const fileBefore = await fileBytes(stage);
    const loop = () => closedLoop({ send, underWay, seconds });
    const row = await measure(stage, `${load}: ${way}`, loop);
    const grown = (await fileBytes(stage)) - fileBefore;
    rows.push({ ...row, diskBytes: grown / Math.max(1, row.perSecond * seconds) });
  }
  return rows;
}

async function fileBytes({ redis }: Stage): Promise<number> {
  const text = String(await redis.call('info', ['persistence']));
  return Number(/aof_current_size:(\d+)/.exec(text)?.[1] ?? 0);
}

function print(results: DurabilityResults): string {
  const lines = results.rows.map((row) => [row.name, ...commandCells(row), whole(row.diskBytes)]);
  return [
    headline(results),
    '',
    table([['', ...commandHeading, 'disk'], ...lines]),
    '',
    commandNotes,
    "Disk: what Redis' append-only file grew by per command, until it is rewritten.",
  ].join('\n');
}
