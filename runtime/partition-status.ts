import type { ActorKey } from '../contracts/ids.ts';
import type { Fence } from './log.ts';
import type { Parts } from './parts.ts';
import type { Recovered } from './recovery.ts';

/** What `$SRV.STATS` tells of a partition. */
export interface PartitionStatus {
  readonly partition: number;
  readonly epoch: number;
  readonly position: number;
  /** Records staged and not yet durable. */
  readonly lag: number;
  readonly residents: number;
  /** Command ids that are remembered. */
  readonly ids: number;
  readonly checkpoint: number;
  readonly recoveredRecords: number;
  readonly recoveredMs: number;
  /** The length of the log, and the consumer groups that have lost records because they lag too far. */
  readonly logBytes: number;
  readonly leftBehind?: readonly string[];
  /** Actors that take nothing until an operator lets them go on, and messages that wait for one. */
  readonly haltedActors?: readonly ActorKey[];
  readonly parkedMessages?: number;
  /** Deadlines that are set. */
  readonly timers: number;
  /** Commands whose deferred reply is not yet known, and queries that wait for a fence check. */
  readonly pending: number;
  readonly reads: number;
  /** Messages to other partitions that are durable here and not yet known to be so there. */
  readonly unacknowledged: number;
  /** Commands that an operator can still retry. */
  readonly deadLetters: number;
  /** Since the last checkpoint, with its snapshots, of a partition that changed since; else 0. */
  readonly checkpointAgeMs: number;
  /** So many more command ids fit the window; at none commands with ids get busy. */
  readonly idsLeft: number;
  readonly halted?: string;
}

/** How a partition is that was recovered so; `halted` is for the partition itself to say. */
export function statusOf(
  { partition, epoch }: Fence,
  parts: Parts,
  recovered: Recovered,
): PartitionStatus {
  const { writer, residents, timers, recall, checkpointer, retention, supervision } = parts;
  const { durable, staged } = writer;
  const { leftBehind } = retention;
  const { halted, parkedCount } = supervision;
  const { reads, outbox } = parts;
  return {
    partition,
    epoch,
    position: durable,
    lag: staged - durable,
    residents: residents.size,
    timers: timers.size,
    ids: recall.table.size,
    idsLeft: recall.idsLeft,
    pending: recall.pendingCount,
    reads: reads.size,
    unacknowledged: outbox.unacknowledged,
    deadLetters: supervision.letterCount,
    checkpointAgeMs: Math.round(checkpointer.ageMs),
    checkpoint: checkpointer.position,
    recoveredRecords: recovered.records,
    recoveredMs: Math.round(recovered.ms),
    logBytes: Math.round(retention.bytes),
    ...(leftBehind.length > 0 && { leftBehind }),
    ...(halted.length > 0 && { haltedActors: halted.slice(0, 100).map(({ actor }) => actor) }),
    ...(parkedCount > 0 && { parkedMessages: parkedCount }),
  };
}
