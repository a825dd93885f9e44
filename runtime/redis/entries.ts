/** Finds entries by position in the streams of the partitions: the reading half of the log. */
import { keys } from '../../contracts/keys.ts';
import { entryId } from '../../contracts/record.ts';
import type { Entry, Log } from '../log.ts';
import type { Connection } from './connection.ts';
import type { Epochs } from './epochs.ts';
import { entries } from './replies.ts';

const holds = (entry: Entry, position: number): boolean =>
  entry.position <= position && position < entry.position + entry.n;

export function entryReads(connection: Connection, epochs: Epochs): Pick<Log, 'read' | 'entryAt'> {
  const forward = async (
    partition: number,
    from: string,
    count: number,
  ): Promise<readonly Entry[]> =>
    entries(await connection.call('xrange', [keys.log(partition), from, '+', 'COUNT', `${count}`]));

  const newest = async (partition: number, upTo: string): Promise<Entry | undefined> =>
    entries(await connection.call('xrevrange', [keys.log(partition), upTo, '-', 'COUNT', '1']))[0];

  const entryAt: Log['entryAt'] = async (partition, position) => {
    const span = await epochs.find(partition, position);
    if (span === undefined) return undefined;
    const entry = await newest(partition, entryId(span.epoch, position));
    if (entry && holds(entry, position)) return entry;
    if (span.closed) return undefined;
    await epochs.refresh(partition);
    const again = await epochs.find(partition, position);
    return again && again.epoch > span.epoch ? entryAt(partition, position) : undefined;
  };

  /** What follows an id, epoch markers included, with `count` entries that hold records if there are. */
  const entriesFrom = async (
    partition: number,
    id: string,
    count: number,
  ): Promise<readonly Entry[]> => {
    const found: Entry[] = [];
    let from = id;
    for (;;) {
      const page = await forward(partition, from, count);
      found.push(...page);
      const last = page.at(-1);
      const enough = found.filter((entry) => entry.n > 0).length >= count;
      if (last === undefined || page.length < count || enough) return found;
      from = `(${entryId(last.epoch, last.position)}`;
    }
  };

  const read: Log['read'] = async (partition, position, count) => {
    const span = await epochs.find(partition, position);
    if (span === undefined) return [];
    const page = await entriesFrom(partition, entryId(span.epoch, position), count);
    if (!span.closed && page.some((entry) => entry.epoch > span.epoch)) {
      await epochs.refresh(partition);
      const again = await epochs.find(partition, position);
      // Else the index does not know of that epoch, and never would.
      if (again && (again.closed || again.epoch > span.epoch))
        return read(partition, position, count);
    }
    const found = page.filter((entry) => entry.n > 0).slice(0, count);
    if (found[0]?.position === position) return found;
    // The position lies inside a group that begins before it, or it is not there.
    const head = await entryAt(partition, position);
    return head ? [head, ...found].slice(0, count) : found;
  };

  return { read, entryAt };
}
