/** Consumer groups of Redis over the logs of the partitions. */
import { keys } from '../../contracts/keys.ts';
import { entryId, parseEntryId } from '../../contracts/record.ts';
import type { GroupReads, Seat } from '../group-reads.ts';
import { logStart, type EntryId } from '../log.ts';
import type { Connection } from './connection.ts';
import { entries, list, oneOf, pairs, text } from './replies.ts';
import { scripts } from './scripts.ts';

export const redisGroupReads = (connection: Connection): GroupReads => ({
  ...groups(connection),
  ...consumers(connection),
  ...seats(connection),
});

const groups = (
  connection: Connection,
): Pick<GroupReads, 'open' | 'remove' | 'acknowledge' | 'tops'> => ({
  async open(group, partitions, from) {
    const start = from === 'start' ? '0' : '$';
    const creations = upTo(partitions).map((partition) =>
      connection
        .call('xgroup', ['CREATE', keys.log(partition), group, start, 'MKSTREAM'])
        .catch(unless('BUSYGROUP')),
    );
    await Promise.all(creations);
  },

  async remove(group, partitions) {
    const removals = upTo(partitions).map((partition) =>
      connection
        .call('xgroup', ['DESTROY', keys.log(partition), group])
        .catch(unless('ERR The XGROUP subcommand requires the key to exist')),
    );
    await Promise.all(removals);
  },

  async acknowledge(group, partition, acknowledged) {
    if (acknowledged.length === 0) return;
    const ids = acknowledged.map(({ epoch, position }) => entryId(epoch, position));
    await connection.call('xack', [keys.log(partition), group, ...ids]);
  },

  async tops(group, partition) {
    const log = keys.log(partition);
    // The log last: what a group is given between the two calls must not look as if it had left the log.
    const [known, newest] = await Promise.all([
      connection.call('xinfo', ['GROUPS', log]).catch(unless('ERR no such key')),
      connection.call('xrevrange', [log, '+', '-', 'COUNT', '1']),
    ]);
    const all = list(known ?? []).map((described) => new Map<unknown, unknown>(pairs(described)));
    const delivered = all
      .find((described) => described.get('name') === group)
      ?.get('last-delivered-id');
    return {
      log: entries(newest)[0] ?? logStart,
      delivered: delivered === undefined ? logStart : parseEntryId(text(delivered)),
    };
  },
});

const consumers = (connection: Connection): Pick<GroupReads, 'present' | 'leave'> => ({
  async present(group, consumer, ttlMs) {
    const reply = await connection.run(
      scripts.heartbeat,
      [keys.readers(group)],
      [consumer, `${ttlMs}`],
    );
    return list(list(reply)[1]).map(text).toSorted();
  },

  async leave(group, consumer) {
    await connection.call('zrem', [keys.readers(group), consumer]);
  },
});

const seats = (
  connection: Connection,
): Pick<GroupReads, 'holders' | 'hold' | 'release' | 'unacknowledged' | 'next'> => ({
  async holders(group, partitions) {
    const reading = upTo(partitions).map((partition) =>
      connection.call('get', [keys.reader(group, partition)]),
    );
    return (await Promise.all(reading)).map((holder) =>
      holder === null ? undefined : text(holder),
    );
  },

  async hold(wanted, ttlMs) {
    const taking = wanted.map(({ group, partition, consumer }) =>
      connection.run(scripts.seatHold, [keys.reader(group, partition)], [consumer, `${ttlMs}`]),
    );
    return (await Promise.all(taking)).map((hold) => oneOf(['kept', 'taken', 'refused'], hold));
  },

  async release({ group, partition, consumer }) {
    await connection.run(scripts.seatRelease, [keys.reader(group, partition)], [consumer]);
  },

  async unacknowledged(seat, after = logStart, count) {
    const reply = await readFor(connection, seat, ['again', idOf(after), `${count}`]);
    return reply === 'lost' ? reply : entries(reply);
  },

  async next(seat, after, count) {
    const reply = await readFor(connection, seat, ['next', idOf(after), `${count}`]);
    return reply === 'lost' || reply === 'moved' ? reply : entries(reply);
  },
});

function readFor(
  connection: Connection,
  { group, partition, consumer }: Seat,
  wanted: readonly [which: 'again' | 'next', after: string, count: string],
): Promise<unknown> {
  const at = [keys.reader(group, partition), keys.log(partition)];
  return connection.run(scripts.seatRead, at, [consumer, group, ...wanted]);
}

/** For what has been done already; any other error is thrown again. */
const unless =
  (known: string) =>
  (error: unknown): void => {
    if (!(error instanceof Error && error.message.startsWith(known))) throw error;
  };

const idOf = ({ epoch, position }: EntryId): string => entryId(epoch, position);

const upTo = (partitions: number): number[] => Array.from({ length: partitions }, (_, i) => i);
