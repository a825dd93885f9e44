/** Who owns what, in Redis; all times are those of Redis. */
import { ClusterSettings } from '../../contracts/cluster.ts';
import { keys } from '../../contracts/keys.ts';
import type { Acquired, Leases, OwnerRecord } from '../leases.ts';
import type { Connection } from './connection.ts';
import { epochIndex } from './epochs.ts';
import { replicatedTo, type Replicated } from './replicas.ts';
import { integer, list, oneOf, pairs, text } from './replies.ts';
import { scripts } from './scripts.ts';

export interface RedisLeasesOptions {
  /** A partition is taken only when so many replicas have all of its log; default: none. */
  readonly replicas?: number;
}

export const redisLeases = (
  connection: Connection,
  { replicas = 0 }: RedisLeasesOptions = {},
): Leases => ({
  ...ownership(connection, replicatedTo(replicas, connection)),
  ...succession(connection),
  ...membership(connection),
});

function ownership(
  connection: Connection,
  replicated: Replicated,
): Pick<Leases, 'acquire' | 'renew' | 'release' | 'ownerOf' | 'epochOf'> {
  const epochs = epochIndex(connection);
  return {
    async acquire({ partition, host, nonce, group, leaseMs }) {
      const at = [keys.owner(partition), keys.log(partition), keys.epochs(partition)];
      const reply = await connection.run(scripts.acquire, at, [nonce, host, group, `${leaseMs}`]);
      const outcome = acquired(reply);
      // What a former owner could not replicate is in the log all the same: it must not be served.
      if (outcome.kind === 'acquired' && !(await replicated()))
        throw new Error('fewer replicas than MILLRACE_REPLICAS asks for have its log');
      return outcome;
    },

    renew: (renewals, leaseMs) =>
      Promise.all(
        renewals.map(async ({ fence: { partition, epoch, nonce }, published }) => {
          const args = [`${epoch}`, nonce, `${leaseMs}`, `${published}`];
          const reply = await connection.run(scripts.renew, [keys.owner(partition)], args);
          return oneOf(['ok', 'fenced'], reply);
        }),
      ),

    async release({ fence: { partition, epoch, nonce }, published }) {
      const args = [`${epoch}`, nonce, `${published}`];
      return oneOf(
        ['ok', 'fenced'],
        await connection.run(scripts.release, [keys.owner(partition)], args),
      );
    },

    async ownerOf(partition) {
      return ownerRecord(await connection.call('hmget', [keys.owner(partition), ...ownerFields]));
    },

    async epochOf(partition, position) {
      const span = await epochs.find(partition, position);
      if (span === undefined || position < 1) return undefined;
      if (span.closed) return span.epoch;
      // The newest span may have ended meanwhile, and its end may lie below the position.
      const [top] = await Promise.all([
        connection.call('hget', [keys.owner(partition), 'top']),
        epochs.refresh(partition),
      ]);
      if (top === null || position > integer(top)) return undefined;
      return (await epochs.find(partition, position))?.epoch;
    },
  };
}

const succession = (connection: Connection): Pick<Leases, 'handOver' | 'regroup'> => ({
  async handOver({ fence: { partition, epoch, nonce }, published }, heir, group) {
    const at = [keys.owner(partition), keys.log(partition), keys.epochs(partition)];
    const successor = [heir.nonce, heir.host, `${heir.leaseMs}`];
    const args = [`${epoch}`, nonce, `${published}`, ...successor, group];
    const reply = await connection.run(scripts.handOver, at, args);
    return oneOf(['ok', 'fenced', 'diverged'], reply);
  },

  async regroup({ partition, epoch, nonce }, { from, to }) {
    const args = [`${epoch}`, nonce, to, from];
    return oneOf(
      ['ok', 'fenced'],
      await connection.run(scripts.regroup, [keys.owner(partition)], args),
    );
  },
});

const membership = (
  connection: Connection,
): Pick<Leases, 'owners' | 'heartbeat' | 'depart' | 'settle'> => ({
  async owners(partitions) {
    const [time, beats, ...records] = await Promise.all([
      connection.call('time', []),
      connection.call('zrange', [keys.hosts, '0', '-1', 'WITHSCORES']),
      ...Array.from({ length: partitions }, (_, partition) =>
        connection.call('hmget', [keys.owner(partition), ...ownerFields]),
      ),
    ]);
    const [seconds, microseconds] = list(time);
    const now = integer(seconds) * 1_000 + Math.floor(integer(microseconds) / 1_000);
    const hosts = pairs(beats).flatMap(([name, until]) =>
      integer(until) > now ? [text(name)] : [],
    );
    return { now, hosts: hosts.toSorted(), owners: records.map(ownerRecord) };
  },

  async heartbeat(host, ttlMs) {
    const [now, hosts] = list(
      await connection.run(scripts.heartbeat, [keys.hosts], [host, `${ttlMs}`]),
    );
    return { now: integer(now), hosts: list(hosts).map(text).toSorted() };
  },

  async depart(host) {
    await connection.call('zrem', [keys.hosts, host]);
  },

  async settle({ id, partitions, scales }) {
    const wanted = [id, `${partitions}`, JSON.stringify(scales)];
    const stored = list(await connection.run(scripts.settle, [keys.cluster], wanted)).map(text);
    return ClusterSettings.parse({
      id: stored[0],
      partitions: integer(stored[1]),
      scales: JSON.parse(text(stored[2])),
    });
  },
});

const ownerFields = ['epoch', 'nonce', 'host', 'until', 'group', 'top', 'published', 'checkpoint'];

function ownerRecord(reply: unknown): OwnerRecord | undefined {
  const [epoch, nonce, host, until, group, top, published, checkpoint] = list(reply);
  if (epoch === null) return undefined;
  return {
    epoch: integer(epoch),
    nonce: text(nonce),
    host: text(host),
    until: integer(until),
    group: text(group),
    top: integer(top),
    published: integer(published),
    checkpoint: integer(checkpoint ?? 0),
  };
}

function acquired(reply: unknown): Acquired {
  const [word, ...rest] = list(reply);
  const kind = oneOf(['acquired', 'held', 'lost-tail'], word);
  switch (kind) {
    case 'acquired':
      return { kind, epoch: integer(rest[0]), top: integer(rest[1]), published: integer(rest[2]) };
    case 'held':
      return { kind, host: text(rest[0]) };
    case 'lost-tail':
      return {
        kind,
        known: integer(rest[0]),
        found: integer(rest[1]),
        epoch: integer(rest[2]),
      };
  }
}
