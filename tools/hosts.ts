import { z } from 'zod';
import type { Bus } from '../runtime/bus.ts';
import type { Clock, Random } from '../runtime/clock.ts';

/** What a host says of itself through NATS micro service discovery. */
export interface HostReport {
  readonly host: string;
  readonly partitions: readonly PartitionReport[];
  /** The partitions that it has but does not serve, and why. */
  readonly halted: readonly { readonly partition: number; readonly reason: string }[];
}

export interface PartitionReport {
  readonly partition: number;
  readonly position: number;
  /** Actors in memory, and command ids that are remembered. */
  readonly residents: number;
  readonly ids: number;
  /** The text of the log. */
  readonly logBytes: number;
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
  const inbox = `_INBOX.${random.id(clock.now())}`;
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
  position: z.number(),
  residents: z.number(),
  ids: z.number(),
  logBytes: z.number(),
  recoveredRecords: z.number(),
  recoveredMs: z.number(),
});
const Statistics = z.object({
  data: z.object({
    host: z.string(),
    partitions: z.array(Partition),
    halted: z.array(z.object({ partition: z.number(), reason: z.string() })),
  }),
});

function readReport(payload: Uint8Array): HostReport | undefined {
  try {
    return Statistics.safeParse(JSON.parse(new TextDecoder().decode(payload))).data?.data;
  } catch {
    return undefined;
  }
}
