/** What the benchmarks measure, as `--json` prints it and the chart reads it. */
import { z } from 'zod';

export const Machine = z.object({
  processor: z.string(),
  cores: z.number(),
  memoryGiB: z.number(),
  node: z.string(),
  /** Of the last minute. */
  load: z.number(),
});
export type Machine = z.infer<typeof Machine>;

/** One measurement: the round with the median rate; latencies in ms, of whole requests. */
export const CommandRow = z.object({
  name: z.string(),
  perSecond: z.number(),
  p50: z.number(),
  p99: z.number(),
  p999: z.number(),
  failed: z.number(),
  /** Processor time per unit of work, in µs, by process. */
  cpu: z.record(z.string(), z.number()),
  /** What Redis' data grew by per unit of work. */
  bytes: z.number(),
  /** Cores that all but the benchmark's own programs kept busy meanwhile, the kernel included. */
  others: z.number(),
});
export type CommandRow = z.infer<typeof CommandRow>;

const run = { before: Machine, after: Machine };

export const CommandResults = z.object({
  kind: z.literal('commands'),
  ...run,
  rows: z.array(CommandRow),
  openLoop: z.array(CommandRow),
});
export type CommandResults = z.infer<typeof CommandResults>;

/** A book's time per message on one feed. */
export interface MatchRow {
  readonly feed: string;
  readonly book: string;
  readonly nanoseconds: number;
  readonly trades: number;
}

/** A book's time for placing an order and cancelling it, with so many others open. */
export interface GrowthRow {
  readonly book: string;
  /** Where in the book. */
  readonly place: string;
  readonly orders: number;
  readonly nanoseconds: number;
}

export interface MatchResults {
  readonly kind: 'match';
  readonly before: Machine;
  readonly after: Machine;
  readonly rows: readonly MatchRow[];
  readonly growth: readonly GrowthRow[];
}

/** A measurement at one size of something that grows, such as the number of accounts. */
export interface ScaleRow extends CommandRow {
  readonly grows: string;
  readonly size: number;
}

export interface ScaleResults {
  readonly kind: 'scale';
  readonly before: Machine;
  readonly after: Machine;
  readonly rows: readonly ScaleRow[];
}
