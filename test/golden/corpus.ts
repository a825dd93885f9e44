/**
 * A golden log: what a release once wrote, kept for every later one to replay. It stands in a folder
 * as the archive of a cluster, beside it the commands and the states that they have led to.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountActor } from '../../actors/account.ts';
import type { Instance } from '../../actors/actor.ts';
import { symbolActor } from '../../actors/symbol.ts';
import type { ActorKey } from '../../contracts/ids.ts';
import { digest } from '../../contracts/json.ts';
import type { Scales } from '../../contracts/money.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import { fileArchive } from '../../runtime/files/archive.ts';
import type { Entry } from '../../runtime/log.ts';
import type { Evidence, PartitionLog, SentCommand } from '../../tools/checkers/evidence.ts';
import { replay } from '../../tools/checkers/replay.ts';
import { purse } from '../runtime/purse.ts';

/** What a run has left, and the decimals that its money had. */
export interface Run extends Pick<Evidence, 'logs' | 'commands'> {
  readonly scales: Scales;
}

interface Expected {
  readonly partitions: number;
  readonly scales: Scales;
  readonly commands: readonly SentCommand[];
  /** By actor: the version after the last record, and the hash of the state. */
  readonly states: Readonly<Record<string, readonly [version: number, hash: string]>>;
}

const typesOf = (scales: Scales): ActorTypes =>
  new Map([accountActor(scales), symbolActor(scales), purse].map((type) => [type.type, type]));

/** The corpora that there are: `1/exchange`. */
export const corpora = (): string[] =>
  readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((format) => format.isDirectory())
    .flatMap(({ name }) =>
      readdirSync(join(import.meta.dirname, name)).map((corpus) => `${name}/${corpus}`),
    );

/** Keeps a log that replays without a violation; only ever for a new format. */
export async function keepCorpus(name: string, run: Run): Promise<void> {
  const { logs, commands, scales } = run;
  const { violations, states } = replayed(run);
  if (violations.length > 0) throw new Error(`nothing golden: ${violations[0]}`);
  const folder = join(import.meta.dirname, name);
  await mkdir(folder, { recursive: true });
  const archive = fileArchive(join(folder, 'archive'));
  for (const { partition, entries } of logs)
    await archive.write(
      partition,
      entries.filter(({ n }) => n > 0),
    );
  const silent = commands.map((command) => ({ ...command, replies: [] }));
  const expected: Expected = { partitions: logs.length, scales, commands: silent, states };
  await writeFile(join(folder, 'expected.jsonl'), `${JSON.stringify(expected)}\n`);
}

/** What this build makes of a corpus, and what it must. */
export async function replayCorpus(name: string) {
  const folder = join(import.meta.dirname, name);
  const expected = JSON.parse(readFileSync(join(folder, 'expected.jsonl'), 'utf8')) as Expected;
  const logs: PartitionLog[] = [];
  for (let partition = 0; partition < expected.partitions; partition++)
    logs.push({ partition, entries: await allEntries(join(folder, 'archive'), partition) });
  return { expected: expected.states, ...replayed({ ...expected, logs }) };
}

async function allEntries(folder: string, partition: number): Promise<Entry[]> {
  const archive = fileArchive(folder);
  const found: Entry[] = [];
  for (let next = 1; ;) {
    const slice = await archive.read(partition, next);
    const last = slice.at(-1);
    if (last === undefined) return found;
    found.push(...slice);
    next = last.position + last.n;
  }
}

function replayed({ logs, commands, scales }: Run) {
  const latest = new Map<ActorKey, { readonly version: number; readonly instance: Instance }>();
  const { violations } = replay({ logs, commands, types: typesOf(scales) }, [
    (_, { actor, version, instance }) => void latest.set(actor, { version, instance }),
  ]);
  const states = Object.fromEntries(
    [...latest].map(([actor, { version, instance }]) => [
      actor,
      [version, digest(JSON.stringify(instance.save()))] as const,
    ]),
  );
  return { violations, states };
}
