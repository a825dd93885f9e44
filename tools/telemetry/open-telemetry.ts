/**
 * The ports to tracing and metrics over OpenTelemetry: the only file that knows it, loaded only when
 * the standard OTEL_ variables ask for something. Names and attributes follow the conventions for
 * messaging and databases. No name of a span has a payload, an amount or an id in it.
 */
import {
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as tracing,
  type Context,
  type Link,
  type Meter as OpenMeter,
  type Span as OpenSpan,
  type SpanContext,
  type Tracer as OpenTracer,
} from '@opentelemetry/api';
import { NodeSDK, resources } from '@opentelemetry/sdk-node';
import { statusOf } from '../../contracts/codes.ts';
import { typeOf } from '../../contracts/ids.ts';
import { keys } from '../../contracts/keys.ts';
import type { Fence } from '../../runtime/log.ts';
import type {
  MessageStep,
  Meter,
  RequestStep,
  Span,
  TracedRecord,
  Tracer,
} from '../../runtime/telemetry.ts';
import type { Family } from './prometheus.ts';
import { recordBounds, secondBounds } from './recorder.ts';

/** What is asked for, and of whom it is told. */
export interface OpenTelemetryOptions {
  readonly host: string;
  readonly prefix: string;
  readonly traces: boolean;
  readonly metrics: boolean;
}

export interface OpenTelemetry {
  readonly tracer: Tracer | undefined;
  readonly meter: Meter | undefined;
  /** Exports these from now on, as they are whenever they are asked for. */
  observe(families: () => readonly Family[]): void;
  /** Sends what has not been sent yet. */
  close(): Promise<void>;
}

/** As many links of an append as one request may bring commands, unless the environment says other. */
const linksMax = 1_024;

/** Starts the SDK as the OTEL_ variables of this process say. */
export function openTelemetry(options: OpenTelemetryOptions): OpenTelemetry {
  const { host, prefix } = options;
  const limited = process.env['OTEL_SPAN_LINK_COUNT_LIMIT'] !== undefined;
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({
      'service.name': 'millrace',
      'service.instance.id': host,
    }),
    // The environment has the last word, and nothing is looked up of machine and process.
    resourceDetectors: [resources.envDetector],
    logRecordProcessors: [],
    ...(!options.traces && { spanProcessors: [] }),
    ...(!options.metrics && { metricReaders: [] }),
    ...(!limited && { spanLimits: { linkCountLimit: linksMax } }),
  });
  sdk.start();
  const meter = metrics.getMeter('millrace');
  return {
    tracer: options.traces ? new Tracing(tracing.getTracer('millrace'), prefix) : undefined,
    meter: options.metrics ? histogramsOf(meter) : undefined,
    observe: (families) => options.metrics && observe(meter, families),
    close: () => sdk.shutdown(),
  };
}

class Tracing implements Tracer {
  readonly #tracer: OpenTracer;
  readonly #prefix: string;

  constructor(tracer: OpenTracer, prefix: string) {
    this.#tracer = tracer;
    this.#prefix = prefix;
  }

  request({ verb, type, actor, name, id, partition, trace }: RequestStep): Span | undefined {
    const span = this.#begin('process', type, SpanKind.CONSUMER, contextOf(trace));
    if (span === undefined) return undefined;
    const subject = actor === undefined ? 'part.{n}' : `${verb}.${type}.{id}`;
    span.setAttribute('messaging.system', 'nats');
    span.setAttribute('messaging.operation.name', 'process');
    span.setAttribute('messaging.operation.type', 'process');
    span.setAttribute('messaging.destination.template', `${this.#prefix}.${subject}.${name}`);
    span.setAttribute('messaging.destination.partition.id', `${partition}`);
    if (id !== undefined) span.setAttribute('messaging.message.id', id);
    if (actor !== undefined) span.setAttribute('millrace.actor', actor);
    return new Step(span);
  }

  send(step: MessageStep): Span | undefined {
    return this.#message('send', SpanKind.PRODUCER, step);
  }

  take(step: MessageStep): Span | undefined {
    return this.#message('process', SpanKind.CONSUMER, step);
  }

