/** Gathers what a run left behind, once it has come to rest, and has it judged. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountActor } from '../../actors/account.ts';
import { symbolActor } from '../../actors/symbol.ts';
import { keys } from '../../contracts/keys.ts';
import { defaultScales } from '../../contracts/money.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import { fileArchive } from '../../runtime/files/archive.ts';
import type { Entry, Snapshot } from '../../runtime/log.ts';
import { connectRedis, type Connection } from '../../runtime/redis/connection.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { entries } from '../../runtime/redis/replies.ts';
import {
  placedIn,
  type Outage,
  type PartitionLog,
  type SentCommand,
} from '../checkers/evidence.ts';
import { balanceFault, endlessHolds } from '../checkers/exchange.ts';
import { replay } from '../checkers/replay.ts';
import { violationsOf } from '../checkers/violations.ts';
import type { Stage } from './stage.ts';

export interface Seen {
  readonly commands: readonly SentCommand[];
  /** The `Nats-Msg-Id` of each event, in the order of arrival. */
  readonly published: readonly string[];
  readonly outages: readonly Outage[];
}

export interface Verdict {
  readonly records: number;
  /** How many of them have left Redis for the archive. */
  readonly archived: number;
  readonly violations: readonly string[];
}

const types: ActorTypes = new Map(
  [accountActor(defaultScales), symbolActor(defaultScales)].map((type) => [type.type, type]),
);

/** Reads every log from its beginning, archive included, and checks everything. */
export async function judge(stage: Stage, seen: Seen): Promise<Verdict> {
  const connection = await connectRedis(stage.redis.url);
  try {
    const found = await Promise.all(
      Array.from({ length: stage.partitions }, (_, partition) =>
        readAll(connection, stage, partition),
      ),
    );
    const logs = found.map(({ log }) => log);
    const actors = new Set(logs.flatMap(placedIn).map(({ record }) => record.actor));
    const snapshots = await readSnapshots(connection, stage.partitions, [...actors]);
    const evidence = { ...seen, types, logs, snapshots, fault: balanceFault(types) };
    const violations = [
      ...violationsOf(evidence),
      ...endlessHolds(types, replay({ ...evidence, snapshots: [] }).states),
    ];
    if (violations.length > 0) await keep(stage.data, { logs, ...seen, violations });
    return {
      records: logs.flatMap(placedIn).length,
      archived: found.reduce((sum, { archived }) => sum + archived, 0),
      violations,
    };
  } finally {
    await connection.close();
  }
}

async function readAll(
  connection: Connection,
  { data }: Stage,
  partition: number,
): Promise<{ log: PartitionLog; archived: number }> {
  const retained = entries(await connection.call('xrange', [keys.log(partition), '-', '+']));
  const first = retained.find(({ n }) => n > 0)?.position ?? 1;
  const archive = fileArchive(join(data, 'archive'));
  const archived: Entry[] = [];
  for (let next = 1; next < first;) {
    const slice = await archive.read(partition, next);
    const last = slice.at(-1);
    if (last === undefined) break;
    archived.push(...slice.filter(({ position }) => position < first));
    next = last.position + last.n;
  }
  // The archive keeps no epoch markers; those of the log stand between its records.
  const kept = archived.length === 0 ? retained : retained.filter(({ n }) => n > 0);
  return { log: { partition, entries: [...archived, ...kept] }, archived: first - 1 };
}

/** For whoever looks into it: the small disk under Redis goes away with the run. */
async function keep(data: string, evidence: Readonly<Record<string, readonly unknown[]>>) {
  for (const [name, items] of Object.entries(evidence)) {
    const lines = items.map((item) => `${JSON.stringify(item)}\n`).join('');
    await writeFile(join(data, `${name}.jsonl`), lines);
  }
}

async function readSnapshots(
  connection: Connection,
  partitions: number,
  actors: readonly string[],
): Promise<Snapshot[]> {
  const log = redisLog(connection);
  const found = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => log.loadSnapshots(partition, actors)),
  );
  return found.flat().filter((snapshot) => snapshot !== undefined);
}
