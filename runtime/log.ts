/**
 * The port to the log of a partition and to what is stored beside it. The adapters are
 * `redis/` (the product) and `memory/`; both pass `test/conformance/log.ts`.
 *
 * Every write names the epoch and nonce under which its host owns the partition; the store refuses
 * a writer that is no longer the owner (`fenced`), before anything is written. A rejected promise
 * means that the outcome is unknown: the write may have happened, or may still happen.
 */

import type { ActorKey } from '../contracts/ids.ts';

/** The right to write to one partition: what `acquire` gave. */
export interface Fence {
  readonly partition: number;
  readonly epoch: number;
  readonly nonce: string;
}

/** One entry of a log: a group of records that became durable together. `n` = 0 marks a new epoch. */
export interface Entry {
  readonly epoch: number;
  /** The position of the first record; of an epoch marker, the top position it found. */
  readonly position: number;
  readonly n: number;
  /** The records as JSON, see contracts/record.ts; empty for an epoch marker. */
  readonly records: string;
}

/** Where an entry stands in its log; ordered by epoch, then position. */
export type EntryId = Pick<Entry, 'epoch' | 'position'>;

/** Before every entry. */
export const logStart: EntryId = { epoch: 0, position: 0 };

/** Negative, zero or positive as the first comes before, is, or comes after the second. */
export const compareEntries = (one: EntryId, other: EntryId): number =>
  one.epoch - other.epoch || one.position - other.position;

export interface Group {
  readonly fence: Fence;
  /** The top position that the log must have; the group's records follow it. */
  readonly after: number;
  readonly n: number;
  readonly records: string;
  /** Nonce and group number: tells a late repeat of this very group from another one. */
  readonly token: string;
}

/**
 * `already`: this very group (same top, same token) is there. `fenced`: another owns the partition;
 * nothing was written. `diverged`: the log's top is not what its owner knows; nothing was written.
 * `unreplicated`: it is there, and fewer replicas have it than were asked for: nobody may be told.
 */
export type AppendOutcome = 'ok' | 'already' | 'fenced' | 'diverged' | 'unreplicated';

/** A snapshot of one actor: `state` is JSON of a SavedState, `hash` its digest. */
export interface Snapshot {
  readonly actor: string;
  readonly version: number;
  readonly position: number;
  readonly hash: string;
  readonly state: string;
}

/** Sealed command ids: the bytes that `IdTable` wrote, under the name by which checkpoints know them. */
export interface Segment {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Checkpoint {
  /** JSON, see runtime/checkpoint.ts. */
  readonly text: string;
  /** Recovery replays what stands after it: kept in the owner record, too, for who takes over. */
  readonly position: number;
  /** A segment written together with it. */
  readonly add?: Segment;
  /** Names of segments that no kept checkpoint needs any more. */
  readonly drop: readonly string[];
}

/** A command or message on which an actor failed, for an operator to look at. */
export interface DeadLetter {
  /** Where the record stands that set it aside. */
  readonly at: EntryId;
  /** The record's time, in ms since 1970. */
  readonly time: number;
  readonly actor: ActorKey;
  /** The actor's version, which the failure did not change. */
  readonly version: number;
  /** Of that version, as a snapshot would have it; empty if it cannot be told (any more). */
  readonly stateHash: string;
  /** The command's id; empty for a message. */
  readonly id: string;
  /** JSON of what was set aside: see `Aside` in contracts/record.ts. */
  readonly payload: string;
  readonly error: string;
  /** The W3C traceparent, or empty. */
  readonly trace: string;
}

/** Takes the oldest entries out of a log, whole ones only. */
export interface Trim {
  readonly fence: Fence;
  /** An entry that is there: it and all after it stay. */
  readonly before: EntryId;
  /** Consumer groups that have not dealt with what goes lose it; otherwise they hold it back. */
  readonly leaveBehind: boolean;
}

/**
 * `first`: entries below it are gone. `behind`: the consumer groups that still needed some of what
 * was to go. `diverged`: the log has no entry `before`; nothing was taken out.
 */
export type Trimmed =
  | { readonly kind: 'trimmed'; readonly first: EntryId; readonly behind: readonly string[] }
  | { readonly kind: 'fenced' | 'diverged' };

export interface Log {
  append(group: Group): Promise<AppendOutcome>;
  /** Which of the fences still hold: one round trip for all of them. */
  check(fences: readonly Fence[]): Promise<readonly boolean[]>;

  /** The entries that hold records from `position` on, oldest first; at most `count` of them. */
  read(partition: number, position: number, count: number): Promise<readonly Entry[]>;
  /** The entry that holds the record at `position`; undefined if it has left the log or is not there yet. */
  entryAt(partition: number, position: number): Promise<Entry | undefined>;

  /** Repeating it changes nothing. The newest entry always stays. */
  trim(trim: Trim): Promise<Trimmed>;

  /**
   * Writes snapshots; one that is not newer (by version) than what is there is left out. With none to
   * write nobody is asked, and it is `ok`.
   */
  saveSnapshots(fence: Fence, snapshots: readonly Snapshot[]): Promise<'ok' | 'fenced'>;
  loadSnapshots(
    partition: number,
    actors: readonly string[],
  ): Promise<readonly (Snapshot | undefined)[]>;

  /** Two generations are kept; one that is older (by position) than the latest is left out. */
  saveCheckpoint(fence: Fence, checkpoint: Checkpoint): Promise<'ok' | 'fenced'>;
  /** Newest first. */
  loadCheckpoints(partition: number): Promise<readonly string[]>;
  loadSegments(
    partition: number,
    names: readonly string[],
  ): Promise<readonly (Uint8Array | undefined)[]>;

  /** Keeps the latest `keep` letters. Repeating it changes nothing; letters come in order of `at`. */
  addDeadLetter(fence: Fence, letter: DeadLetter, keep: number): Promise<'ok' | 'fenced'>;
  /** The letter of the record there; undefined if there is none, or so many came after it. */
  deadLetter(partition: number, at: EntryId): Promise<DeadLetter | undefined>;
}
