/**
 * Redis comes back from a copy of itself that is a little older: records that it had acknowledged are
 * gone, with everything else that was written since. All hosts live and know more than it does.
 *
 * Owns what was lost. What must follow: a partition whose owner had been told of a record that is gone
 * halts and says so, and nothing is ever written behind what is left of its log.
 */
import { topOf, type PartitionStore } from '../../runtime/memory/partition-store.ts';
import { partitionOf } from '../../contracts/partition.ts';
import type { PartitionLog, Told } from '../checkers/evidence.ts';
import type { SimulatedRedis } from './redis.ts';

interface Lost {
  /** As it was, and where the copy of it ended. */
  readonly log: PartitionLog;
  readonly top: number;
}

export class TailLoss {
  /** The partitions of which records are gone: they may halt. */
  readonly partitions: readonly number[];
  readonly #redis: SimulatedRedis;
  readonly #count: number;
  readonly #struckAt: number;
  /** Those whose owners had been told of a record that is gone: they must. */
  readonly #lost: readonly Lost[];

  /**
   * Redis ends, and has what these copies say when it starts again. A partition of which nothing but
   * snapshots and checkpoints would be gone keeps them: that loss no host would notice.
   */
  constructor(redis: SimulatedRedis, logs: readonly PartitionLog[], copies: Copies) {
    this.#redis = redis;
    this.#count = copies.length;
    this.#struckAt = redis.now;
    redis.stop();
    const shorter = logs.flatMap((log) => {
      const { partition } = log;
      const store = redis.store.partitions(partition);
      const copy = copies[partition];
      const top = topOf(copy?.entries ?? []);
      if (copy === undefined || topOf(store.entries) === top) return [];
      Object.assign(store, copy);
      return [{ log, top }];
    });
    this.partitions = shorter.map(({ log }) => log.partition);
    this.#lost = shorter.filter(
      ({ log, top }) => (redis.acknowledged.get(log.partition) ?? 0) > top,
    );
  }

  /**
   * Whether an answer came when its owner had not yet noticed: what has left memory is read back from
   * what Redis has left of it, so a query may be told an older state until the partition halts.
   */
  blurs({ verb, actor, answeredAt }: Told): boolean {
    const partition = partitionOf(actor, this.#count);
    return verb === 'get' && answeredAt >= this.#struckAt && this.partitions.includes(partition);
  }

  /** A log as it would be if nothing had been lost that its owner knew of. */
  whole(log: PartitionLog): PartitionLog {
    return this.#lost.find((lost) => lost.log.partition === log.partition)?.log ?? log;
  }

  /** A sentence for each partition that did not halt, or was written to all the same. */
  wrong(reports: readonly string[]): string[] {
    const must = this.#lost.flatMap(({ log: { partition }, top }) => {
      const said = reports.some((line) => isAbout(line, partition));
      const now = topOf(this.#redis.store.partitions(partition).entries);
      const lost = `partition ${partition} has lost records above ${top}`;
      return [
        ...(said ? [] : [`${lost} and did not halt`]),
        ...(now > top ? [`${lost} and was written up to ${now}`] : []),
      ];
    });
    const may = (line: string): boolean => this.partitions.some((one) => isAbout(line, one));
    return [...must, ...reports.filter((line) => !may(line))];
  }
}

const isAbout = (line: string, partition: number): boolean =>
  line.includes(`partition ${partition} is halted: `);

/** Of each partition. */
export type Copies = readonly PartitionStore[];

/** What Redis has now. */
export const copied = (redis: SimulatedRedis, partitions: number): Copies =>
  Array.from({ length: partitions }, (_, partition) => copyOf(redis.store.partitions(partition)));

/** What is in it is never changed, only replaced; but what groups have read is. */
const copyOf = (store: PartitionStore): PartitionStore => ({
  ...store,
  entries: [...store.entries],
  epochs: [...store.epochs],
  snapshots: new Map(store.snapshots),
  segments: new Map(store.segments),
  groups: new Map([...store.groups].map(([name, progress]) => [name, { ...progress }])),
  seats: new Map(store.seats),
});
