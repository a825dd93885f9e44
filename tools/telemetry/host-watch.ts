/** What is told of one host while it runs, from before it has joined its cluster. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from '../../runtime/host.ts';
import type { Meter, Tracer } from '../../runtime/telemetry.ts';
import type { Environment } from '../environment.ts';
import { startHealthServer } from './health-server.ts';
import { hostGauges } from './host-gauges.ts';
import type { OpenTelemetry } from './open-telemetry.ts';
import { watchProcess } from './process-gauges.ts';
import { prometheusText, type Family } from './prometheus.ts';
import { recorder } from './recorder.ts';

export interface HostWatchOptions {
  readonly name: string;
  readonly prefix: string;
  /** 0: none. */
  readonly healthPort: number;
  /** Its OTEL_ variables say what is exported; the SDK reads the rest from that of the process. */
  readonly environment: Environment;
}

export interface HostWatch {
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
  /** The host has joined its cluster. */
  began(host: Host): void;
  close(): Promise<void>;
}

/** Housekeeping that has not run for so long never will: a host does it ten times a second. */
const idleMsMax = 30_000;
/** A collector that does not answer keeps nobody from leaving. */
const farewellMs = 2_000;

/** Begins to listen; what nobody asks for is neither loaded nor counted. */
export async function watchHost(options: HostWatchOptions): Promise<HostWatch> {
  const { healthPort } = options;
  const exported = await exports(options);
  if (healthPort === 0 && exported?.meter === undefined)
    return { tracer: exported?.tracer, began: () => undefined, close: () => farewell(exported) };
  let host: Host | undefined;
  const process = watchProcess();
  const meter = recorder(exported?.meter);
  const troubles = (): readonly string[] =>
    host?.troubles() ?? ['this host is starting: it has not joined its cluster yet'];
  const families = (): Family[] => [
    ...(host ? hostGauges(host.status(), troubles().length === 0) : []),
    ...process.gauges(),
    ...meter.families(),
  ];
  const probes = {
    dead: () => (host ? idle(host.idleMs()) : []),
    troubles,
    metrics: () => prometheusText(families()),
  };
  const server = healthPort === 0 ? undefined : await startHealthServer(healthPort, probes);
  return {
    tracer: exported?.tracer,
    meter,
    began: (joined) => {
      host = joined;
      exported?.observe(families);
    },
    close: async () => {
      process.end();
      await server?.close();
      await farewell(exported);
    },
  };
}

/** As the SDK reads them: an exporter is named, or an endpoint is. */
async function exports(options: HostWatchOptions): Promise<OpenTelemetry | undefined> {
  const { environment, name: host, prefix } = options;
  const set = (variable: string): string => environment[variable]?.trim() ?? '';
  const wanted = (signal: 'TRACES' | 'METRICS'): boolean => {
    const exporters = set(`OTEL_${signal}_EXPORTER`);
    if (exporters !== '') return exporters !== 'none';
    const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
    return endpoints.some((endpoint) => set(endpoint) !== '');
  };
  const [traces, metrics] = [wanted('TRACES'), wanted('METRICS')];
  if (set('OTEL_SDK_DISABLED').toLowerCase() === 'true' || !(traces || metrics)) return undefined;
  const { openTelemetry } = await import('./open-telemetry.ts');
  return openTelemetry({ host, prefix, traces, metrics });
}

async function farewell(exported: OpenTelemetry | undefined): Promise<void> {
  if (exported === undefined) return;
  const late = pause(farewellMs, undefined, { ref: false });
  await Promise.race([exported.close().catch(() => undefined), late]);
}

const idle = (ms: number): string[] =>
  ms < idleMsMax
    ? []
    : [`this host has not looked after its partitions for ${Math.round(ms)} ms: restart it`];
