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

/** The same load on hosts that trace this share of it. */
export interface TraceRow extends CommandRow {
  /** Of the rate without tracing, in the same round. */
  readonly share: number;
  /** That the collector got, per unit of work. */
  readonly spans: number;
}

export interface TraceResults {
  readonly kind: 'traces';
  readonly before: Machine;
  readonly after: Machine;
  readonly rows: readonly TraceRow[];
}

/** Latencies of some requests, in ms. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** A moment of the soak: what there is, and what happened since the sample before. */
export interface SoakSample {
  /** Since the load began. */
  readonly seconds: number;
  /** Commands that succeeded. */
  readonly perSecond: number;
  /** Requests that were refused or not answered. */
  readonly failed: number;
  readonly deposit: Latency;
  readonly order: Latency;
  /** Of batches of 100. */
  readonly batch: Latency;
  /** Memory of the hosts: all; the heap that a full collection leaves; typed arrays and buffers. */
  readonly hostMiB: number;
  readonly heapMiB: number;
  readonly buffersMiB: number;
  readonly redisMiB: number;
  /** Redis' append-only file, and how often it was rewritten so far. */
  readonly fileMiB: number;
  readonly rewrites: number;
  /** The text of all logs. */
  readonly logMiB: number;
  /** Command ids that are remembered, and actors in memory. */
  readonly ids: number;
  readonly residents: number;
  /** Files in the archive. */
  readonly archived: number;
  /** By how many ms timers came late, 99th percentile. */
  readonly hostStallMs: number;
  readonly generatorStallMs: number;
  /** Cores that were busy with this soak, the generator included, and with other programs. */
  readonly cores: number;
  readonly others: number;
}

/** A host was killed: how long until every partition had carried out a command again. */
export interface SoakRecovery {
  /** Since the load began. */
  readonly seconds: number;
  readonly ms: number;
  /** Records that its successors replayed: all, and of the longest partition. */
  readonly records: number;
  readonly recordsMost: number;
  /** The longest that a partition's replay took. */
  readonly replayMsMost: number;
  /** Requests that were due while not all partitions answered, and were not carried out. */
  readonly failed: number;
}

/** One thing that the soak has to show. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  readonly bound: string;
  readonly holds: boolean;
}

export interface SoakResults {
  readonly kind: 'soak';
  readonly before: Machine;
  readonly after: Machine;
  readonly settings: SoakSettings;
  /** Requests a second that the closed loop reached, and that were sent. */
  readonly capacity: number;
  readonly rate: number;
  readonly samples: readonly SoakSample[];
  readonly recoveries: readonly SoakRecovery[];
  /** Requests that were refused or not answered at other times. */
  readonly failed: number;
  /** Single deposits while Redis rewrote its file, and at other times. */
  readonly rewrites: { readonly during: Latency; readonly otherwise: Latency };
  readonly findings: readonly Finding[];
}

export interface SoakSettings {
  readonly minutes: number;
  /** Of the capacity. */
  readonly share: number;
  /** How often a host is killed at the end. */
  readonly kills: number;
  readonly hosts: number;
  /** How long a command's id is remembered, in seconds. */
  readonly windowSeconds: number;
  /** The text of all logs above which they are trimmed. */
  readonly retainMiB: number;
}

/** Single commands of ours and of a peer, which has a row for each number of requests under way. */
export interface PeerResults {
  readonly kind: 'peer';
  readonly before: Machine;
  readonly after: Machine;
  /** By package. */
  readonly versions: Readonly<Record<string, string>>;
  readonly ours: CommandRow;
  readonly peers: readonly CommandRow[];
}

export interface MemoryResults {
  readonly kind: 'memory';
  readonly before: Machine;
  readonly after: Machine;
  readonly accounts: number;
  readonly deposits: number;
  /** Of one account that is in memory. */
  readonly residentHeapBytes: number;
  /** Of one account that is not. */
  readonly passivatedRedisBytes: number;
  readonly replayedPerSecond: number;
}

/** What one way of keeping what was acknowledged costs. */
export interface DurabilityRow extends CommandRow {
  /** What Redis' append-only file grew by per command. */
  readonly diskBytes: number;
}

export interface DurabilityResults {
  readonly kind: 'durability';
  readonly before: Machine;
  readonly after: Machine;
  readonly rows: readonly DurabilityRow[];
}
