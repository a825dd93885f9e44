/**
 * Which epoch writes which positions. Stream ids begin with the epoch, so whoever looks for a
 * position must know its epoch first. A span that a later epoch has closed never changes and is
 * remembered; the newest span may end at any moment, so answers about it are only a lower bound.
 */
import { keys } from '../../contracts/keys.ts';
import type { Connection } from './connection.ts';
import { hash, integer } from './replies.ts';

interface Span {
  readonly epoch: number;
  /** The first position that the epoch may write. */
  readonly first: number;
}

export interface Epochs {
  /**
   * The epoch that a position belongs to, as far as is known here: right if `closed`, else perhaps
   * an earlier one. Undefined if the partition never had an owner.
   */
  find(
    partition: number,
    position: number,
  ): Promise<{ epoch: number; closed: boolean } | undefined>;
  /** Reads the index of a partition anew. */
  refresh(partition: number): Promise<void>;
}

export function epochIndex(connection: Connection): Epochs {
  const known = new Map<number, readonly Span[]>();

  const refresh = async (partition: number): Promise<void> => {
    const index = hash(await connection.call('hgetall', [keys.epochs(partition)]));
    const spans = index.map(([epoch, first]) => ({ epoch: integer(epoch), first: integer(first) }));
    known.set(
      partition,
      spans.sort((a, b) => a.epoch - b.epoch),
    );
  };

  return {
    refresh,
    async find(partition, position) {
      if (!known.get(partition)?.length) await refresh(partition);
      const spans = known.get(partition) ?? [];
      // An epoch that wrote nothing begins where the next one does: the last that fits is right.
      const index = spans.findLastIndex((span) => span.first <= position);
      const span = spans[Math.max(index, 0)];
      return span && { epoch: span.epoch, closed: index + 1 < spans.length };
    },
  };
}
