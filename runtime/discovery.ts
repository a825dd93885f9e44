/**
 * NATS micro service discovery (ADR-32): `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, answered by
 * every host as an instance of the service `millrace`, with one endpoint per actor type, whose
 * metadata in INFO holds the schemas of requests and replies.
 */
import type { Bus, Subscription } from './bus.ts';
import type { ActorTypes } from './command.ts';
import { schemasOf } from './service-schemas.ts';
import type { TypeUsage } from './usage.ts';

export interface DiscoveryOptions {
  readonly bus: Bus;
  readonly prefix: string;
  readonly partitions: number;
  readonly host: string;
  readonly instance: string;
  readonly types: ActorTypes;
  readonly started: Date;
  readonly usage: (type: string) => TypeUsage | undefined;
  /** Owned partitions, epochs, lag. */
  readonly data: () => object;
}

const service = 'millrace';
const version = '0.1.0';
const nanosPerMs = 1e6;

/** Answers discovery until the subscriptions are ended. */
export function discover(options: DiscoveryOptions): Subscription[] {
  const { bus, instance } = options;
  const subscribe = (verb: string, describe: () => string): Subscription[] =>
    ['', `.${service}`, `.${service}.${instance}`].map((rest) =>
      bus.subscribe(`$SRV.${verb}${rest}`, (message) => {
        if (message.reply !== undefined) bus.publish(message.reply, describe());
      }),
    );
  const ping = JSON.stringify(identity(options, 'ping'));
  // A thousand clients that connect at once all ask for it, and it is some 30 KB.
  const told = JSON.stringify(info(options));
  return [
    ...subscribe('PING', () => ping),
    ...subscribe('INFO', () => told),
    ...subscribe('STATS', () => JSON.stringify(stats(options))),
  ];
}

const identity = (options: DiscoveryOptions, kind: 'ping' | 'info' | 'stats'): object => ({
  type: `io.nats.micro.v1.${kind}_response`,
  name: service,
  id: options.instance,
  version,
  metadata: {
    host: options.host,
    prefix: options.prefix,
    partitions: `${options.partitions}`,
  },
});

/** Each request goes to one host. The groups have new names with each owner: this one is of them all. */
const endpoint = (options: DiscoveryOptions, type: string): object => ({
  name: type,
  subject: `${options.prefix}.cmd.${type}.*.*`,
  queue_group: 'router',
});

const info = (options: DiscoveryOptions): object => ({
  ...identity(options, 'info'),
  description: 'Actors whose events are persisted to Redis Streams',
  endpoints: [...options.types.values()].map((type) => ({
    ...endpoint(options, type.type),
    metadata: { queries: `${options.prefix}.get.${type.type}.*.*`, ...schemasOf(type) },
  })),
});

function stats(options: DiscoveryOptions): object {
  const data = options.data();
  return {
    ...identity(options, 'stats'),
    started: options.started.toISOString(),
    data,
    endpoints: [...options.types.keys()].map((type) => {
      const usage = options.usage(type);
      const nanos = Math.round((usage?.processingMs ?? 0) * nanosPerMs);
      const requests = usage?.requests ?? 0;
      return {
        ...endpoint(options, type),
        num_requests: requests,
        num_errors: usage?.errors ?? 0,
        last_error: usage?.lastError ?? '',
        processing_time: nanos,
        average_processing_time: requests === 0 ? 0 : Math.round(nanos / requests),
        data,
      };
    }),
  };
}
