/** The tool looks into the past of a cluster whose log has been trimmed: nothing is gone. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { beforeAll, expect, test, vi } from 'vitest';
import { removeFolder, startCluster, temporaryFolder, type Cluster } from './cluster.ts';
import { until } from './condition.ts';
import { document, millrace } from './tool.ts';
import { expectRefused, outcomesOf, partitionOf, wireOver, type Wire } from './wire.ts';

// Some run the tool a dozen times, beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const environment = { MILLRACE_RETAIN_BYTES: '500000', MILLRACE_REPLY_WINDOW_MS: '500' };
const saver = 'account/saver';

interface Told {
  readonly at: string;
  readonly time: number;
  readonly version: number;
  readonly asked: string;
  readonly happened: readonly string[];
  readonly status: string;
  readonly balances: Record<string, { available: string; held: string }>;
}
interface History {
  readonly records: readonly Told[];
  readonly next?: string;
}
interface Found {
  readonly version: number;
  readonly status: string;
  readonly balances: Told['balances'];
  readonly hash: string;
}

let data: string;
let cluster: Cluster;
let wire: Wire;
/** The address of the first deposit, and of the withdrawal after all deposits. */
let first: string;
let latest: string;

/** A saver puts 1 USD aside twenty thousand times, until most of it has left the log. */
beforeAll(async () => {
  data = await temporaryFolder();
  cluster = await startCluster({ data, environment });
  wire = wireOver(await cluster.connect());
  const opened = await wire.insist(saver, 'deposit', { asset: 'USD', amount: '1' }, 'first');
  first = opened.reply.at ?? '';
  for (let batch = 0; batch < 20; batch++) await saveThousand(batch);
  const redis = new Redis(cluster.redis);
  await until(
    'most of the log is trimmed',
    async () => {
      const key = `{mr:${partitionOf(opened)}}:log`;
      const [oldest] = await redis.xrange(key, '-', '+', 'COUNT', 1);
      return Number(oldest?.[0].split('-')[1]) > 10_000 ? true : undefined;
    },
    100_000,
  ).finally(() => redis.disconnect());
  await wire.insist(saver, 'withdraw', { asset: 'USD', amount: '99999' }, 'too-much');
  const out = await wire.insist(saver, 'withdraw', { asset: 'USD', amount: '20000' }, 'out');
  latest = out.reply.at ?? '';
  return async () => {
    await cluster.stop();
    await removeFolder(data);
  };
});

async function saveThousand(batch: number): Promise<void> {
  const body = { asset: 'USD', amount: '1' };
  const commands = Array.from({ length: 1_000 }, (_, n) => ({
    id: `d${batch}-${n}`,
    name: 'deposit',
    body,
  }));
  expect(new Set(outcomesOf(await wire.batch(saver, commands)))).toEqual(new Set(['ok']));
}

const usd = (available: string) => ({ USD: { available, held: '0.00' } });
const positionIn = (at: string): number => Number(at.slice(at.indexOf('-') + 1));

test('a history is told from its first record on, page by page, whatever has left the log', async () => {
  const told: Told[] = [];
  let after: string | undefined;
  do {
    const page: History = await historyPage({ limit: 500, ...(after && { after }) });
    expect(page.records.length).toBeLessThanOrEqual(500);
    told.push(...page.records);
    after = page.next;
  } while (after !== undefined);

  expect(told).toHaveLength(20_003);
  expect(told[0]).toMatchObject({
    at: first,
    version: 1,
    asked: 'deposit 1.00 USD',
    happened: ['deposited 1.00 USD'],
    status: 'open',
    balances: usd('1.00'),
  });
  expect(told[12_345]).toMatchObject({ balances: usd('12346.00') });
  expect(told.at(-2)).toMatchObject({
    asked: 'withdraw asset USD, amount 99999',
    happened: [expect.stringMatching(/^refused: account\/insufficient-funds/)],
    balances: usd('20001.00'),
  });
  expect(told.at(-1)).toMatchObject({ at: latest, balances: usd('1.00') });

  // A page by itself, wherever it begins, is what it was among the others.
  const alone = await historyPage({ limit: 2, after: told[9_999]?.at });
  expect(alone.records).toEqual(told.slice(10_000, 10_002));
  expect(await historyPage({ after: latest })).toEqual({ records: [] });
  const { records } = await document<History>(data, 'history', saver);
  expect(records).toEqual(told);
});

/** Asks again while it is being read. */
async function historyPage(query: object): Promise<History> {
  const { reply } = await wire.read(saver, 'history', query);
  return reply.result as History;
}

