import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TcpProxy } from '../../tools/faults/tcp-proxy.ts';
import { until } from './condition.ts';
import { startLoneHost, type LoneHost } from './lone-host.ts';
import { balancesOf } from './orders.ts';
import { revokingNats } from './revoking-nats.ts';
import { fresh, useCluster } from './suite.ts';
import { partitionOf, type Reply } from './wire.ts';

const suite = useCluster();
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const leaseMs = 3_000;

/** A host whose ways to the servers can be cut. */
interface Victim {
  readonly host: LoneHost;
  readonly toRedis: TcpProxy;
  readonly toNats: TcpProxy;
}

interface Fault {
  readonly name: string;
  strike(victim: Victim): void;
  /** What makes it whole again; a host that was killed stays dead. */
  heal?(victim: Victim): void;
}

const cut = (...proxies: readonly TcpProxy[]): void =>
  proxies.forEach((proxy) => (proxy.trouble = { kind: 'deaf' }));

const faults: readonly Fault[] = [
  { name: 'killed', strike: ({ host }) => host.signal('SIGKILL') },
  {
    name: 'frozen',
    strike: ({ host }) => host.signal('SIGSTOP'),
    heal: ({ host }) => host.signal('SIGCONT'),
  },
  {
    name: 'without-redis',
    strike: ({ toRedis }) => cut(toRedis),
    heal: ({ toRedis }) => toRedis.heal(),
  },
  {
    name: 'without-nats',
    strike: ({ toNats }) => cut(toNats),
    heal: ({ toNats }) => toNats.heal(),
  },
  {
    name: 'alone',
    strike: ({ toRedis, toNats }) => cut(toRedis, toNats),
    heal: ({ toRedis, toNats }) => [toRedis, toNats].forEach((proxy) => proxy.heal()),
  },
];

let redis: Redis;
let connection: NatsConnection;
const victims = new Map<string, Victim>();
/** Accounts, and the partition in which each lives. */
const accounts = new Map<string, number>();

async function owners(): Promise<string[]> {
  const all = Array.from({ length: suite.cluster.partitions }, async (_, partition) => {
    return (await redis.hget(`{mr:${partition}}:owner`, 'host')) ?? '';
  });
  return Promise.all(all);
}

/** The owners, once this host is among them and nothing has changed hands for a second. */
async function settled(name: string): Promise<readonly string[]> {
  let seen = '';
  let since = performance.now();
  return until(`${name} has its share`, async () => {
    const hosts = await owners();
    if (hosts.join() !== seen) since = performance.now();
    seen = hosts.join();
    return performance.now() - since > 1_000 && hosts.includes(name) ? hosts : undefined;
  });
}

beforeAll(async () => {
  const { cluster, wire } = suite;
  redis = new Redis(cluster.redis);
  connection = await cluster.connect();
  for (const { name } of faults) victims.set(name, await newVictim(name));
  for (let n = 0; n < 64; n++) {
    const account = `account/${fresh('prober')}`;
    const opened = await wire.insist(account, 'deposit', { asset: 'KRW', amount: '1' }, 'open');
    accounts.set(account, partitionOf(opened));
  }
});

afterAll(async () => {
  for (const { host, toRedis, toNats } of victims.values()) {
    await host.kill();
    await Promise.all([toRedis.close(), toNats.close()]);
  }
  redis.disconnect();
});

async function newVictim(name: string): Promise<Victim> {
  const { cluster } = suite;
  const toRedis = await TcpProxy.to(Number(new URL(cluster.redis).port));
  const toNats = await TcpProxy.to(Number(new URL(cluster.nats).port));
  const host = startLoneHost(name, {
    redis: `redis://127.0.0.1:${toRedis.port}`,
    nats: `nats://127.0.0.1:${toNats.port}`,
    partitions: cluster.partitions,
  });
  return { host, toRedis, toNats };
}

const coinsOf = async (account: string): Promise<number> =>
  Number((await balancesOf(suite.wire, account))['KRW']?.available);

