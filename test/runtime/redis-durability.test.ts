import { expect, onTestFinished, test } from 'vitest';
import { connectRedis, type Connection } from '../../runtime/redis/connection.ts';
import { checkDurability } from '../../runtime/redis/durability.ts';
import { useRedis } from '../conformance/stores.ts';
import { until } from '../tools/until.ts';

const redis = useRedis();

/** Changes a setting for one test. */
async function set(name: string, value: string, back: string): Promise<void> {
  const { connection } = redis();
  await connection.call('config', ['SET', name, value]);
  onTestFinished(async () => {
    await connection.call('config', ['SET', name, back]);
    // Redis writes the whole file when it is turned on, and does not end before it has.
    await until(async () => !isRewriting(await connection.call('info', ['persistence'])));
  });
}

const isRewriting = (info: unknown): boolean => String(info).includes('rewrite_in_progress:1');

/** What the operator hears. */
async function checked(allowUnsafe = false, connection = redis().connection): Promise<string[]> {
  const heard: string[] = [];
  await checkDurability(connection, { allowUnsafe, warn: (sentence) => heard.push(sentence) });
  return heard;
}

test('a Redis that the product starts is taken without a word', async () => {
  expect(await checked()).toEqual([]);
});

test.each([
  ['appendonly', 'no', 'yes'],
  ['appendfsync', 'everysec', 'always'],
  ['no-appendfsync-on-rewrite', 'yes', 'no'],
  ['aof-load-truncated', 'yes', 'no'],
  ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
])('%s %s is refused, and warned of where that is allowed', async (name, wrong, right) => {
  await set(name, wrong, right);
  const loss = `This Redis can lose what was acknowledged: ${name} must be ${right} (it is ${wrong}); `;
  await expect(checked()).rejects.toThrow(
    `${loss}correct its configuration, or accept the loss with MILLRACE_ALLOW_UNSAFE_REDIS=1.`,
  );
  expect(await checked(true)).toEqual([
    `${loss}it is used because MILLRACE_ALLOW_UNSAFE_REDIS is set.`,
  ]);
});

test('several wrong settings are named together', async () => {
  await set('appendfsync', 'no', 'always');
  await set('maxmemory-policy', 'volatile-ttl', 'noeviction');
  await expect(checked()).rejects.toThrow(
    'appendfsync must be always (it is no), maxmemory-policy must be noeviction (it is volatile-ttl)',
  );
});

test('a Redis that forbids CONFIG, as managed ones do, is taken with a warning', async () => {
  const { connection, server } = redis();
  await connection.call('acl', ['SETUSER', 'tenant', 'on', '>secret', '~*', '+@all', '-config']);
  const tenant: Connection = await connectRedis(`redis://tenant:secret@127.0.0.1:${server.port}`);
  onTestFinished(() => tenant.close());
  expect(await checked(false, tenant)).toEqual([
    'This Redis does not tell its settings; make sure by other means: appendonly must be yes, ' +
      'appendfsync must be always, no-appendfsync-on-rewrite must be no, ' +
      'aof-load-truncated must be no, maxmemory-policy must be noeviction.',
  ]);
});
