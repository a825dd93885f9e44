/** What an account takes in memory and in Redis, and how fast a partition comes back from its log. */
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startLonePartition, type Opened } from './lone-partition.ts';
import { machine } from './processes.ts';
import { headline, table, whole } from './report.ts';
import type { MemoryResults } from './results.ts';

export interface MemoryOptions {
  readonly json: boolean;
}

const accounts = 100_000;
const deposits = 300_000;
const patienceMs = 60_000;

/** Runs it and prints what came out. */
export async function measureMemory({ json }: MemoryOptions): Promise<void> {
  const before = machine();
  await using lone = await startLonePartition();
  await lone.deposit(deposits, accounts);
  const opened = await lone.open();
  const { recoveredMs } = opened.partition.status;
  // The first checkpoint brings every account into memory, for each has changed.
  await until(opened, ({ checkpoint }) => checkpoint === deposits);
  const full = heapBytes();
  opened.allow(0);
  await until(opened, ({ residents }) => residents === 0);
  const empty = heapBytes();
  const results: MemoryResults = {
    kind: 'memory',
    before,
    after: machine(),
    accounts,
    deposits,
    residentHeapBytes: (full - empty) / accounts,
    passivatedRedisBytes: (await lone.snapshotBytes()) / accounts,
    replayedPerSecond: (deposits / recoveredMs) * 1_000,
  };
  await opened.partition.stop();
  console.log(json ? JSON.stringify(results, null, 2) : print(results));
}

async function until(
  { partition }: Opened,
  done: (status: Opened['partition']['status']) => boolean,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!done(partition.status)) {
    if (performance.now() > deadline) throw new Error('the partition does not come to rest');
    partition.tick();
    await pause(10);
  }
}

/** What is alive on the heap. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this Node does not collect when asked to');
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

const print = (results: MemoryResults): string =>
  [
    headline(results),
    '',
    table([
      ['an account that holds one asset', 'bytes'],
      ['in memory: heap of the host', whole(results.residentHeapBytes)],
      ['passivated: Redis', whole(results.passivatedRedisBytes)],
    ]),
    '',
    `A partition without a checkpoint took in ${whole(results.replayedPerSecond)} records a second ` +
      `(${whole(results.deposits)} deposits to ${whole(results.accounts)} accounts).`,
    '',
    memoryNotes,
  ].join('\n');

const memoryNotes = `\
How to read it. One partition in this process, on a Redis of its own. Heap: what was alive with all
accounts in memory less what was alive after all had left, so a passivated one takes nothing in the
host. Redis: its MEMORY USAGE of the hash of snapshots. Replay reads every record and restores ids,
replies and channels; the events of an actor are applied when it is first asked for.

What is not measured. The log, which is archived and trimmed by its own bounds, and the ids of
commands, 16 bytes each for as long as they are remembered. Accounts with orders take more: about
1.5 KB for the first and 0.4 KB for each other, open or closed.`;
