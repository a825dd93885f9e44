/** What hosts do at present, told from two looks at them. */
import type { HostReport, PartitionReport } from '../hosts.ts';

/** What the hosts said at one moment. */
export interface Look {
  /** In ms, of a clock that never goes back. */
  readonly at: number;
  readonly hosts: readonly HostReport[];
}

/** Rates are per second, times in ms; undefined where there was nothing to measure. */
export interface HostRates {
  readonly host: string;
  readonly partitions: number;
  readonly halted: number;
  readonly records: number;
  readonly requests: number;
  readonly refused: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly actors: number;
  /** What waits: records that are not durable, replies, queries, messages to other partitions. */
  readonly queued: Queues;
}

export interface Queues {
  readonly lag: number;
  readonly pending: number;
  readonly reads: number;
  readonly unacknowledged: number;
}

export interface PartitionRates {
  readonly partition: number;
  readonly host: string;
  readonly epoch: number;
  readonly position: number;
  readonly records: number;
  readonly actors: number;
  readonly logBytes: number;
  readonly deadLetters: number;
  readonly queued: Queues;
}

export interface SlowActor {
  readonly actor: string;
  readonly name: string;
  readonly ms: number;
  readonly host: string;
}

export interface Rates {
  readonly hosts: readonly HostRates[];
  /** The busiest first. */
  readonly partitions: readonly PartitionRates[];
  readonly slowest: readonly SlowActor[];
  readonly haltedActors: readonly string[];
  readonly parkedMessages: number;
}

/** The rates between two looks; a host that was not there before has none yet. */
export function ratesOf(before: Look, now: Look): Rates {
  const seconds = Math.max(0.001, (now.at - before.at) / 1_000);
  const positions = new Map(
    before.hosts.flatMap(({ partitions }) =>
      partitions.map(({ partition, position }) => [partition, position] as const),
    ),
  );
  const perSecond = (more: number): number => Math.round(Math.max(0, more) / seconds);
  const grown = ({ partition, position }: PartitionReport): number =>
    position - (positions.get(partition) ?? position);
  const partitions = now.hosts.flatMap(({ host, partitions: own }) =>
    own.map((one) => ({
      partition: one.partition,
      host,
      epoch: one.epoch,
      position: one.position,
      records: perSecond(grown(one)),
      actors: one.residents,
      logBytes: one.logBytes,
      deadLetters: one.deadLetters,
      queued: queuesOf([one]),
    })),
  );
  const all = now.hosts.flatMap(({ partitions: own }) => own);
  return {
    hosts: now.hosts.map((host) => {
      const was = before.hosts.find((each) => each.host === host.host);
      return {
        host: host.host,
        partitions: host.partitions.length,
        halted: host.halted.length,
        records: perSecond(host.partitions.reduce((sum, one) => sum + grown(one), 0)),
        requests: perSecond(host.requests - (was?.requests ?? host.requests)),
        refused: perSecond(host.errors - (was?.errors ?? host.errors)),
        p50Ms: host.timing?.p50Ms,
        p99Ms: host.timing?.p99Ms,
        actors: host.partitions.reduce((sum, { residents }) => sum + residents, 0),
        queued: queuesOf(host.partitions),
      };
    }),
    partitions: partitions.toSorted(
      (one, other) => other.records - one.records || one.partition - other.partition,
    ),
    slowest: now.hosts
      .flatMap(({ host, timing }) => timing?.slowest.map((slow) => ({ ...slow, host })) ?? [])
      .toSorted((one, other) => other.ms - one.ms),
    haltedActors: all.flatMap(({ haltedActors = [] }) => haltedActors),
    parkedMessages: all.reduce((sum, { parkedMessages = 0 }) => sum + parkedMessages, 0),
  };
}

function queuesOf(partitions: readonly PartitionReport[]): Queues {
  const sum = (of: keyof Queues): number => partitions.reduce((all, one) => all + one[of], 0);
  return {
    lag: sum('lag'),
    pending: sum('pending'),
    reads: sum('reads'),
    unacknowledged: sum('unacknowledged'),
  };
}
