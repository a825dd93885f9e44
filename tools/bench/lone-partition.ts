/** One partition by itself, in this process, on a Redis of its own: no host, no NATS. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accountActor } from '../../actors/account.ts';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import { payloadHash } from '../../contracts/json.ts';
import { keys } from '../../contracts/keys.ts';
import { defaultScales } from '../../contracts/money.ts';
import { encodeGroup, type LogRecord } from '../../contracts/record.ts';
import { subjectsUnder } from '../../contracts/subjects.ts';
import type { Acquired } from '../../runtime/leases.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import type { Fence } from '../../runtime/log.ts';
import { memoryHub } from '../../runtime/memory/bus.ts';
import { Partition } from '../../runtime/partition.ts';
import { connectRedis, type Connection } from '../../runtime/redis/connection.ts';
import { redisLeases } from '../../runtime/redis/leases.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { startRedis } from '../servers.ts';

const partition = 0;
const groupRecords = 512;

/** Under an epoch of its own. */
export interface Opened {
  readonly partition: Partition;
  /** How many actors may stay in memory; takes effect at the next tick. */
  allow(residents: number): void;
}

export interface LonePartition extends AsyncDisposable {
  /** Appends deposits, spread over so many accounts. */
  deposit(deposits: number, accounts: number): Promise<void>;
  /** Recovers the partition from its log. */
  open(): Promise<Opened>;
  /** What its snapshots take in Redis, in bytes. */
  snapshotBytes(): Promise<number>;
}

/** Starts a Redis in a temporary folder with one empty partition; both end with it. */
export async function startLonePartition(): Promise<LonePartition> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const server = await startRedis({ dir });
  stack.defer(() => server.stop());
  const redis = await connectRedis(server.url);
  stack.defer(() => redis.close());
  const owned = stack.move();
  return {
    deposit: (deposits, accounts) => deposit(redis, deposits, accounts),
    open: () => open(redis),
    snapshotBytes: async () =>
      Number(await redis.call('memory', ['USAGE', keys.snapshots(partition), 'SAMPLES', '0'])),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** As an owner would write them, so that the log is what a host leaves behind. */
async function deposit(redis: Connection, deposits: number, accounts: number): Promise<void> {
  const log = redisLog(redis);
  const { fence, acquired } = await acquire(redis);
  for (let after = acquired.top; after < acquired.top + deposits; after += groupRecords) {
    const n = Math.min(groupRecords, acquired.top + deposits - after);
    const records = Array.from({ length: n }, (_, index) =>
      JSON.stringify(depositRecord(after + index, accounts)),
    );
    const token = `${fence.nonce}.${after}`;
    const outcome = await log.append({ fence, after, n, records: encodeGroup(records), token });
    if (outcome !== 'ok') throw new Error(`the log does not take the deposits: ${outcome}`);
  }
  await redisLeases(redis).release({ fence, published: acquired.top + deposits });
}

const depositHash = payloadHash('deposit', { asset: 'USD', amount: '1.00' });

function depositRecord(n: number, accounts: number): LogRecord {
  const version = Math.floor(n / accounts) + 1;
  return {
    time: Date.now(),
    actor: accountKey(n % accounts),
    version,
    id: `bench-${n.toString(36)}`,
    hash: depositHash,
    events: [{ type: 'deposited', asset: 'USD', amount: '1.00' }],
    reply: { ok: true, result: { asset: 'USD', available: `${version}.00`, held: '0.00' } },
    external: { USD: '1.00' },
  };
}

const accountKey = (n: number): ActorKey => actorKey('account', `a${n}`);

interface Taken {
  readonly fence: Fence;
  readonly acquired: Extract<Acquired, { kind: 'acquired' }>;
}

async function acquire(redis: Connection): Promise<Taken> {
  const nonce = systemRandom().id(Date.now());
  // Nobody else wants it, and the next owner need not wait for this one's lease to end.
  const claim = { partition, host: 'bench', nonce, group: nonce, leaseMs: 1 };
  const acquired = await redisLeases(redis).acquire(claim);
  if (acquired.kind !== 'acquired') throw new Error(`the partition is ${acquired.kind}`);
  return { fence: { partition, nonce, epoch: acquired.epoch }, acquired };
}

async function open(redis: Connection): Promise<Opened> {
  const { fence, acquired } = await acquire(redis);
  const limits = { ...defaultLimits(1) };
  const stop = (reason: string): never => {
    throw new Error(`the partition has stopped: ${reason}`);
  };
  const account = accountActor(defaultScales);
  const opened = await Partition.open(
    {
      partition,
      partitions: 1,
      idSeed: 1,
      fence,
      log: redisLog(redis),
      bus: memoryHub().connect(),
      clock: systemClock,
      random: systemRandom(),
      limits,
      types: new Map([[account.type, account]]),
      subjects: subjectsUnder('millrace'),
      post: () => Promise.reject(new Error('there is no other partition')),
      callerOf: (subject, since) => ({ subject, since, answer: () => {} }),
      epochOf: (position) => redisLeases(redis).epochOf(partition, position),
      report: () => {},
      onLost: () => stop('another owns it'),
      onHalted: stop,
      onFailed: stop,
    },
    acquired,
  );
  return { partition: opened, allow: (residents) => void (limits.residentsMax = residents) };
}
