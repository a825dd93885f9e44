/**
 * The consumer groups of a simulation: processes that read the logs with `readLog`, take some time to
 * deal with what they are given and then say so. They die, freeze and come again, as hosts do.
 */
import { pause } from '../../runtime/clock.ts';
import { LogWentBack, readLog, type Batch } from '../../runtime/read-log.ts';
import type { GivenRecord, ReaderGroup } from '../checkers/deliveries.ts';
import type { Dice } from './dice.ts';
import { Life } from './life.ts';
import type { Observations } from './observations.ts';
import type { RedisConnection, SimulatedRedis } from './redis.ts';
import type { Schedule } from './schedule.ts';
import type { Trace } from './trace.ts';

export interface ReadersOptions {
  readonly schedule: Schedule;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly redis: SimulatedRedis;
  readonly partitions: number;
}

/** One process; when it has died, its successor is another. */
export interface ReaderProcess {
  readonly life: Life;
  readonly connection: RedisConnection;
  readonly ending: AbortController;
}

interface Place {
  readonly group: string;
  readonly consumer: string;
  process: ReaderProcess | undefined;
  count: number;
}

/** A simulation has so many consumers of each group, and in most there are none. */
const shares = [
  { chance: 0.3, group: 'ledger', consumers: 2 },
  { chance: 0.15, group: 'audit', consumers: 1 },
] as const;
const leaseMs = 1_500;
const busyMs = 40;
/** How long one that has died is away: sometimes longer than its group's records stay in the log. */
const awayMs = [300, 1_500, 8_000] as const;

export class Readers {
  /** By group: what its consumers have dealt with, in the order in which they were done with it. */
  readonly #given: ReadonlyMap<string, GivenRecord[]>;
  readonly #options: ReadersOptions;
  readonly #places: readonly Place[];
  #healed = false;

  constructor(options: ReadersOptions) {
    this.#options = options;
    const { dice } = options;
    const there = shares.filter(({ chance }) => dice.chance(chance));
    this.#given = new Map(there.map(({ group }) => [group, []]));
    this.#places = there.flatMap(({ group, consumers }) =>
      Array.from({ length: dice.whole(1, consumers) }, (_, number) => ({
        group,
        consumer: `${group}-${number}`,
        process: undefined,
        count: 0,
      })),
    );
  }

  get processes(): ReaderProcess[] {
    return this.#places.flatMap(({ process }) => process ?? []);
  }

  /** What they have read, beside what they lost and what was told of it. */
  groups({ groupBegan, groupLost }: Observations, reports: readonly string[]): ReaderGroup[] {
    return [...this.#given].map(([group, given]) => {
      const lags = (partition: number): string =>
        `partition ${partition}: the consumer group "${group}" lags`;
      return {
        group,
        given,
        from: (partition) => groupBegan(group, partition),
        leftBehind: (partition) => groupLost(group, partition),
        told: (partition) => reports.some((line) => line.includes(lags(partition))),
      };
    });
  }

  /** Some read from the beginning on, others come later and find what is left of the log. */
  start(): void {
    const { schedule, dice } = this.#options;
    for (const place of this.#places)
      schedule.after(dice.pick([0, dice.between(0, 10_000)]), () => this.#spawn(place));
  }

  /** From now on readers that have died are there again at once. */
  heal(): void {
    this.#healed = true;
    for (const { life, connection } of this.processes) {
      life.killAfter(Number.POSITIVE_INFINITY);
      connection.heal();
      life.thaw();
    }
    for (const place of this.#places) this.#spawn(place);
  }

  #spawn(place: Place): void {
    if (place.process !== undefined) return;
    const { schedule, redis, trace, dice } = this.#options;
    const { consumer } = place;
    const life = new Life(consumer, schedule);
    const connection = redis.connect(life, `${consumer}.${place.count++}`);
    place.process = { life, connection, ending: new AbortController() };
    trace.add(`reader ${consumer} starts`);
    life.onEnd(() => {
      trace.add(`reader ${consumer} ends`);
      place.process = undefined;
      const away = this.#healed ? 100 : dice.pause(dice.pick(awayMs));
      schedule.after(away, () => this.#spawn(place));
    });
    void this.#read(place, place.process);
  }

  async #read({ group, consumer }: Place, { life, connection, ending }: ReaderProcess) {
    const { partitions, trace } = this.#options;
    const onError = (error: unknown): void =>
      trace.add(`reader ${consumer} tries again: ${String(error)}`);
    try {
      const batches = readLog({
        reads: connection.groupReads,
        partitions,
        group,
        consumer,
        leaseMs,
        clock: life.clock,
        signal: ending.signal,
        onError,
      });
      for await (const batch of batches) {
        await this.#pause(life);
        this.#deal(group, batch);
        await this.#pause(life);
        batch.ack();
      }
    } catch (error) {
      onError(error);
      // Reading on would skip what was lost: an operator must look first.
      if (error instanceof LogWentBack) return;
    }
    life.kill();
  }

  /** Here it may die: given and not dealt with, or dealt with and not acknowledged. */
  async #pause({ clock }: Life): Promise<void> {
    const { dice } = this.#options;
    if (!this.#healed && dice.chance(0.05)) await pause(clock, dice.pause(busyMs));
  }

  #deal(group: string, { partition, records }: Batch): void {
    for (const { at } of records) this.#given.get(group)?.push({ partition, at });
  }
}