test.each([
  [{ limit: 0 }],
  [{ limit: 501 }],
  [{ after: 'yesterday' }],
  [{ after: '999:1-1' }],
  [{ before: '1:1-1' }],
])('a page of history is refused that is asked for as %j', async (query) => {
  expectRefused(await wire.get(saver, 'history', query), 'request/malformed');
});

test('a page that begins after the end of the log is refused', async () => {
  const { reply } = await wire.get(saver, 'history', { after: `${latest}00` });
  expect(reply).toMatchObject({ ok: false, error: { code: 'request/malformed' } });
});

test('an actor to which nothing happened has an empty history; an unknown type has none', async () => {
  const { reply } = await wire.get('account/nobody', 'history', {});
  expect(reply).toEqual({ ok: true, result: { records: [] } });
  expectRefused(await wire.get('house/nobody', 'history', {}), 'runtime/unknown-type');
});

test('history says so where there is nothing to tell', async () => {
  const none = { status: 0, out: 'no records\n', err: '' };
  expect(await millrace(data, 'history', 'account/nobody')).toEqual(none);
  expect(await millrace(data, 'history', saver, '--after', latest)).toEqual(none);
});

test('history tells in words, the latest if asked', async () => {
  const { status, out } = await millrace(data, 'history', saver, '--last', '2');
  expect(status).toBe(0);
  expect(out).toMatch(
    /withdraw asset USD, amount 99999 {2}id too-much\n {4}refused: account\/insufficient-funds/,
  );
  expect(out).toMatch(
    /withdraw 20000.00 USD {2}id out\n {4}withdrew 20000.00 USD\n {4}has USD 1.00\n$/,
  );
});

test('a state of any past is built again, by record and by time', async () => {
  const { records } = await document<History>(data, 'history', saver);
  for (const told of [records[0], records[7_777], records.at(-2), records.at(-1)]) {
    if (told === undefined) throw new Error('it has no history');
    const { version, status, balances } = told;
    const was = await document<Found>(data, 'state', saver, '--at', told.at);
    expect(was).toMatchObject({ version, status, balances });
    const last = records.findLast(({ time }) => time <= told.time);
    const then = new Date(told.time).toISOString();
    const at = await document<Found>(data, 'state', saver, '--at', then);
    expect(at).toMatchObject({ version: last?.version, balances: last?.balances });
  }
  const before = new Date((records[0]?.time ?? 0) - 1).toISOString();
  const none = await document<Found>(data, 'state', saver, '--at', before);
  expect(none).toMatchObject({ status: 'none', version: 0, balances: {} });
  const now = await document<Found>(data, 'state', saver);
  expect(now).toMatchObject({ version: records.at(-1)?.version, balances: usd('1.00') });
});

test('moments that were not are refused', async () => {
  const [partition = '', address = ''] = latest.split(':');
  const [epoch = ''] = address.split('-');
  const refused = async (at: string): Promise<readonly [number, string]> => {
    const { status, err, out } = await millrace(data, 'state', saver, '--at', at);
    expect(out).toBe('');
    return [status, err];
  };
  expect(await refused('2999-01-01T00:00:00Z')).toEqual([
    1,
    expect.stringMatching(/in the future/),
  ]);
  expect(await refused(`${partition}:${epoch}-0`)).toEqual([1, expect.stringMatching(/not 0/)]);
  const beyond = `${partition}:${epoch}-${positionIn(latest) + 1_000_000}`;
  expect(await refused(beyond)).toEqual([1, expect.stringMatching(/has the positions 1 to/)]);
  const elsewhere = `${Number(partition) === 0 ? 1 : 0}:1-1`;
  expect(await refused(elsewhere)).toEqual([1, expect.stringMatching(/lives in partition/)]);
  expect(await refused(`${partition}:99-1`)).toEqual([
    1,
    expect.stringMatching(/written in epoch/),
  ]);
  for (const at of ['yesterday', '12:00', '-5', '1970-01-01T00:00:00Z', '2026-13-45T00:00:00Z', ''])
    expect((await refused(at))[0]).toBe(2);
});

test('without the archive the tool says what is missing', async () => {
  const nowhere = join(data, 'no-archive');
  const { status, err } = await millrace(data, 'history', saver, '--archive', nowhere);
  expect(status).toBe(1);
  expect(err).toMatch(/record 1 is not there.*name its folder/);
});

