import { z } from 'zod';
import { newInbox, type Bus } from '../runtime/bus.ts';
import type { Clock, Random } from '../runtime/clock.ts';

/** What a host says of itself through NATS micro service discovery. */
export interface HostReport {
  readonly host: string;
  readonly partitions: readonly PartitionReport[];
  /** The partitions that it has but does not serve, and why. */
  readonly halted: readonly { readonly partition: number; readonly reason: string }[];
  /** How long requests took lately; absent of a host of an earlier version. */
  readonly timing?: z.infer<typeof Timing>;
  /** Of the subjects that it answers. */
  readonly prefix: string;
  /** Requests to single actors since it began, and those that were refused. */
  readonly requests: number;
  readonly errors: number;
}

export interface PartitionReport {
  readonly partition: number;
  readonly epoch: number;
  readonly position: number;
  /** Records that are not durable yet. */
  readonly lag: number;
  /** Actors in memory, and command ids that are remembered. */
  readonly residents: number;
  readonly ids: number;
  /** The text of the log. */
  readonly logBytes: number;
  /** Commands without an answer yet, queries that wait for a check, messages not yet confirmed. */
  readonly pending: number;
  readonly reads: number;
  readonly unacknowledged: number;
  readonly deadLetters: number;
  readonly haltedActors?: readonly string[];
  readonly parkedMessages?: number;
  /** What its present owner read from disk when it took over, and how long that took. */
  readonly recoveredRecords: number;
  readonly recoveredMs: number;
}

/** Asks all hosts for their statistics and takes what comes within the time, in order of name. */
export async function readHosts(
  ports: { readonly bus: Bus; readonly clock: Clock; readonly random: Random },
  waitMs: number,
): Promise<HostReport[]> {
  const { bus, clock, random } = ports;
  const inbox = newInbox(bus, random.id(clock.now()));
  const reports = new Map<string, HostReport>();
  const subscription = bus.subscribe(inbox, ({ payload }) => {
    const report = readReport(payload);
    if (report !== undefined) reports.set(report.host, report);
  });
  bus.publish('$SRV.STATS.millrace', '', { reply: inbox });
  await new Promise<void>((resolve) => clock.after(waitMs, resolve));
  subscription.unsubscribe();
  return [...reports.values()].toSorted((a, b) => (a.host < b.host ? -1 : 1));
}

const Partition = z.object({
  partition: z.number(),
  epoch: z.number(),
  position: z.number(),
  lag: z.number(),
  residents: z.number(),
  ids: z.number(),
  logBytes: z.number(),
  pending: z.number().default(0),
  reads: z.number().default(0),
  unacknowledged: z.number().default(0),
  deadLetters: z.number().default(0),
  haltedActors: z.array(z.string()).exactOptional(),
  parkedMessages: z.number().exactOptional(),
  recoveredRecords: z.number(),
  recoveredMs: z.number(),
});
const Timing = z.object({
  requests: z.number(),
  p50Ms: z.number().exactOptional(),
  p99Ms: z.number().exactOptional(),
  slowest: z.array(z.object({ actor: z.string(), name: z.string(), ms: z.number() })),
});
const Statistics = z.object({
  metadata: z.object({ prefix: z.string() }),
  endpoints: z.array(z.object({ num_requests: z.number(), num_errors: z.number() })),
  data: z.object({
    host: z.string(),
    partitions: z.array(Partition),
    halted: z.array(z.object({ partition: z.number(), reason: z.string() })),
    timing: Timing.exactOptional(),
  }),
});

function readReport(payload: Uint8Array): HostReport | undefined {
  try {
    const read = Statistics.safeParse(JSON.parse(new TextDecoder().decode(payload))).data;
    if (read === undefined) return undefined;
    const sum = (of: 'num_requests' | 'num_errors'): number =>
      read.endpoints.reduce((all, endpoint) => all + endpoint[of], 0);
    return {
      ...read.data,
      prefix: read.metadata.prefix,
      requests: sum('num_requests'),
      errors: sum('num_errors'),
    };
  } catch {
    return undefined;
  }
}
