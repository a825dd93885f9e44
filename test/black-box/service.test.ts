import { RequestStrategy } from 'nats';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { removeFolder, startCluster, temporaryFolder, type Cluster } from './cluster.ts';
import { until } from './condition.ts';
import { fresh, useCluster } from './suite.ts';
import { readOf, wireOver, type Answer, type Wire } from './wire.ts';

const suite = useCluster();

interface Owned {
  readonly partition: number;
  readonly epoch: number;
  readonly lag: number;
}

/** What the official client for services hears from both hosts. */
async function ask<T>(answers: Promise<AsyncIterable<T>>): Promise<T[]> {
  const heard: T[] = [];
  for await (const answer of await answers) heard.push(answer);
  expect(heard).toHaveLength(2);
  return heard;
}

const services = () =>
  suite.wire.connection.services.client({
    strategy: RequestStrategy.Count,
    maxMessages: 2,
    maxWait: 8_000,
  });

const identity = (kind: string) => ({
  type: `io.nats.micro.v1.${kind}_response`,
  name: 'millrace',
  id: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
  version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
  metadata: {
    host: expect.stringMatching(/^host-[12]$/),
    prefix: 'millrace',
    partitions: String(suite.cluster.partitions),
  },
});

const endpoint = (type: string) => ({
  name: type,
  subject: `millrace.cmd.${type}.*.*`,
  queue_group: 'router',
});

describe('NATS service discovery, as ADR-32 has it', () => {
  test.each([
    ['$SRV.PING', ''],
    ['$SRV.PING.millrace', 'millrace'],
  ])('%s is answered by each host, under an id of its own', async (_, name) => {
    const answers = await ask(services().ping(name));
    for (const answer of answers) expect(answer).toEqual(identity('ping'));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(2);
  });

  test.each(['PING', 'INFO', 'STATS'])(
    '$SRV.%s.millrace.<id> is answered by that host alone',
    async (verb) => {
      for (const { id, metadata } of await ask(services().ping())) {
        const subject = `$SRV.${verb}.millrace.${id}`;
        const answer = (await suite.wire.connection.request(subject)).json();
        expect(answer).toMatchObject({ ...identity(verb.toLowerCase()), id, metadata });
      }
      const stranger = suite.wire.connection.request(`$SRV.${verb}.millrace.nobody`);
      await expect(stranger).rejects.toMatchObject({ code: '503' });
    },
  );

  test('INFO describes one endpoint per actor type', async () => {
    for (const answer of await ask(services().info('millrace'))) {
      expect(answer).toEqual({
        ...identity('info'),
        description: expect.stringMatching(/\w/),
        endpoints: ['account', 'symbol'].map((type) => ({
          ...endpoint(type),
          metadata: expect.objectContaining({ queries: `millrace.get.${type}.*.*` }),
        })),
      });
    }
  });

  test('INFO has the schema of each request and reply, which real ones follow', async () => {
    const [info] = await ask(services().info('millrace'));
    const metadata = metadataOf(info?.endpoints.find(({ name }) => name === 'account'));
    const follows = (schema: string, value: unknown): boolean =>
      z.fromJSONSchema(JSON.parse(metadata[schema] ?? '')).safeParse(value).success;
    const account = `account/${fresh('described')}`;
    const body = { asset: 'USD', amount: '1.00' };
    expect(follows('schema.cmd.deposit.request', body)).toBe(true);
    expect(follows('schema.cmd.deposit.request', { ...body, amount: 1 })).toBe(false);
    expect(follows('schema.cmd.deposit.request', { ...body, name: 'deposit' })).toBe(false);
    const deposited = (await suite.wire.cmd(account, 'deposit', body)).reply;
    expect(follows('schema.cmd.deposit.response', deposited)).toBe(true);
    const withdrawn = (await suite.wire.cmd(account, 'withdraw', { ...body, amount: '2' })).reply;
    expect(follows('schema.cmd.withdraw.response', withdrawn)).toBe(false);
    expect(follows('schema.refusal', withdrawn)).toBe(true);
    for (const query of ['balance', 'history']) {
      expect(follows(`schema.get.${query}.request`, {})).toBe(true);
      const read = (await suite.wire.get(account, query)).reply;
      expect(follows(`schema.get.${query}.response`, read)).toBe(true);
    }
    for (const [name, schema] of Object.entries(metadata)) {
      if (name.startsWith('schema.')) expect(JSON.parse(schema)).toHaveProperty('type', 'object');
    }
  });

  test('STATS counts requests, errors and time, per endpoint', async () => {
    await suite.wire.cmd('account/nobody', 'withdraw', { asset: 'USD', amount: '1' });
    const answers = await ask(services().stats('millrace'));
    const counted = { account: 0, errors: 0 };
    for (const answer of answers) {
      expect(answer).toMatchObject(identity('stats'));
      expect(new Date(answer.started).toISOString()).toBe(answer.started);
      expect(Date.parse(answer.started)).toBeLessThan(Date.now());
      expect(answer.endpoints).toMatchObject([endpoint('account'), endpoint('symbol')]);
      for (const stats of answer.endpoints ?? []) {
        const { num_requests, num_errors, processing_time, average_processing_time } = stats;
        expect(num_errors).toBeLessThanOrEqual(num_requests);
        expect(stats.last_error === '').toBe(num_errors === 0);
        expect(Number.isSafeInteger(processing_time)).toBe(true);
        expect(average_processing_time).toBe(
          num_requests === 0 ? 0 : Math.round(processing_time / num_requests),
        );
      }
      counted.account += answer.endpoints?.[0]?.num_requests ?? 0;
      counted.errors += answer.endpoints?.[0]?.num_errors ?? 0;
    }
    expect(counted.account).toBeGreaterThan(0);
    expect(counted.errors).toBeGreaterThan(0);
  });

  test('STATS tells which host owns which partition, at which epoch and lag', async () => {
    const all = Array.from({ length: suite.cluster.partitions }, (_, partition) => partition);
    // One that changes hands just then is told by neither of them, or by both.
    const owned = await until('each partition has one owner', async () => {
      const told = (await ask(services().stats('millrace'))).flatMap(({ endpoints }) => {
        const data = endpoints?.[0]?.data as { partitions: Owned[] } | undefined;
        return data?.partitions ?? [];
      });
      const numbers = told.map(({ partition }) => partition).toSorted((a, b) => a - b);
      return numbers.join() === all.join() ? told : undefined;
    });
    for (const each of owned) {
      expect(each.epoch).toBeGreaterThan(0);
      expect(each.lag).toBeGreaterThanOrEqual(0);
    }
  });
});

