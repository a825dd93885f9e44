/**
 * Reads the logs of all partitions for a consumer group: at least once, each partition in order,
 * acknowledged. Several processes with the same group share the partitions; when one ends or dies,
 * the others go on from what it has not acknowledged.
 */
import { decodeGroup, recordAddress, type LogRecord } from '../contracts/record.ts';
import type { Clock } from './clock.ts';
import type { GroupReads } from './group-reads.ts';
import type { Entry } from './log.ts';
import { LogWentBack, type SeatReader } from './seat-reader.ts';
import { Seats } from './seats.ts';
import { systemClock } from './system-clock.ts';

export { LogWentBack } from './seat-reader.ts';

/** Records that became durable together, in order. */
export interface Batch {
  readonly partition: number;
  /** Each with its address, `17:3-4711`. */
  readonly records: readonly { readonly at: string; readonly record: LogRecord }[];
  /**
   * Says that the batch has been dealt with: it will not be delivered again. Told in the background,
   * as often as it takes; what could not be told before the end of the process is delivered again.
   */
  ack(): void;
}

export interface ReadLogOptions {
  readonly reads: GroupReads;
  readonly partitions: number;
  readonly group: string;
  /** Unique among the processes that read for the group. */
  readonly consumer: string;
  /** Where a group begins that is not there yet; default `start`. */
  readonly from?: 'start' | 'now';
  /** A process that is silent for so long loses its partitions to the others; default 3 s. */
  readonly leaseMs?: number;
  /** Ends the iteration. Leaving the loop does the same. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Told of calls that failed and are made again. */
  readonly onError?: (error: unknown) => void;
}

const partitionsPerRound = 8;
const idleMsMin = 5;
const idleMsMax = 200;

/**
 * Batches as they come, for ever. Nothing more is read of a partition while 64 of its entries wait
 * for their acknowledgement. Throws LogWentBack if a log has lost what was read from it; failed
 * calls are repeated.
 */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<Batch, void, void> {
  const { reads, clock = systemClock, leaseMs = 3_000, onError = () => {} } = options;
  const { partitions, group, consumer, from = 'start', signal } = options;
  await reads.open(group, partitions, from);
  const seats = new Seats({ reads, clock, group, consumer, partitions, leaseMs, onError });
  seats.start();
  try {
    let idleMs = idleMsMin;
    while (!signal?.aborted) {
      let found = false;
      for (const round of rounds(seats.readers)) {
        if (await fetch(round, onError)) found = true;
        yield* waiting(round, signal);
      }
      idleMs = found ? idleMsMin : Math.min(2 * idleMs, idleMsMax);
      if (!found) await pause(clock, idleMs, signal);
    }
  } finally {
    await seats.stop();
  }
}

/** A few partitions at a time: what is read of them is handed out before more is read. */
function* rounds(readers: readonly SeatReader[]): Generator<readonly SeatReader[]> {
  for (let i = 0; i < readers.length; i += partitionsPerRound)
    yield readers.slice(i, i + partitionsPerRound);
}

/** Reads on in every partition that has room; tells whether there was anything. */
async function fetch(
  readers: readonly SeatReader[],
  onError: (error: unknown) => void,
): Promise<boolean> {
  const fetching = readers.map(async (reader) => {
    if (!reader.wantsMore) return false;
    try {
      return await reader.fetch();
    } catch (error) {
      if (error instanceof LogWentBack) throw error;
      onError(error);
      return false;
    }
  });
  return (await Promise.all(fetching)).includes(true);
}

/** Everything that has been read: one entry of each partition in turn, so that none waits for another. */
function* waiting(
  readers: readonly SeatReader[],
  signal: AbortSignal | undefined,
): Generator<Batch> {
  let found = true;
  while (found) {
    found = false;
    for (const reader of readers) {
      const entry = signal?.aborted ? undefined : reader.take();
      if (entry === undefined) continue;
      found = true;
      yield batchOf(reader, entry);
    }
  }
}

function batchOf(reader: SeatReader, entry: Entry): Batch {
  const { epoch, position } = entry;
  const { partition } = reader;
  let acknowledged = false;
  return {
    partition,
    records: decodeGroup(entry.records).map((record, i) => ({
      at: recordAddress(partition, epoch, position + i),
      record,
    })),
    ack: () => {
      if (acknowledged) return;
      acknowledged = true;
      reader.acknowledge(entry);
    },
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(ms, resolve);
  const wake = (): void => resolve();
  signal?.addEventListener('abort', wake);
  return promise.finally(() => {
    timer.cancel();
    signal?.removeEventListener('abort', wake);
  });
}