test('what everybody owns comes from outside, now and at any time', async () => {
  interface Balance {
    readonly balanced: boolean;
    readonly assets: Record<string, { lines: Record<string, string>; sum: string }>;
  }
  const { records } = await document<History>(data, 'history', saver);
  const at = new Date(records[5_000]?.time ?? 0).toISOString();
  const then = await document<Balance>(data, 'balances', '--at', at);
  const last = records.findLast(({ time }) => time <= Date.parse(at));
  const available = last?.balances['USD']?.available ?? '';
  expect(then.balanced).toBe(true);
  expect(then.assets['USD']).toEqual({
    lines: { available, 'deposits less withdrawals': `-${available}` },
    sum: '0.00',
  });
  const now = await millrace(data, 'balances');
  expect(now.status).toBe(0);
  expect(now.out).toMatch(/^USD +sum +0.00$/m);
  expect(await millrace(data, 'balances', '--at', '2999-01-01T00:00:00Z')).toMatchObject({
    status: 1,
    out: '',
  });
});

test('all of it is verified, with the archive and what is in memory, while more is written', async () => {
  let working = true;
  const work = (async () => {
    for (let n = 0; working; n++) {
      const body = { asset: 'USD', amount: '1' };
      await wire.insist(`account/worker-${n % 7}`, 'deposit', body, `work-${n}`);
    }
  })();
  const { status, out } = await millrace(data, 'verify', '--json');
  working = false;
  await work;
  expect(status).toBe(0);
  const verified = JSON.parse(out) as { records: number; live: number; notes: string[] };
  expect(verified).toMatchObject({ differences: 0, first: [], notes: [] });
  expect(verified.records).toBeGreaterThan(20_000);
  expect(verified.live).toBeGreaterThan(0);
});

test('inspect shows partitions with their owners, and an actor with its latest records', async () => {
  const found = await document<{
    hosts: { name: string; partitions: number }[];
    partitions: { partition: number; owner: string; position: number; first: number }[];
  }>(data, 'inspect');
  expect(found.partitions).toHaveLength(cluster.partitions);
  expect(found.hosts.map(({ name }) => name)).toEqual(['host-1', 'host-2']);
  const own = found.partitions.find(({ partition }) => latest.startsWith(`${partition}:`));
  expect(own).toMatchObject({ owner: expect.stringMatching(/^host-/) as string });
  expect(own?.first).toBeGreaterThan(10_000);

  const actor = await document<Found & { records: { at: string }[] }>(data, 'inspect', saver);
  expect(actor).toMatchObject({ status: 'open', balances: usd('1.00') });
  expect(actor.records).toHaveLength(10);
  expect(actor.records.at(-1)?.at).toBe(latest);
  const { status, out } = await millrace(data, 'inspect');
  expect(status).toBe(0);
  expect(out).toMatch(/^partition +owner +epoch +position/m);
});

test('call sends commands, asks questions, and tells by its status what came of it', async () => {
  const deposit = await millrace(
    data,
    'call',
    'account/new',
    'deposit',
    '{"asset":"USD","amount":"5.00"}',
    '--id',
    'five',
  );
  expect(deposit).toMatchObject({ status: 0, err: '' });
  const again = await millrace(
    data,
    'call',
    'account/new',
    'deposit',
    '{"asset":"USD","amount":"5.00"}',
    '--id',
    'five',
  );
  expect(again.out).toBe(deposit.out);
  const balance = await millrace(data, 'call', 'account/new', 'balance');
  expect(JSON.parse(balance.out)).toMatchObject({ ok: true, result: { balances: usd('5.00') } });
  const refused = await millrace(
    data,
    'call',
    'account/new',
    'withdraw',
    '{"asset":"USD","amount":"9"}',
  );
  expect(refused).toMatchObject({ status: 1 });
});

test.each([
  ['history'],
  ['history', 'alice'],
  ['history', 'account/al.ice'],
  ['history', 'house/alice'],
  ['history', 'account/alice', 'account/bob'],
  ['history', 'account/alice', '--after', 'then'],
  ['history', 'account/alice', '--limit', '0'],
  ['state', 'account/'],
  ['state', 'account/alice', '--when', 'now'],
  ['balances', '--at', '0:1-1'],
  ['balances', 'account/alice'],
  ['inspect', 'account/../alice'],
  ['call', 'account/alice'],
])('used wrongly (%j) a command ends with status 2 and says how', async (...argv) => {
  const { status, out, err } = await millrace(data, ...argv);
  expect({ status, out }).toEqual({ status: 2, out: '' });
  expect(err).toMatch(/^millrace /m);
});
