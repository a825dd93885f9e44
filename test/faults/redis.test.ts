/** What may befall Redis, on a real one: nothing acknowledged is lost, and service comes back. */
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { list, text } from '../../runtime/redis/replies.ts';
import { TcpProxy } from '../../tools/faults/tcp-proxy.ts';
import { startRedis } from '../../tools/servers.ts';
import { balancesOf } from '../black-box/orders.ts';
import { expectUnanswered, partitionOf, resultOf, type Answer } from '../black-box/wire.ts';
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

test('back from an older copy: what the living host has seen more of is halted, the rest is served', async () => {
  const stage = await setStage();
  const { wire, redis, redisDir } = stage;
  await stage.startHost('one');
  await stage.untilServed();
  const home = partitionOf(await first(stage));
  const folder = join(redisDir, 'appendonlydir');
  await cp(folder, `${folder}.copy`, { recursive: true });
  resultOf(await wire.cmd(alice, 'deposit', deposit, 'second'));

  process.kill(redis.pid, 'SIGKILL');
  await redis.exited;
  await rm(folder, { recursive: true });
  await rename(`${folder}.copy`, folder);
  const again = await startRedis({ dir: redisDir, port: redis.port });
  onTestFinished(() => again.stop());
  await until(async () => (await stage.halted()).size > 0);
  expect([...(await stage.halted())]).toEqual([[home, expect.stringMatching(/records are gone/)]]);
  expectUnanswered(await wire.get(alice, 'balance'), 'runtime/halted');
});

test('a log that ends before its owner’s mark is halted by the next owner, and left as it is', async () => {
  const stage = await setStage();
  const { wire, connection } = stage;
  const former = await stage.startHost('one');
  await stage.untilServed();
  const home = partitionOf(await first(stage));
  await former.stop();
  const log = `{mr:${home}}:log`;
  const [newest] = list(await connection.call('xrevrange', [log, '+', '-', 'COUNT', '1']));
  await connection.call('xdel', [log, text(list(newest)[0])]);
  const length = await connection.call('xlen', [log]);

  await stage.startHost('two');
  await until(async () => (await stage.halted()).size > 0);
  expect([...(await stage.halted())]).toEqual([[home, expect.stringMatching(/records are gone/)]]);
  expectUnanswered(await wire.get(alice, 'balance'), 'runtime/halted');
  expect(await connection.call('xlen', [log])).toBe(length);
});
