/**
 * Ten times what a host can carry, on real servers. The capacity is known and small: one partition,
 * groups of a few records, and a Redis that answers late; so the machine itself is never the limit.
 */
import { createInbox, type NatsConnection } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { keys } from '../../contracts/keys.ts';
import { accountActor } from '../../actors/account.ts';
import { defaultScales } from '../../contracts/money.ts';
import { startHost } from '../../runtime/host.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { connectRedis } from '../../runtime/redis/connection.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { TcpProxy } from '../../tools/faults/tcp-proxy.ts';
import { balancesOf } from '../black-box/orders.ts';
import { partitionOf } from '../black-box/wire.ts';
import { until } from '../tools/until.ts';
import { setStage, type Stage } from './stage.ts';

const stagedRecordsMax = 100;
/** A group goes out and is answered in twice as long. */
const slowMs = 20;

/** A host with one partition whose way to Redis, but not that of its leases, is slow. */
async function startSlowHost({ redis, nats }: Stage): Promise<TcpProxy> {
  const proxy = await TcpProxy.to(redis.port);
  onTestFinished(() => proxy.close());
  const connection = await connectRedis(`redis://127.0.0.1:${proxy.port}`);
  onTestFinished(() => connection.close());
  const leasing = await connectRedis(redis.url);
  onTestFinished(() => leasing.close());
  const bus = await natsBus({ url: nats.url, name: 'slow' });
  onTestFinished(() => bus.close());
  const host = await startHost({
    name: 'slow',
    prefix: 'millrace',
    settings: { id: 'overload', partitions: 4, scales: defaultScales },
    types: new Map([['account', accountActor(defaultScales)]]),
    log: redisLog(connection),
    leases: redisLeases(leasing),
    bus,
    clock: systemClock,
    random: systemRandom(),
    limits: (count) => ({ ...defaultLimits(count), stagedRecordsMax, groupBytesMax: 4_096 }),
    report: () => {},
  });
  onTestFinished(() => host.stop(1_000));
  return proxy;
}

interface Told {
  accepted: number;
  busy: number;
  /** From a request to its `ok`, in ms. */
  readonly latencies: number[];
}

/** Asks for so many deposits in each of so many ticks, whatever becomes of them; all are answered. */
async function flood(
  connection: NatsConnection,
  { ticks, perTick }: { ticks: number; perTick: number },
): Promise<Told> {
  const inbox = createInbox();
  const sentAt: number[] = [];
  const told: Told = { accepted: 0, busy: 0, latencies: [] };
  const subscription = connection.subscribe(`${inbox}.*`, {
    callback: (_, message) => {
      if (message.headers?.get('Nats-Service-Error') === 'runtime/busy') return void told.busy++;
      expect(message.string()).toMatch(/^\{"ok":true/);
      told.accepted++;
      const sent = sentAt[Number(message.subject.slice(inbox.length + 1))] ?? 0;
      told.latencies.push(performance.now() - sent);
    },
  });
  for (let tick = 0; tick < ticks; tick++) {
    for (let each = 0; each < perTick; each++) {
      const reply = `${inbox}.${sentAt.length}`;
      sentAt.push(performance.now());
      connection.publish('millrace.cmd.account.alice.deposit', deposit, { reply });
    }
    // Each tick lasts as long as the host needs for a group: the rate follows the capacity.
    await new Promise((resolve) => setTimeout(resolve, 2 * slowMs));
  }
  await until(() => told.accepted + told.busy === sentAt.length);
  subscription.unsubscribe();
  return told;
}

const deposit = JSON.stringify({ asset: 'KRW', amount: '1' });

test('ten times the load: the rest is told busy before anything is appended, and what is accepted is soon durable', async () => {
  const stage = await setStage();
  const { wire } = stage;
  const proxy = await startSlowHost(stage);
  await stage.untilServed();
  const opening = { asset: 'KRW', amount: '1' };
  const opened = await wire.insist('account/alice', 'deposit', opening, 'open');
  proxy.trouble = { kind: 'slow', ms: slowMs };

  const calm = await flood(wire.connection, { ticks: 20, perTick: 5 });
  expect(calm.busy).toBe(0);
  // A group of 4,096 bytes holds about 16 of these.
  const { accepted, busy, latencies } = await flood(wire.connection, { ticks: 100, perTick: 160 });
  expect(busy).toBeGreaterThan(accepted);
  expect(accepted).toBeGreaterThan(500);
  const sorted = latencies.toSorted((a, b) => a - b);
  // At most as many groups wait before it as the staged records fill.
  expect(sorted[Math.floor(sorted.length * 0.99)]).toBeLessThan(2_000);

  const applied = `${1 + calm.accepted + accepted}`;
  expect(await balancesOf(wire, 'account/alice')).toEqual({
    KRW: { available: applied, held: '0' },
  });
  const after = await flood(wire.connection, { ticks: 20, perTick: 5 });
  expect(after.busy).toBe(0);
  expect(Math.max(...after.latencies)).toBeLessThan(1_000);
  // Nothing else was ever appended.
  const top = await stage.connection.call('hget', [keys.owner(partitionOf(opened)), 'top']);
  expect(top).toBe(`${1 + calm.accepted + accepted + after.accepted}`);
});
