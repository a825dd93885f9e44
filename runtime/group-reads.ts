/**
 * The port to consumer groups over the logs. Adapters: `redis/` and `memory/`; both pass
 * `test/conformance/group-reads.ts`. A group remembers per partition what was delivered and what of
 * that is not acknowledged yet; a seat is the right to read one partition for one group, held by
 * one consumer at a time, so that records stay in order.
 */
import type { Entry, EntryId } from './log.ts';

export interface Seat {
  readonly group: string;
  readonly partition: number;
  readonly consumer: string;
}

/**
 * `kept`: the consumer held the seat all along; `taken`: it was free, and another may have held it
 * since the consumer last did; `refused`: another holds it.
 */
export type Hold = 'kept' | 'taken' | 'refused';

export interface GroupReads {
  /** Makes the group where it is not there yet, to begin with the oldest entry or after the newest. */
  open(group: string, partitions: number, from: 'start' | 'now'): Promise<void>;
  /** Forgets the group, and with it what it has not acknowledged. Its seats stay with their holders. */
  remove(group: string, partitions: number): Promise<void>;

  /** Says that a consumer lives; answers with all of the group that do, in order of name. */
  present(group: string, consumer: string, ttlMs: number): Promise<readonly string[]>;
  leave(group: string, consumer: string): Promise<void>;

  /** Who holds each seat of the group at present, by partition. */
  holders(group: string, partitions: number): Promise<readonly (string | undefined)[]>;
  /** Takes seats that are free and extends those that the consumer holds already. */
  hold(seats: readonly Seat[], ttlMs: number): Promise<readonly Hold[]>;
  release(seat: Seat): Promise<void>;

  /**
   * What was delivered and not acknowledged, oldest first, after an entry or from the beginning.
   * One that has left the log meanwhile comes with n = 0. `lost`: the seat is not the reader's.
   */
  unacknowledged(
    seat: Seat,
    after: EntryId | undefined,
    count: number,
  ): Promise<readonly Entry[] | 'lost'>;
  /**
   * What follows an entry, epoch markers included; from now on it counts as delivered. `moved`: that
   * entry is not the newest that the group was given, so the call is a late one, or another was carried
   * out of which the reader does not know: nothing was delivered.
   */
  next(seat: Seat, after: EntryId, count: number): Promise<readonly Entry[] | 'lost' | 'moved'>;
  acknowledge(group: string, partition: number, entries: readonly EntryId[]): Promise<void>;

  /** The newest entry of the log, and the newest that the group was given: none if it is not there. */
  tops(group: string, partition: number): Promise<{ log: EntryId; delivered: EntryId }>;
}
