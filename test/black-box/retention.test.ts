/** A log that is kept short: memory stays bounded, nothing is lost, and old ids are still known. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { removeFolder, startCluster, temporaryFolder, type Cluster } from './cluster.ts';
import { until } from './condition.ts';
import { balancesOf } from './orders.ts';
import { expectRefused, outcomesOf, partitionOf, wireOver, type Wire } from './wire.ts';

const environment = { MILLRACE_RETAIN_BYTES: '1000000', MILLRACE_REPLY_WINDOW_MS: '500' };
const account = 'account/saver';
const body = { asset: 'USD', amount: '1' };
const batches = 50;

test('50,000 deposits leave a short log, a whole archive, and ids that are never applied again', async () => {
  const data = await temporaryFolder();
  onTestFinished(() => removeFolder(data));
  let cluster = await startCluster({ data, environment });
  onTestFinished(() => cluster.stop());
  let wire = wireOver(await cluster.connect());

  const opened = await wire.insist(account, 'deposit', body, 'first');
  const partition = partitionOf(opened);
  for (let batch = 0; batch < batches; batch++) await depositThousand(wire, batch);
  const first = await until(
    'most of the log is trimmed',
    async () => {
      const position = await firstPosition(cluster, partition);
      return position > 25_000 ? position : undefined;
    },
    25_000,
  );
  expect(await memoryOf(cluster, partition)).toBeLessThan(12_000_000);
  await expectArchived(join(data, 'archive', `${partition}`), first - 1);

  const latest = await wire.insist(account, 'deposit', body, 'latest');
  const repeats = async (): Promise<void> => {
    const gone = await wire.insist(account, 'deposit', body, 'first');
    expectRefused(gone, 'runtime/already-applied');
    expect(gone.reply.at).toBe(opened.reply.at);
    const there = await wire.insist(account, 'deposit', body, 'latest');
    expect(there.text).toBe(latest.text);
    expect(await balancesOf(wire, account)).toEqual({
      USD: { available: `${1_000 * batches + 2}.00`, held: '0.00' },
    });
  };
  await repeats();
  await wire.connection.close();
  await cluster.killAll();
  cluster = await startCluster({ data, environment });
  wire = wireOver(await cluster.connect());
  await repeats();
  await depositThousand(wire, batches);
}, 120_000);

async function depositThousand(wire: Wire, batch: number): Promise<void> {
  const commands = Array.from({ length: 1_000 }, (_, n) => ({
    id: `d${batch}-${n}`,
    name: 'deposit',
    body,
  }));
  const outcomes = outcomesOf(await wire.batch(account, commands));
  expect(new Set(outcomes)).toEqual(new Set(['ok']));
}

async function asked<T>(cluster: Cluster, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(cluster.redis);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

/** The position of the first record that is still in the log. */
const firstPosition = (cluster: Cluster, partition: number): Promise<number> =>
  asked(cluster, async (redis) => {
    const entries = await redis.xrange(`{mr:${partition}}:log`, '-', '+', 'COUNT', 2);
    const [id] = entries.find(([, [, n]]) => n !== '0') ?? ['0-0'];
    return Number(id.split('-')[1]);
  });

const memoryOf = (cluster: Cluster, partition: number): Promise<number> =>
  asked(cluster, async (redis) => (await redis.memory('USAGE', `{mr:${partition}}:log`)) ?? 0);

interface Line {
  readonly position: number;
  readonly n: number;
  readonly records: string;
}

/** Files with their checksums right hold every record from the first to a position, each one once. */
async function expectArchived(folder: string, last: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.gz'));
  const lines: Line[] = [];
  for (const name of names) {
    const bytes = await readFile(join(folder, name));
    const sum = createHash('sha256').update(bytes).digest('hex');
    expect(await readFile(join(folder, `${name}.sha256`), 'utf8')).toBe(`${sum}  ${name}\n`);
    const text = gunzipSync(bytes).toString().trimEnd();
    lines.push(...text.split('\n').map((line) => JSON.parse(line) as Line));
  }
  let next = 1;
  for (const { position, n, records } of lines.toSorted((a, b) => a.position - b.position)) {
    expect(position).toBe(next);
    expect(JSON.parse(records)).toHaveLength(n);
    next += n;
  }
  expect(next - 1).toBeGreaterThanOrEqual(last);
}
