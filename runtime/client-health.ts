import { z } from 'zod';
import { newInbox } from './bus.ts';
import type { Discovery } from './client-discovery.ts';
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
  const found = new Map<string, Stats>();
  let roundTripMs: number | undefined;
  await line.wait<void>(until.signal, (resolve) => {
    const whole = (): boolean => roundTripMs !== undefined && healthOf(found, roundTripMs).ok;
    const subscription = bus.subscribe(inbox, ({ payload }) => {
      const stats = readStats(payload);
      if (stats?.metadata.prefix !== prefix) return;
      found.set(stats.id, stats);
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
  return healthOf(found, roundTripMs);
}

function healthOf(found: ReadonlyMap<string, Stats>, roundTripMs: number | undefined): Health {
  const all = [...found.values()];
  const count = all[0]?.metadata.partitions ?? 0;
  const owned = new Set(all.flatMap(({ data }) => data.partitions.map((one) => one.partition)));
  const halted = all.flatMap(({ data }) => data.halted.map((one) => one.partition));
  const ownerless = Array.from({ length: count }, (_, n) => n).filter((n) => !owned.has(n));
  return {
    ok: count > 0 && ownerless.length === 0 && halted.length === 0,
    ...(roundTripMs !== undefined && { roundTripMs }),
    hosts: all
      .map(({ data }) => ({ name: data.host, partitions: data.partitions.length }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ownerless,
    halted,
  };
}

const Stats = z.object({
  id: z.string(),
  metadata: z.object({ partitions: z.coerce.number().int().positive(), prefix: z.string() }),
  data: z.object({
    host: z.string(),
    partitions: z.array(z.object({ partition: z.number().int() })),
    halted: z.array(z.object({ partition: z.number().int() })),
  }),
});
type Stats = z.infer<typeof Stats>;

/** Reads a host's answer; undefined for anything else, such as the server's "no responders". */
function readStats(payload: Uint8Array): Stats | undefined {
  try {
    return Stats.safeParse(readJson(payload)).data;
  } catch {
    return undefined;
  }
}