  /** A child of the first traced step, so that a lone request is one tree; linked to all. */
  append({ partition, epoch }: Fence, after: number, records: readonly TracedRecord[]) {
    const links = linksTo(records);
    const [first] = links;
    if (first === undefined) return undefined;
    const attributes = {
      'db.system.name': 'redis',
      'db.operation.name': 'EVALSHA',
      'db.stored_procedure.name': 'append',
      'db.query.summary': 'append log',
      'db.collection.name': keys.log(partition),
      'db.operation.batch.size': records.length,
      'millrace.epoch': epoch,
      'millrace.position': after + 1,
    };
    const parent = tracing.setSpanContext(ROOT_CONTEXT, first.context);
    const options = { kind: SpanKind.CLIENT, attributes, links };
    const span = recording(this.#tracer.startSpan('append log', options, parent));
    if (span === undefined) return undefined;
    const step = new Step(span);
    for (const { span: other } of records) {
      // The first need not name its own child.
      if (other && !other.traceparent.includes(first.context.spanId)) other.link(step);
    }
    return step;
  }

  reply(trace: string, because: string | undefined): Span | undefined {
    const attributes = {
      'messaging.system': 'nats',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.temporary': true,
    };
    const links = because === undefined ? [] : [{ context: spanContextOf(because) }];
    const options = { kind: SpanKind.PRODUCER, attributes, links };
    const span = recording(this.#tracer.startSpan('send reply', options, contextOf(trace)));
    return span && new Step(span);
  }

  #message(
    operation: 'send' | 'process',
    kind: SpanKind,
    { to, name, from, partition, trace }: MessageStep,
  ): Span | undefined {
    const span = this.#begin(operation, typeOf(to), kind, contextOf(trace));
    if (span === undefined) return undefined;
    span.setAttribute('messaging.system', 'nats');
    span.setAttribute('messaging.operation.name', operation);
    span.setAttribute('messaging.operation.type', operation);
    span.setAttribute('messaging.destination.template', `${this.#prefix}.part.{n}.channel`);
    span.setAttribute('messaging.destination.partition.id', `${partition}`);
    span.setAttribute('messaging.message.id', `${from.partition}:${from.entry}#${from.n}`);
    span.setAttribute('millrace.actor', to);
    span.setAttribute('millrace.message', name);
    return new Step(span);
  }

  /** Without attributes, which would be for nothing most of the time where few requests are sampled. */
  #begin(operation: string, type: string, kind: SpanKind, parent: Context): OpenSpan | undefined {
    return recording(this.#tracer.startSpan(`${operation} ${type}.{id}`, { kind }, parent));
  }
}

const recording = (span: OpenSpan): OpenSpan | undefined => (span.isRecording() ? span : undefined);

/** One span that is recorded. */
class Step implements Span {
  readonly traceparent: string;
  readonly #span: OpenSpan;

  constructor(span: OpenSpan) {
    const { traceId, spanId } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-01`;
    this.#span = span;
  }

  recorded(epoch: number, position: number): void {
    this.#span.setAttribute('millrace.epoch', epoch);
    this.#span.setAttribute('millrace.position', position);
  }

  link(other: Span): void {
    this.#span.addLink({ context: spanContextOf(other.traceparent) });
  }

  end(code?: string): void {
    if (!this.#span.isRecording()) return;
    if (code !== undefined) {
      this.#span.setAttribute('millrace.outcome', code);
      // What an actor refuses is its answer; what we could not do is an error.
      if (statusOf(code) >= 429) {
        this.#span.setAttribute('error.type', code);
        this.#span.setStatus({ code: SpanStatusCode.ERROR, message: code });
      }
    }
    this.#span.end();
  }
}

/** One for each step; the commands of a batch share theirs. */
function linksTo(records: readonly TracedRecord[]): Link[] {
  const links: Link[] = [];
  let last: string | undefined;
  for (const { record } of records) {
    if (record.trace === undefined || record.trace === last) continue;
    last = record.trace;
    links.push({ context: spanContextOf(last) });
  }
  return links;
}

/** Of a traceparent that was checked where it came in. */
const spanContextOf = (traceparent: string): SpanContext => ({
  traceId: traceparent.slice(3, 35),
  spanId: traceparent.slice(36, 52),
  traceFlags: Number.parseInt(traceparent.slice(53), 16),
  isRemote: true,
});

const contextOf = (traceparent: string | undefined): Context =>
  traceparent === undefined
    ? ROOT_CONTEXT
    : tracing.setSpanContext(ROOT_CONTEXT, spanContextOf(traceparent));

/** Without attributes, which would cost more than the rest: counts by type are observed. */
function histogramsOf(meter: OpenMeter): Meter {
  const seconds = (name: string, description: string) =>
    meter.createHistogram(`millrace_${name}_seconds`, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: [...secondBounds] },
    });
  const command = seconds('command', 'From the arrival of a command to its answer.');
  const turn = seconds('turn', 'From the recalled id to the staged record.');
  const append = seconds('append', 'From the sealed group to the answer of the log.');
  const records = meter.createHistogram('millrace_group_records', {
    description: 'Records of a group.',
    advice: { explicitBucketBoundaries: [...recordBounds] },
  });
  return {
    answered: (_type, _name, _code, ms) => command.record(ms / 1_000),
    turn: (ms) => turn.record(ms / 1_000),
    appended: (count, ms) => {
      append.record(ms / 1_000);
      records.record(count);
    },
  };
}

/** All at once, so that one look serves them all. Histograms are recorded as they happen. */
function observe(meter: OpenMeter, families: () => readonly Family[]): void {
  const instruments = new Map(
    families().flatMap(({ type, name, help: description }) => {
      if (type === 'histogram') return [];
      const create = type === 'gauge' ? 'createObservableGauge' : 'createObservableCounter';
      return [[name, meter[create](name, { description })] as const];
    }),
  );
  meter.addBatchObservableCallback(
    (result) => {
      for (const family of families()) {
        const instrument = instruments.get(family.name);
        if (instrument === undefined || family.type === 'histogram') continue;
        for (const { labels = {}, value } of family.samples)
          result.observe(instrument, value, labels);
      }
    },
    [...instruments.values()],
  );
}
