import type { GroupReads } from '../group-reads.ts';
import type { Leases } from '../leases.ts';
import type { Log } from '../log.ts';
import { memoryGroupReads } from './group-reads.ts';
import { memoryLeases } from './leases.ts';
import { memoryLog } from './log.ts';
import { newPartitions, type Partitions } from './partition-store.ts';

/** The ports that Redis serves, over one shared store in memory. */
export interface MemoryStore {
  readonly log: Log;
  readonly leases: Leases;
  readonly groupReads: GroupReads;
  /** What is stored, for tests and the simulator to look at and to damage. */
  readonly partitions: Partitions;
}

/** `now` is the store's own time in ms, as Redis TIME is for the other adapter. */
export function memoryStore(now: () => number = Date.now): MemoryStore {
  const partitions = newPartitions();
  return {
    log: memoryLog(partitions),
    leases: memoryLeases(partitions, now),
    groupReads: memoryGroupReads(partitions, now),
    partitions,
  };
}
