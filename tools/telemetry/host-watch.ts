/** What is told of one host while it runs, from before it has joined its cluster. */
import type { Host } from '../../runtime/host.ts';
import { startHealthServer } from './health-server.ts';
import { hostGauges } from './host-gauges.ts';
import { watchProcess } from './process-gauges.ts';
import { prometheusText, type Family } from './prometheus.ts';

export interface HostWatch {
  /** The host has joined its cluster. */
  began(host: Host): void;
  close(): Promise<void>;
}

/** Housekeeping that has not run for so long never will: a host does it ten times a second. */
const idleMsMax = 30_000;

/** Answers at this port; with port 0 nothing is told and nothing is watched. */
export async function watchHost(port: number): Promise<HostWatch> {
  if (port === 0) return { began: () => undefined, close: async () => undefined };
  let host: Host | undefined;
  const process = watchProcess();
  const troubles = (): readonly string[] =>
    host?.troubles() ?? ['this host is starting: it has not joined its cluster yet'];
  const families = (): Family[] => [
    ...(host ? hostGauges(host.status(), troubles().length === 0) : []),
    ...process.gauges(),
  ];
  const server = await startHealthServer(port, {
    dead: () => (host ? idle(host.idleMs()) : []),
    troubles,
    metrics: () => prometheusText(families()),
  });
  return {
    began: (joined) => void (host = joined),
    close: async () => {
      process.end();
      await server.close();
    },
  };
}

const idle = (ms: number): string[] =>
  ms < idleMsMax
    ? []
    : [`this host has not looked after its partitions for ${Math.round(ms)} ms: restart it`];
