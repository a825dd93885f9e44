import type { DeadLetter, Entry, EntryId, Fence, Snapshot } from '../log.ts';
import type { OwnerRecord } from '../leases.ts';

/** Everything that the memory adapters keep of one partition; tests may look at it and damage it. */
export interface PartitionStore {
  owner: Owner | undefined;
  /** Oldest first, epoch markers included. */
  entries: Entry[];
  readonly epochs: { readonly epoch: number; readonly first: number }[];
  readonly snapshots: Map<string, Snapshot>;
  checkpoints: readonly string[];
  readonly segments: Map<string, Uint8Array>;
  deadLetters: readonly DeadLetter[];
  /** By the name of the consumer group. */
  readonly groups: Map<string, GroupProgress>;
  /** Who reads for a consumer group, by its name: also of one that is not there. */
  readonly seats: Map<string, SeatHolder>;
}

export interface SeatHolder {
  readonly consumer: string;
  readonly until: number;
}

/** What a consumer group knows of one partition. */
export interface GroupProgress {
  delivered: EntryId;
  /** Delivered and not acknowledged, in order. */
  unacknowledged: readonly EntryId[];
}

export interface Owner extends OwnerRecord {
  readonly token: string;
  readonly published: number;
  /** Whether the log had lost its end when it was taken: nothing is appended to it. */
  readonly isLost: boolean;
}

/** Partitions by number, made when first asked for. */
export type Partitions = (partition: number) => PartitionStore;

export function newPartitions(): Partitions {
  const all = new Map<number, PartitionStore>();
  return (partition) => {
    const known = all.get(partition);
    if (known !== undefined) return known;
    const fresh: PartitionStore = {
      owner: undefined,
      entries: [],
      epochs: [],
      snapshots: new Map(),
      checkpoints: [],
      segments: new Map(),
      deadLetters: [],
      groups: new Map(),
      seats: new Map(),
    };
    all.set(partition, fresh);
    return fresh;
  };
}

/** The owner record if the fence still holds. */
export function ownerUnder(store: PartitionStore, { epoch, nonce }: Fence): Owner | undefined {
  const { owner } = store;
  return owner?.epoch === epoch && owner.nonce === nonce ? owner : undefined;
}

/** Where a log ends: the position of its newest record, whether or not that is still there. */
export function topOf(entries: readonly Entry[]): number {
  const last = entries.at(-1);
  return last === undefined ? 0 : last.position + Math.max(last.n - 1, 0);
}
