/** Who owns what, in Redis; all times are those of Redis. */
import { ClusterSettings } from '../../contracts/cluster.ts';
import { keys } from '../../contracts/keys.ts';
import type { Acquired, Leases, OwnerRecord } from '../leases.ts';
import type { Connection } from './connection.ts';
import { epochIndex } from './epochs.ts';
import { integer, list, oneOf, text } from './replies.ts';
import { scripts } from './scripts.ts';

export const redisLeases = (connection: Connection): Leases => ({
  ...ownership(connection),
  ...membership(connection),
});

function ownership(
  connection: Connection,
): Pick<Leases, 'acquire' | 'renew' | 'release' | 'owners' | 'epochOf'> {
  const epochs = epochIndex(connection);
  return {
    async acquire({ partition, host, nonce, group, leaseMs }) {
      const at = [keys.owner(partition), keys.log(partition), keys.epochs(partition)];
      return acquired(
        await connection.run(scripts.acquire, at, [nonce, host, group, `${leaseMs}`]),
      );
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

    async owners(partitions) {
      const [time, ...records] = await Promise.all([
        connection.call('time', []),
        ...Array.from({ length: partitions }, (_, partition) =>
          connection.call('hmget', [keys.owner(partition), ...ownerFields]),
        ),
      ]);
      const [seconds, microseconds] = list(time);
      const now = integer(seconds) * 1_000 + Math.floor(integer(microseconds) / 1_000);
      return { now, owners: records.map(ownerRecord) };
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

const membership = (connection: Connection): Pick<Leases, 'heartbeat' | 'depart' | 'settle'> => ({
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

const ownerFields = ['epoch', 'nonce', 'host', 'until', 'group', 'top'];

function ownerRecord(reply: unknown): OwnerRecord | undefined {
  const [epoch, nonce, host, until, group, top] = list(reply);
  if (epoch === null) return undefined;
  return {
    epoch: integer(epoch),
    nonce: text(nonce),
    host: text(host),
    until: integer(until),
    group: text(group),
    top: integer(top),
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
      return { kind, known: integer(rest[0]), found: integer(rest[1]) };
  }
}
