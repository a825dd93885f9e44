/** What may befall Redis, on a real one: nothing acknowledged is lost, and service comes back. */
import { expect, onTestFinished, test } from 'vitest';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { TcpProxy } from '../../tools/faults/tcp-proxy.ts';
import { startRedis } from '../../tools/servers.ts';
import { balancesOf } from '../black-box/orders.ts';
import { partitionOf, type Answer } from '../black-box/wire.ts';
import { group } from '../conformance/log.ts';
import { until } from '../tools/until.ts';
import { setStage, type Stage } from './stage.ts';

const deposit = { asset: 'KRW', amount: '1' };
const alice = 'account/alice';

const first = async ({ wire }: Stage) => wire.insist(alice, 'deposit', deposit, 'first');

test('out of memory: what was taken waits, what comes is told busy before anything is appended', async () => {
  const stage = await setStage();
  const { wire, connection } = stage;
  await stage.startHost('one');
  await stage.untilServed();
  const log = `{mr:${partitionOf(await first(stage))}}:log`;
  const length = await connection.call('xlen', [log]);

  await connection.call('config', ['SET', 'maxmemory', '1mb']);
  const taken: Promise<Answer>[] = [];
  let refused = false;
  await until(() => {
    const asked = wire.cmd(alice, 'deposit', deposit, `taken-${taken.length}`);
    void asked.then(({ errorCode }) => (refused ||= errorCode === 'runtime/busy'));
    taken.push(asked);
    return refused;
  });
  expect(await connection.call('xlen', [log])).toBe(length);

  await connection.call('config', ['SET', 'maxmemory', '0']);
  const answers = await Promise.all(taken);
  const applied = answers.filter((answer) => answer.reply.ok).length;
  expect(applied).toBeGreaterThan(0);
  expect(new Set(answers.map((answer) => answer.errorCode))).toEqual(new Set(['', 'runtime/busy']));
  const available = `${1 + applied}`;
  expect(await balancesOf(wire, alice)).toEqual({ KRW: { available, held: '0' } });
});

test('a connection cut between request and reply: the group is applied once, and then answered', async () => {
  const stage = await setStage();
  const { wire, connection, redis } = stage;
  const proxy = await TcpProxy.to(redis.port);
  onTestFinished(() => proxy.close());
  await stage.startHost('one', { MILLRACE_REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
  await stage.untilServed();
  const log = `{mr:${partitionOf(await first(stage))}}:log`;
  const length = Number(await connection.call('xlen', [log]));

  proxy.trouble = { kind: 'mute' };
  const asked = wire.cmd(alice, 'deposit', deposit, 'second');
  await until(async () => Number(await connection.call('xlen', [log])) > length);
  proxy.heal();
  const { reply } = await asked;
  expect(reply).toMatchObject({ ok: true, result: { available: '2' } });
  expect(await connection.call('xlen', [log])).toBe(length + 1);
});

test('killed and started again while a command is under way: it is answered, once', async () => {
  const stage = await setStage();
  const { wire, redis, redisDir } = stage;
  await stage.startHost('one');
  await stage.untilServed();
  const before = await first(stage);
  process.kill(redis.pid, 'SIGKILL');
  const asked = wire.insist(alice, 'deposit', deposit, 'second');
  await redis.exited;
  const again = await startRedis({ dir: redisDir, port: redis.port });
  onTestFinished(() => again.stop());
  expect((await asked).reply).toMatchObject({ ok: true, result: { available: '2' } });
  expect((await first(stage)).text).toBe(before.text);
});

test('out of memory: leases are renewed and given up all the same', async () => {
  const { connection } = await setStage();
  const leases = redisLeases(connection);
  const claim = { partition: 0, host: 'a', nonce: 'n', group: 'g', leaseMs: 60_000 };
  const acquired = await leases.acquire(claim);
  expect(acquired.kind).toBe('acquired');
  await connection.call('config', ['SET', 'maxmemory', '1mb']);
  const renewal = { fence: { partition: 0, epoch: 1, nonce: 'n' }, published: 0 };
  expect(await leases.renew([renewal], 60_000)).toEqual(['ok']);
  await expect(redisLog(connection).append(group(renewal.fence, 0, 1))).rejects.toThrow('OOM');
  expect(await leases.release(renewal)).toBe('ok');
});