/** The official client's types know less of an endpoint than the ADR and its own services tell. */
const metadataOf = (described: object | undefined): Readonly<Record<string, string>> =>
  (described as { readonly metadata: Readonly<Record<string, string>> }).metadata;

describe('up', () => {
  const deposit = { asset: 'USD', amount: '1.00' };
  const accounts = Array.from({ length: 64 }, () => `account/${fresh('kept')}`);

  test('keeps the data; ends its servers and hosts on SIGTERM, with status 0', async () => {
    const data = await temporaryFolder();
    const started: Cluster[] = [];
    const start = async (): Promise<Wire> => {
      const cluster = await startCluster({ data });
      started.push(cluster);
      return wireOver(await cluster.connect());
    };
    const depositAll = (wire: Wire): Promise<Answer[]> =>
      Promise.all(accounts.map((account) => wire.cmd(account, 'deposit', deposit, 'd1')));
    try {
      const before = await depositAll(await start());
      const [first] = started;
      expect(await first?.terminate()).toBe(0);
      for (const pid of first?.hosts.values() ?? []) {
        await until(`host ${pid} has ended`, () => (isRunning(pid) ? undefined : true));
      }
      const after = await depositAll(await start());
      expect(after.map((answer) => answer.text)).toEqual(before.map((answer) => answer.text));
    } finally {
      for (const cluster of started) await cluster.stop();
      await removeFolder(data);
    }
  }, 120_000);

  test('says ready only when every partition answers', async () => {
    const data = await temporaryFolder();
    try {
      for (let start = 0; start < 3; start++) {
        const cluster = await startCluster({ data });
        try {
          const wire = wireOver(await cluster.connect());
          await Promise.all(
            accounts.map(async (account) => readOf(await wire.get(account, 'balance'))),
          );
        } finally {
          await cluster.stop();
        }
      }
    } finally {
      await removeFolder(data);
    }
  }, 120_000);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
