/** A collector: takes OTLP as JSON over HTTP, and tells what it has got. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

type Value = string | number | boolean;

/** A span as it was sent. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, Value>>;
  /** The host that sent it. */
  readonly host: string;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly Span[];
  /** Names of all metrics that have come. */
  readonly metrics: ReadonlySet<string>;
  close(): Promise<void>;
}

interface SentAttribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: number | string;
    readonly boolValue?: boolean;
  };
}

interface SentSpan extends Pick<Span, 'traceId' | 'spanId' | 'name' | 'kind'> {
  readonly parentSpanId?: string;
  readonly links?: Span['links'];
  readonly attributes: readonly SentAttribute[];
}

interface Sent {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly SentAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

/** Listens on a free port of this machine. */
export async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const metrics = new Set<string>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const sent = JSON.parse(body) as Sent;
      spans.push(...spansIn(sent));
      for (const { scopeMetrics } of sent.resourceMetrics ?? [])
        for (const scope of scopeMetrics) for (const { name } of scope.metrics) metrics.add(name);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    metrics,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const spansIn = ({ resourceSpans = [] }: Sent): Span[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const host = String(attributesOf(resource.attributes)['service.instance.id']);
    return scopeSpans.flatMap((scope) =>
      scope.spans.map(({ parentSpanId = '', links = [], ...span }) => ({
        ...span,
        parentSpanId,
        links,
        attributes: attributesOf(span.attributes),
        host,
      })),
    );
  });

const attributesOf = (sent: readonly SentAttribute[]): Record<string, Value> =>
  Object.fromEntries(
    sent.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? Number(value.intValue),
    ]),
  );

/**
 * What follows from a step, a line each, indented; an append stands under every step whose record it
 * has written. Steps beside each other are in order of name.
 */
export function storyAfter(spanId: string, spans: readonly Span[], depth = 0): string[] {
  const appends = spans.filter(
    ({ name, links }) => name === 'append log' && links.some((link) => link.spanId === spanId),
  );
  const steps = spans.filter((span) => span.parentSpanId === spanId && span.name !== 'append log');
  const indent = '  '.repeat(depth);
  return [
    ...appends.map(({ name }) => `${indent}${name}`),
    ...steps
      .map((step) => [`${indent}${step.name}`, ...storyAfter(step.spanId, spans, depth + 1)])
      .toSorted((one, other) => (one.join() < other.join() ? -1 : 1))
      .flat(),
  ];
}
