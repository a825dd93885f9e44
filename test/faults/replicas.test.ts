/** `MILLRACE_REPLICAS`, with a real replica: nothing is told that only one disk has. */
import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../runtime/redis/connection.ts';
import { startRedis } from '../../tools/servers.ts';
import { resultOf } from '../black-box/wire.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';
import { until } from '../tools/until.ts';
import { setStage, type Stage } from './stage.ts';

const deposit = { asset: 'KRW', amount: '1' };

/** A replica of the stage's Redis that has all its data. */
async function startReplica({ redis, connection: primary }: Stage) {
  await primary.call('config', ['SET', 'repl-diskless-sync-delay', '0']);
  const server = await startRedis({ dir: await temporaryDirectory() });
  onTestFinished(() => server.stop());
  const connection = await connectRedis(server.url);
  onTestFinished(() => connection.close());
  await connection.call('replicaof', ['127.0.0.1', `${redis.port}`]);
  await until(async () =>
    String(await connection.call('info', ['replication'])).includes('master_link_status:up'),
  );
  return { server, connection };
}

test('a group is acknowledged once a replica has it; without the replica its partition halts', async () => {
  const stage = await setStage();
  const { wire, connection } = stage;
  const replica = await startReplica(stage);
  await stage.startHost('one', { MILLRACE_REPLICAS: '1' });
  await stage.untilServed();

  const answer = await wire.insist('account/alice', 'deposit', deposit, 'first');
  resultOf(answer);
  const home = Number(answer.reply.at?.split(':')[0]);
  const log = `{mr:${home}}:log`;
  expect(await replica.connection.call('xlen', [log])).toBe(await connection.call('xlen', [log]));

  await replica.server.stop();
  await until(async () =>
    String(await connection.call('info', ['replication'])).includes('connected_slaves:0'),
  );
  let told: string | undefined;
  const asked = wire.cmd('account/alice', 'deposit', deposit, 'second');
  void asked.then(
    ({ text }) => (told = text),
    () => undefined,
  );
  await until(async () => (await stage.halted()).has(home));
  expect(told).toBeUndefined();
  expect((await stage.halted()).get(home)).toMatch(/fewer replicas have them/);
  const refused = await wire.cmd('account/alice', 'deposit', deposit, 'third');
  expect(refused.errorCode).toBe('runtime/halted');
});

test('a new host serves what was not replicated only when a replica has it', async () => {
  const stage = await setStage();
  const { wire } = stage;
  const first = await stage.startHost('one');
  await stage.untilServed();
  const before = await wire.insist('account/alice', 'deposit', deposit, 'first');
  await first.stop();

  await stage.startHost('two', { MILLRACE_REPLICAS: '1' });
  await expect(wire.get('account/alice', 'balance')).rejects.toThrow('503');
  await startReplica(stage);
  await stage.untilServed();
  expect((await wire.insist('account/alice', 'deposit', deposit, 'first')).text).toBe(before.text);
});
