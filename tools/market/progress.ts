/**
 * How far the demo has come, in two small files of the data folder: `progress.json` and
 * `replies.json`, the first run's deposits with their replies.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Units } from '../../contracts/money.ts';
import type { Answered, Totals } from './money.ts';

/** One playing of the recording. */
export interface Run {
  /** Names it in the ids of its commands. */
  readonly name: string;
  /** What the accounts and symbols must own together at its end. */
  readonly expected: Totals;
  /** The last finished step of each symbol; absent before its first. */
  readonly done: ReadonlyMap<string, number>;
}

/** A deposit as it was sent, and the text of its reply. */
export interface Receipt {
  readonly actor: string;
  readonly id: string;
  readonly asset: string;
  readonly amount: string;
  readonly reply: string;
}

export interface Progress {
  /** Undefined before the first run. */
  run(): Run | undefined;
  begin(run: Pick<Run, 'name' | 'expected'>): void;
  finish(symbol: string, index: number): void;
  receipts(): readonly Receipt[];
  keep(deposits: readonly Answered[]): void;
  /** The files speak of another cluster: forget what they say. */
  forget(): void;
}

export function openProgress(folder: string): Progress {
  mkdirSync(folder, { recursive: true });
  const runFile = join(folder, 'progress.json');
  const receiptsFile = join(folder, 'replies.json');
  const saved = readJson(runFile, RunFile);
  let name = saved?.name;
  let expected = new Map<string, Units>(saved?.expected);
  let done = new Map<string, number>(saved?.done);
  let receipts: readonly Receipt[] = readJson(receiptsFile, z.array(ReceiptFile)) ?? [];

  const save = (): void =>
    replaceFile(runFile, {
      name,
      expected: [...expected].map(([asset, units]) => [asset, units.toString()]),
      done: [...done],
    });

  return {
    run: () => (name === undefined ? undefined : { name, expected, done }),
    begin(run) {
      name = run.name;
      expected = new Map(run.expected);
      done = new Map();
      save();
    },
    finish(symbol, index) {
      done.set(symbol, index);
      save();
    },
    receipts: () => receipts,
    keep(deposits) {
      receipts = [...receipts, ...deposits.map(receiptOf)];
      replaceFile(receiptsFile, receipts);
    },
    forget() {
      name = undefined;
      receipts = [];
    },
  };
}

const RunFile = z.object({
  name: z.string(),
  expected: z.array(z.tuple([z.string(), z.string().transform(BigInt)])),
  done: z.array(z.tuple([z.string(), z.number().int()])),
});

const ReceiptFile = z.object({
  actor: z.string(),
  id: z.string(),
  asset: z.string(),
  amount: z.string(),
  reply: z.string(),
});

const receiptOf = ({ command, answer }: Answered): Receipt => ({
  actor: command.actor,
  id: command.id,
  asset: String(command.body?.asset),
  amount: String(command.body?.amount),
  reply: JSON.stringify(answer),
});

/** A file that is missing or not ours says nothing. */
function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): z.infer<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Writes beside and renames: a process that is killed leaves the old text or the new one. */
function replaceFile(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(value));
  renameSync(`${path}.new`, path);
}
