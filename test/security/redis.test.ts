import type { Redis } from 'ioredis';
import { globSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { wireOver } from '../black-box/wire.ts';
import { startSecured, unprepared, type Secured } from './stage.ts';

const root = join(import.meta.dirname, '..', '..');

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

let secured: Secured;
const logins = new Map<string, Redis>();

async function login(user: string): Promise<Redis> {
  const redis = logins.get(user) ?? (await secured.loginToRedis(user));
  logins.set(user, redis);
  return redis;
}

beforeAll(async () => {
  secured = await startSecured();
  const connection = await secured.login('operator');
  const wire = wireOver(connection);
  for (const amount of ['1.00', '2.00'])
    await wire.insist('account/alice', 'deposit', { asset: 'USD', amount }, amount);
  await connection.close();
});
afterAll(async () => {
  for (const redis of logins.values()) redis.disconnect();
  await secured?.stop();
});

describe.skipIf(unprepared)('each role can do what it may', () => {
  test.each([
    ['inspect'],
    ['inspect', 'account/alice'],
    ['history', 'account/alice'],
    ['state', 'account/alice'],
    ['verify'],
  ])('an auditor runs millrace %s %s', async (...words) => {
    expect(await secured.millrace({ redis: 'auditor' }, ...words)).toMatch(/\d/);
  });

  test.each([
    ['host', (script: string) => !script.startsWith('seat-')],
    ['projection', (script: string) => /^(seat-|heartbeat)/.test(script)],
  ])('what the scripts of a %s do, its user may', (user, isOfUser) => {
    const line = readFileSync(join(root, 'examples/security/users.acl'), 'utf8')
      .split('\n')
      .find((one) => one.startsWith(`user ${user} `));
    const scripts = globSync('*.lua', { cwd: join(root, 'runtime/redis/scripts') }).filter(
      isOfUser,
    );
    expect(scripts.length).toBeGreaterThan(3);
    for (const script of scripts) {
      const source = readFileSync(join(root, 'runtime/redis/scripts', script), 'utf8');
      for (const [, command = ''] of source.matchAll(/redis\.p?call\('(\w+)'/g))
        expect(line, script).toMatch(new RegExp(`\\+${command.toLowerCase()}\\b`));
    }
  });

  test('a projection reads the log through its own consumer group', async () => {
    const words = ['--group', 'projection', '--from', 'start', '--json'];
    const tail = secured.tail('projection', ...words);
    await vi.waitFor(() => expect(tail.said().split('\n').length).toBeGreaterThan(2), 30_000);
    expect(tail.said()).toContain('"amount":"2.00"');
    const redis = await login('auditor');
    const groups = await redis.call('xinfo', 'groups', '{mr:0}:log');
    expect(JSON.stringify(groups)).toContain('projection');
    await tail.end();
  });
});

describe.skipIf(unprepared)('and nothing else', () => {
  const log = '{mr:0}:log';
  const owner = '{mr:0}:owner';
  const writes = [
    ['xadd', log, '*', 'n', '0'],
    ['xtrim', log, 'MAXLEN', '0'],
    ['xdel', log, '1-0'],
    ['xsetid', log, '9-9'],
    ['del', log],
    ['rename', log, 'elsewhere'],
    ['expire', log, '1'],
    ['hset', owner, 'nonce', 'mine'],
    ['hset', 'mr:cluster', 'partitions', '1'],
    ['zadd', 'mr:hosts', '9', 'nobody'],
    ['set', 'anything', '1'],
  ];
  const administration = [
    ['flushall'],
    ['flushdb'],
    ['config', 'set', 'appendonly', 'no'],
    ['acl', 'list'],
    ['acl', 'setuser', 'me', 'on'],
    ['shutdown'],
    ['monitor'],
    ['keys', '*'],
    ['client', 'list'],
    ['script', 'flush'],
    ['replicaof', 'no', 'one'],
    ['bgrewriteaof'],
  ];

  test.each([
    {
      user: 'auditor',
      refused: [
        ...writes,
        ...administration,
        ['config', 'get', 'appendonly'],
        ['eval', 'return 1', '0'],
        ['eval', "return redis.call('XADD', KEYS[1], '*', 'n', '0')", '1', log],
        ['xgroup', 'create', log, 'mine', '0'],
        ['xreadgroup', 'group', 'projection', 'me', 'streams', log, '>'],
        ['get', 'anything'],
      ],
    },
    {
      user: 'projection',
      refused: [
        ...writes,
        ...administration,
        ['eval', "return redis.call('XADD', KEYS[1], '*', 'n', '0')", '1', log],
        ['eval', "return redis.call('XTRIM', KEYS[1], 'MAXLEN', '0')", '1', log],
        ['eval', "return redis.call('HSET', 'mr:cluster', 'partitions', '1')", '0'],
        ['set', log, 'another'],
        ['eval', "return redis.call('DEL', KEYS[1])", '1', log],
        ['xgroup', 'destroy', log, 'another'],
        ['xgroup', 'setid', log, 'projection', '0'],
        ['hgetall', owner],
        ['hmget', '{mr:0}:snapshots', 'account/alice'],
        ['get', '{mr:0}:reader:another'],
        ['zadd', 'mr:readers:another', '9', 'me'],
      ],
    },
    {
      user: 'host',
      refused: [
        ...administration,
        ['set', 'anything', '1'],
        ['get', 'anything'],
        ['xdel', log, '1-0'],
        ['rename', log, '{mr:0}:elsewhere'],
      ],
    },
  ])('$user is refused everything that is not for that role', async ({ user, refused }) => {
    const redis = await login(user);
    for (const [command = '', ...words] of refused) {
      const outcome = await redis.call(command, ...words).then(
        (reply) => `done: ${String(reply)}`,
        (error: unknown) => String(error),
      );
      expect([command, ...words, outcome]).toEqual([
        command,
        ...words,
        expect.stringMatching(
          /NOPERM|can't run this command|can't access at least one of the keys|No permissions to access a key/,
        ),
      ]);
    }
  });

  test('nobody is let in without a password, with a wrong one, or without TLS', async () => {
    await expect(secured.loginToRedis('auditor', { password: 'wrong' })).rejects.toThrow();
    await expect(secured.loginToRedis('default', { password: '' })).rejects.toThrow();
    await expect(secured.loginToRedis('auditor', { tls: {} })).rejects.toThrow();
    const heard = await new Promise<string>((resolve) => {
      const socket = connect(secured.redisPort, '127.0.0.1', () => socket.write('PING\r\n'));
      let text = '';
      socket.on('data', (data) => (text += data.toString()));
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
    expect(heard).not.toContain('PONG');
  });
});
