/** Consumer groups in memory: for tests and simulations of this process. */
import type { GroupReads, Seat } from '../group-reads.ts';
import { compareEntries, logStart, type Entry, type EntryId } from '../log.ts';
import type { GroupProgress, Partitions } from './partition-store.ts';

/** `now` is the store's time, in ms. */
export function memoryGroupReads(partitions: Partitions, now: () => number): GroupReads {
  const consumers = new Map<string, Map<string, number>>();

  const known = (group: string, partition: number): GroupProgress => {
    const found = partitions(partition).groups.get(group);
    if (found === undefined)
      throw new Error(`there is no consumer group ${group} at partition ${partition}`);
    return found;
  };
  const holderOf = (group: string, partition: number): string | undefined => {
    const holder = partitions(partition).seats.get(group);
    return holder && holder.until > now() ? holder.consumer : undefined;
  };
  const seated = ({ group, partition, consumer }: Seat): GroupProgress | undefined =>
    holderOf(group, partition) === consumer ? known(group, partition) : undefined;
  const living = (group: string): Map<string, number> => {
    const names = consumers.get(group) ?? new Map<string, number>();
    consumers.set(group, names);
    for (const [name, until] of names) if (until <= now()) names.delete(name);
    return names;
  };

  return {
    async open(group, count, from) {
      for (let partition = 0; partition < count; partition++) {
        const { groups, entries } = partitions(partition);
        if (groups.has(group)) continue;
        const delivered = from === 'start' ? logStart : (entries.at(-1) ?? logStart);
        groups.set(group, { delivered, unacknowledged: [] });
      }
    },

    async remove(group, count) {
      for (let partition = 0; partition < count; partition++)
        partitions(partition).groups.delete(group);
    },

    async present(group, consumer, ttlMs) {
      const names = living(group).set(consumer, now() + ttlMs);
      return [...names.keys()].toSorted();
    },

    async leave(group, consumer) {
      living(group).delete(consumer);
    },

    holders: async (group, count) =>
      Array.from({ length: count }, (_, partition) => holderOf(group, partition)),

    hold: async (seats, ttlMs) =>
      seats.map(({ group, partition, consumer }) => {
        const holder = holderOf(group, partition);
        if (holder !== undefined && holder !== consumer) return 'refused';
        partitions(partition).seats.set(group, { consumer, until: now() + ttlMs });
        return holder === undefined ? 'taken' : 'kept';
      }),

    async release({ group, partition, consumer }) {
      if (holderOf(group, partition) === consumer) partitions(partition).seats.delete(group);
    },

    async unacknowledged(seat, after = logStart, count) {
      const found = seated(seat);
      if (found === undefined) return 'lost';
      const later = found.unacknowledged
        .filter((id) => compareEntries(id, after) > 0)
        .slice(0, count);
      const { entries } = partitions(seat.partition);
      return later.map(
        (id) => entries.find((entry) => compareEntries(entry, id) === 0) ?? gone(id),
      );
    },

    async next(seat, after, count) {
      const found = seated(seat);
      if (found === undefined) return 'lost';
      if (compareEntries(found.delivered, after) !== 0) return 'moved';
      const { entries } = partitions(seat.partition);
      const first = entries.findIndex((entry) => compareEntries(entry, found.delivered) > 0);
      const read = first < 0 ? [] : entries.slice(first, first + count);
      found.unacknowledged = [...found.unacknowledged, ...read];
      found.delivered = read.at(-1) ?? found.delivered;
      return read;
    },

    async acknowledge(group, partition, acknowledged) {
      const found = partitions(partition).groups.get(group);
      if (found === undefined) return;
      found.unacknowledged = found.unacknowledged.filter(
        (id) => !acknowledged.some((other) => compareEntries(id, other) === 0),
      );
    },

    tops: async (group, partition) => ({
      log: partitions(partition).entries.at(-1) ?? logStart,
      delivered: partitions(partition).groups.get(group)?.delivered ?? logStart,
    }),
  };
}

const gone = ({ epoch, position }: EntryId): Entry => ({ epoch, position, n: 0, records: '' });
