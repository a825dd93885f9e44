/**
 * How far the demo has come, in two small files of the data folder: `progress.json` and
 * `replies.json`, the first run's deposits with their replies.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Deposited, Totals } from './money.ts';

/** One playing of the recording. */
export interface Run {
  /** What the accounts and symbols must own together at its end. */
  readonly expected: Totals;
  /** How far each symbol has come; absent before the end of its first step. */
  readonly done: ReadonlyMap<string, Done>;
}

export interface Done {
  /** The script's name: what the ids of its commands begin with. */
  readonly name: string;
  /** The last finished step. */
  readonly index: number;
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
  begin(expected: Totals): void;
  finish(symbol: string, done: Done): void;
  receipts(): readonly Receipt[];
  keep(deposits: readonly Deposited[]): void;
  /** The files speak of another cluster: forget what they say. */
  forget(): void;
}

export function openProgress(folder: string): Progress {
  mkdirSync(folder, { recursive: true });
  const runFile = join(folder, 'progress.json');
  const receiptsFile = join(folder, 'replies.json');
  const saved = readJson(runFile, RunFile);
  let expected = saved && new Map(saved.expected);
  let done = new Map(saved?.done);
  let receipts: readonly Receipt[] = readJson(receiptsFile, z.array(ReceiptFile)) ?? [];

  const save = (): void =>
    replaceFile(runFile, {
      expected: [...(expected ?? [])].map(([asset, units]) => [asset, units.toString()]),
      done: [...done],
    });

  return {
    run: () => expected && { expected, done },
    begin(totals) {
      expected = new Map(totals);
      done = new Map();
      save();
    },
    finish(symbol, step) {
      done.set(symbol, step);
      save();
    },
    receipts: () => receipts,
    keep(deposits) {
      receipts = [...receipts, ...deposits.map(receiptOf)];
      replaceFile(receiptsFile, receipts);
    },
    forget() {
      expected = undefined;
      receipts = [];
    },
  };
}

const RunFile = z.object({
  expected: z.array(z.tuple([z.string(), z.string().transform(BigInt)])),
  done: z.array(z.tuple([z.string(), z.object({ name: z.string(), index: z.number().int() })])),
});

const ReceiptFile = z.object({
  actor: z.string(),
  id: z.string(),
  asset: z.string(),
  amount: z.string(),
  reply: z.string(),
});

const receiptOf = ({ command, answer }: Deposited): Receipt => ({
  actor: command.actor,
  id: command.id,
  asset: command.body.asset,
  amount: command.body.amount,
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