/** Who asks, each time under a reply subject of its own, and hears everything that comes back. */
class Prober {
  readonly #account: string;
  readonly #inbox = `prober.${fresh('inbox')}`;
  readonly #answers = new Map<string, Reply[]>();
  readonly #before: number;
  #sent = 0;
  #acknowledged = 0;

  private constructor(account: string, before: number) {
    this.#account = account;
    this.#before = before;
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (_, { subject, data }) => {
        // NATS says itself that nobody is there; that is no answer of a host.
        if (data.length === 0) return;
        this.#answers.get(subject)?.push(JSON.parse(Buffer.from(data).toString()) as Reply);
      },
    });
  }

  static async of(account: string): Promise<Prober> {
    return new Prober(account, await coinsOf(account));
  }

  /** Deposits and asks for the balance until both are answered; the deposit's epoch. */
  async untilServed(): Promise<number> {
    for (;;) {
      const deposit = this.#send('cmd', 'deposit', { asset: 'KRW', amount: '1' });
      const balance = this.#send('get', 'balance', {});
      this.#sent++;
      for (let waited = 0; waited < 200 && deposit.length * balance.length === 0; waited += 5)
        await pause(5);
      if (deposit[0]?.ok === true) this.#acknowledged++;
      const epoch = deposit[0]?.at?.match(/:(\d+)-/)?.[1];
      if (epoch !== undefined && balance[0]?.ok === true) return Number(epoch);
    }
  }

  /** No question has two answers; no deposit that was acknowledged is lost, none is made up. */
  async judge(): Promise<void> {
    for (const answers of this.#answers.values()) expect(answers.length).toBeLessThan(2);
    const applied = (await coinsOf(this.#account)) - this.#before;
    expect(applied).toBeGreaterThanOrEqual(this.#acknowledged);
    expect(applied).toBeLessThanOrEqual(this.#sent);
  }

  #send(verb: string, name: string, body: object): readonly Reply[] {
    const reply = `${this.#inbox}.${this.#answers.size}`;
    const answers: Reply[] = [];
    this.#answers.set(reply, answers);
    const subject = `millrace.${verb}.${this.#account.replace('/', '.')}.${name}`;
    connection.publish(subject, JSON.stringify(body), { reply });
    return answers;
  }
}

describe('when a host is', () => {
  test.each(faults)(
    '$name, others serve within a second after its lease, and it says and writes no more',
    async ({ name, strike, heal }) => {
      const victim = victims.get(name);
      if (victim === undefined) throw new Error(`${name} was not started`);
      const owned = await settled(name);
      const hit = [...accounts].filter(([, partition]) => owned[partition] === name).slice(0, 4);
      expect(hit.length).toBeGreaterThan(0);
      const probers = await Promise.all(hit.map(([account]) => Prober.of(account)));
      const before = await Promise.all(probers.map((prober) => prober.untilServed()));

      strike(victim);
      const struckAt = performance.now();
      const after = await Promise.all(probers.map((prober) => prober.untilServed()));
      expect(performance.now() - struckAt).toBeLessThan(leaseMs + 1_000);
      expect(after.every((epoch, index) => epoch > (before[index] ?? 0))).toBe(true);
      // What nobody asks for here is taken beside what the probers ask for, not before it.
      await until(`others own all that ${name} had`, async () => {
        return (await owners()).includes(name) ? undefined : true;
      });

      heal?.(victim);
      if (heal) {
        await until(`${name} owns again`, async () => {
          await Promise.all(probers.map((prober) => prober.untilServed()));
          return (await owners()).includes(name) ? true : undefined;
        });
      }
      await Promise.all(probers.map((prober) => prober.judge()));
    },
  );
});

test('a host whose user NATS no longer knows says so and ends, and others serve what it had', async () => {
  const { cluster } = suite;
  const nats = await revokingNats(cluster.nats);
  const { redis: address, partitions } = cluster;
  const host = startLoneHost('revoked', { redis: address, nats: nats.url, partitions });
  await settled('revoked');
  nats.revoke();
  expect(await host.ended()).toBe(1);
  expect(host.said()).toMatch(/revoked: this host ends: its connection to NATS is closed for good/);
  for (const account of accounts.keys()) expect(await coinsOf(account)).toBeGreaterThan(0);
  await nats.close();
});
