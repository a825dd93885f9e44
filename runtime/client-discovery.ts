import { z } from 'zod';
import { ClusterSettings } from '../contracts/cluster.ts';
import { newInbox, type Bus } from './bus.ts';
import { Unavailable } from './client-failures.ts';
import type { Line, Tried, Until } from './client-line.ts';
import type { Clock, Random } from './clock.ts';

export interface Discovery {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly line: Line;
  readonly prefix: string;
  readonly until: Until;
}

/**
 * Asks the hosts how many partitions their cluster has. Several clusters may share a NATS, each
 * under a prefix of its own, so the first answer need not be ours: an inbox collects them all.
 */
export async function discoverPartitions(discovery: Discovery): Promise<number> {
  const { line, until } = discovery;
  const found = await line.retry(until, (timeoutMs) => askHosts(discovery, timeoutMs));
  if (found.kind === 'done') return found.value;
  throw new Unavailable({ actor: `the hosts of "${discovery.prefix}"`, name: 'INFO' }, found.why);
}

function askHosts(discovery: Discovery, timeoutMs: number): Promise<Tried<number>> {
  const { bus, clock, random, line, prefix, until } = discovery;
  const inbox = newInbox(bus, random.id(clock.now()));
  return line.wait(until.signal, (resolve) => {
    const subscription = bus.subscribe(inbox, ({ payload }) => {
      const info = readInfo(payload);
      if (info?.prefix === prefix) resolve({ kind: 'done', value: info.partitions });
    });
    const why = new Error('no host has answered');
    const timer = clock.after(timeoutMs, () => resolve({ kind: 'again', unknown: false, why }));
    bus.publish('$SRV.INFO.millrace', '', { reply: inbox });
    const stop = (): void => {
      timer.cancel();
      subscription.unsubscribe();
    };
    return { stop, reconnected: () => resolve({ kind: 'again', unknown: false, why }) };
  });
}

/** Anybody on this NATS may answer for the service: what no cluster can have is not taken. */
export const HostMetadata = z.object({
  partitions: z.coerce.number().pipe(ClusterSettings.shape.partitions),
  prefix: z.string(),
});
const Info = z.object({ metadata: HostMetadata });

/** Reads a host's answer; undefined for anything else, such as the server's "no responders". */
function readInfo(payload: Uint8Array): z.infer<typeof HostMetadata> | undefined {
  try {
    return Info.safeParse(JSON.parse(new TextDecoder().decode(payload))).data?.metadata;
  } catch {
    return undefined;
  }
}
