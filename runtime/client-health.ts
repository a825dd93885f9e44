import { z } from 'zod';
import { partitionsMax } from '../contracts/cluster.ts';
import { newInbox } from './bus.ts';
import { HostMetadata, type Discovery } from './client-discovery.ts';
import { readJson } from './client-replies.ts';

/** What a client finds when it looks. */
export interface Health {
  /** Hosts answer, and together they own every partition: whatever is asked now has an owner. */
  readonly ok: boolean;
  /** How long NATS took to answer, in ms; absent if it did not. */
  readonly roundTripMs?: number;
  /** The hosts that answered, by name, and how many partitions each owns. */
  readonly hosts: readonly HostHealth[];
  /** Partitions that none of them owns, and those that stand still until an operator looks. */
  readonly ownerless: readonly number[];
  readonly halted: readonly number[];
}

export interface HostHealth {
  readonly name: string;
  readonly partitions: number;
}

/** Asks NATS for a round trip and every host for its state, until all is accounted for or time is over. */
export async function askHealth(discovery: Discovery): Promise<Health> {
  const { bus, clock, random, line, prefix, until } = discovery;
  const inbox = newInbox(bus, random.id(clock.now()));
  const began = clock.monotonic();
  const found: Found = { partitions: 0, hosts: new Map(), owned: new Set(), halted: new Set() };
  let roundTripMs: number | undefined;
  await line.wait<void>(until.signal, (resolve) => {
    const whole = (): boolean => roundTripMs !== undefined && isWell(found);
    const subscription = bus.subscribe(inbox, ({ payload }) => {
      const stats = readStats(payload);
      if (stats?.metadata.prefix !== prefix) return;
      take(found, stats);
      if (whole()) resolve();
    });
    bus.publish('$SRV.STATS.millrace', '', { reply: inbox });
    bus.flush().then(
      () => {
        roundTripMs = clock.monotonic() - began;
        if (whole()) resolve();
      },
      () => {},
    );
    const timer = clock.after(Math.max(0, until.deadline - began), resolve);
    const stop = (): void => {
      timer.cancel();
      subscription.unsubscribe();
    };
    return { stop };
  });
  return {
    ok: isWell(found),
    ...(roundTripMs !== undefined && { roundTripMs }),
    hosts: [...found.hosts.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ownerless: Array.from({ length: found.partitions }, (_, n) => n).filter(
      (n) => !found.owned.has(n),
    ),
    halted: [...found.halted],
  };
}

/** What the answers say together; each is looked at once, when it comes. */
interface Found {
  partitions: number;
  /** By the instance that answered. */
  readonly hosts: Map<string, HostHealth>;
  readonly owned: Set<number>;
  readonly halted: Set<number>;
}

const isWell = ({ partitions, owned, halted }: Found): boolean =>
  partitions > 0 && owned.size === partitions && halted.size === 0;

function take(found: Found, { id, metadata, data }: z.infer<typeof Stats>): void {
  // More hosts than partitions have nothing to do.
  if (found.hosts.has(id) || found.hosts.size >= partitionsMax) return;
  found.partitions ||= metadata.partitions;
  found.hosts.set(id, { name: data.host, partitions: data.partitions.length });
  for (const { partition } of data.partitions)
    if (partition < found.partitions) found.owned.add(partition);
  for (const { partition } of data.halted)
    if (partition < found.partitions) found.halted.add(partition);
}

const Partitions = z
  .array(z.object({ partition: z.number().int().min(0).lt(partitionsMax) }))
  .max(partitionsMax);
const Stats = z.object({
  id: z.string(),
  metadata: HostMetadata,
  data: z.object({ host: z.string(), partitions: Partitions, halted: Partitions }),
});

/** Reads a host's answer; undefined for anything else, such as the server's "no responders". */
function readStats(payload: Uint8Array): z.infer<typeof Stats> | undefined {
  try {
    return Stats.safeParse(readJson(payload)).data;
  } catch {
    return undefined;
  }
}
