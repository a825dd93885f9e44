/** One request is one story, told to a collector by two hosts; also when one of them is killed. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startCluster, type Cluster } from './cluster.ts';
import { until } from './condition.ts';
import { startCollector, storyAfter, type Collector, type Span } from './otlp.ts';
import { limitOrder, place, type Report } from './orders.ts';
import { fresh, listedSymbol } from './suite.ts';
import { partitionOf, resultOf, wireOver, type Wire } from './wire.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 });

let collector: Collector;
let cluster: Cluster;
let redis: Redis;
let wire: Wire;

beforeAll(async () => {
  collector = await startCollector();
  cluster = await startCluster({
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    },
  });
  redis = new Redis(cluster.redis);
  wire = wireOver(await cluster.connect());
});

afterAll(async () => {
  await redis?.quit();
  await cluster?.stop();
  await collector?.close();
});

/** A client's own step, of which it tells no collector. */
function clientStep(): { traceId: string; spanId: string; traceparent: string } {
  const hex = (length: number): string =>
    Array.from({ length }, () => Math.floor(Math.random() * 15 + 1).toString(16)).join('');
  const [traceId, spanId] = [hex(32), hex(16)];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

const spansOf = (traceId: string): Span[] =>
  collector.spans.filter((span) => span.traceId === traceId);

/** The host that owns the partition of an account that has been used. */
async function funded(asset: string, owner?: string): Promise<{ account: string; host: string }> {
  for (;;) {
    const account = `account/${fresh('t')}`;
    const deposited = await wire.insist(account, 'deposit', { asset, amount: '100' }, 'funds');
    const partition = partitionOf(deposited);
    const host = (await redis.hget(`{mr:${partition}}:owner`, 'host')) ?? '';
    if (owner === undefined || owner === host) return { account, host };
  }
}

const path = (actor: string, name: string): string => `cmd.${actor.replace('/', '.')}.${name}`;

/** Resolves when all of a story has been told. */
async function told(step: { traceId: string; spanId: string }, story: string[]): Promise<void> {
  const known = (): string[] => storyAfter(step.spanId, spansOf(step.traceId));
  await vi.waitUntil(() => known().length >= story.length, waiting).catch(() => undefined);
  expect(known()).toEqual(story);
}

const waiting = { timeout: 30_000, interval: 20 };

const orderStory = [
  'process account.{id}',
  '  append log',
  '  send reply',
  '  send symbol.{id}',
  '    process symbol.{id}',
  '      append log',
  '      send account.{id}',
  '        process account.{id}',
  '          append log',
  '      send account.{id}',
  '        process account.{id}',
  '          append log',
];

test('an order that trades is one story, from the request through three actors to its reply', async () => {
  const symbol = await listedSymbol(wire);
  const seller = await funded('BTC');
  const buyer = await funded('USD');
  resultOf(await place(wire, seller.account, limitOrder(symbol, 'sell', '10', '1')));
  const step = clientStep();
  const order = limitOrder(symbol, 'buy', '10', '1');
  const headers = { traceparent: step.traceparent, 'Nats-Msg-Id': 'the-order' };
  const answer = await wire.send(
    path(buyer.account, 'place-order'),
    JSON.stringify(order),
    headers,
  );
  expect(resultOf<Report>(answer).ordStatus).toBe('Filled');
  await told(step, orderStory);

  const spans = spansOf(step.traceId);
  const first = spans.find(({ parentSpanId }) => parentSpanId === step.spanId);
  expect(answer.traceparent).toBe(`00-${step.traceId}-${first?.spanId}-01`);
  const at = /^(\d+):(\d+)-(\d+)$/.exec(answer.reply.at ?? '');
  expect(first).toMatchObject({
    kind: 5,
    attributes: {
      'messaging.system': 'nats',
      'messaging.operation.type': 'process',
      'messaging.destination.template': 'millrace.cmd.account.{id}.place-order',
      'messaging.destination.partition.id': at?.[1],
      'messaging.message.id': 'the-order',
      'millrace.epoch': Number(at?.[2]),
      'millrace.position': expect.any(Number),
    },
  });
  for (const append of spans.filter(({ name }) => name === 'append log'))
    expect(append).toMatchObject({ kind: 3, attributes: database });
});

test('commands whose records are one group are linked to its append, and it to them', async () => {
  const { account } = await funded('USD');
  const body = JSON.stringify({ asset: 'USD', amount: '1' });
  const isShared = async (): Promise<boolean> => {
    const steps = Array.from({ length: 20 }, clientStep);
    await Promise.all(
      steps.map(({ traceparent }) => wire.send(path(account, 'deposit'), body, { traceparent })),
    );
    const firsts = steps.map(({ spanId }) => spanId);
    const processed = (): Span[] =>
      collector.spans.filter(({ parentSpanId }) => firsts.includes(parentSpanId));
    const appendOf = ({ spanId }: Span): Span | undefined =>
      collector.spans.find(
        ({ name, links }) => name === 'append log' && links.some((link) => link.spanId === spanId),
      );
    await vi.waitUntil(
      () => processed().length === steps.length && processed().every(appendOf),
      waiting,
    );
    const shared = processed().filter((span) => appendOf(span)?.parentSpanId !== span.spanId);
    for (const span of shared) expect(span.links[0]?.spanId).toBe(appendOf(span)?.spanId);
    return shared.length > 0;
  };
  await until('some of twenty commands share a group', async () => (await isShared()) || undefined);
});

const database = {
  'db.system.name': 'redis',
  'db.operation.batch.size': expect.any(Number),
  'db.collection.name': expect.stringMatching(/^\{mr:\d+\}:log$/),
};

test('names of spans tell no one from another', () => {
  const names = new Set(collector.spans.map(({ name }) => name));
  expect(
    [...names].filter((name) => !/^(process|send) [a-z]+\.\{id\}$/.test(name)).toSorted(),
  ).toEqual(['append log', 'send reply']);
});

test('a request without a trace begins one, and a trace that nobody may read harms nothing', async () => {
  const { account } = await funded('USD');
  const body = JSON.stringify({ asset: 'USD', amount: '1' });
  const hostile = [
    'x',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
    '00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01',
    `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-${'x'.repeat(3_000)}`,
  ];
  for (const traceparent of hostile) {
    const answer = await wire.send(path(account, 'deposit'), body, { traceparent });
    resultOf(answer);
    expect(answer.traceparent).toBe('');
  }
  const roots = (): Span[] =>
    collector.spans.filter(
      ({ parentSpanId, attributes }) =>
        parentSpanId === '' && attributes['millrace.actor'] === account,
    );
  // The funds, and these.
  await vi.waitUntil(() => roots().length === 1 + hostile.length, waiting);
  expect(spansOf('4bf92f3577b34da6a3ce929d0e0e4736')).toEqual([]);
});

test('what a client does not want traced is not', async () => {
  const { account } = await funded('USD');
  const { traceId, spanId } = clientStep();
  const traceparent = `00-${traceId}-${spanId}-00`;
  const body = JSON.stringify({ asset: 'USD', amount: '1' });
  const answer = await wire.send(path(account, 'deposit'), body, { traceparent });
  resultOf(answer);
  const later = clientStep();
  resultOf(await wire.send(path(account, 'deposit'), body, { traceparent: later.traceparent }));
  // What came after it has been told: so would it.
  await vi.waitUntil(() => spansOf(later.traceId).length >= 2, waiting);
  expect(spansOf(traceId)).toEqual([]);
});

/** The payer asks the payee, who agrees; then it says do it, and hears that it is done. */
const transferStory = [
  'process account.{id}',
  '  append log',
  '  send account.{id}',
  '    process account.{id}',
  '      append log',
  '      send account.{id}',
  '        process account.{id}',
  '          append log',
  '          send account.{id}',
  '            process account.{id}',
  '              append log',
  '              send account.{id}',
  '                process account.{id}',
  '                  append log',
  '  send reply',
];

/** Between a host that is killed and one that is frozen until then, so that it cannot be done before. */
async function transferThroughKill(): Promise<ReturnType<typeof clientStep> | undefined> {
  const payer = await funded('USD');
  const other = [...cluster.hosts.keys()].find((name) => name !== payer.host) ?? '';
  const payee = await funded('USD', other);
  const frozen = cluster.hosts.get(other) ?? 0;
  const step = clientStep();
  const body = { to: payee.account.replace('account/', ''), asset: 'USD', amount: '5' };
  process.kill(frozen, 'SIGSTOP');
  const since = performance.now();
  let killed: Promise<void> | undefined;
  try {
    const answered = wire.send(path(payer.account, 'transfer'), JSON.stringify(body), {
      traceparent: step.traceparent,
      'Nats-Msg-Id': 'the-transfer',
    });
    answered.catch(() => undefined);
    await vi.waitUntil(() => spansOf(step.traceId).some(({ kind }) => kind === 5), waiting);
    killed = cluster.killHost(payer.host);
    // Later the killed host might have taken over from the frozen one, and done it alone.
    if (performance.now() - since > leaseMs / 2) return undefined;
    process.kill(frozen, 'SIGCONT');
    const repeated = await wire.insist(payer.account, 'transfer', body, 'the-transfer');
    expect(resultOf(repeated)).toMatchObject({ status: 'completed' });
    return step;
  } finally {
    process.kill(frozen, 'SIGCONT');
    await killed;
  }
}

const leaseMs = 3_000;

test('a transfer whose host was killed half-way goes on in the same story', async () => {
  const step = await until('a transfer was caught half-way', transferThroughKill, 90_000);
  await told(step, transferStory);
  // The account's later records are those of another owner than its first.
  const spans = spansOf(step.traceId);
  const first = spans.find(({ parentSpanId }) => parentSpanId === step.spanId);
  const later = spans.filter(
    ({ spanId, kind, attributes }) =>
      kind === 5 &&
      spanId !== first?.spanId &&
      attributes['millrace.actor'] === first?.attributes['millrace.actor'],
  );
  expect(later).toHaveLength(2);
  for (const { attributes } of later)
    expect(attributes['millrace.epoch']).toBeGreaterThan(
      Number(first?.attributes['millrace.epoch']),
    );
});

test('metrics go to the collector, too', async () => {
  await vi.waitUntil(() => collector.metrics.has('millrace_partitions_owned'), waiting);
  await vi.waitUntil(() => collector.metrics.has('millrace_turn_seconds'), waiting);
});
