/** What consumer groups were given, beside the logs that they read. */
import type { Placed } from '../../runtime/whole-log.ts';

/** A record that a consumer has dealt with, before it acknowledged it. */
export interface GivenRecord {
  readonly partition: number;
  readonly at: string;
}

/** A group that has had the time to read to the end. */
export interface ReaderGroup {
  readonly group: string;
  /** In the order in which its consumers had dealt with them. */
  readonly given: readonly GivenRecord[];
  /** The first position that was in the log of a partition when the group was made. */
  readonly from: (partition: number) => number;
  /** Records below this position left the log although the group still needed them; 0 if none did. */
  readonly leftBehind: (partition: number) => number;
  /** Whether an operator was told that it was left behind there. */
  readonly told: (partition: number) => boolean;
}

/**
 * A sentence for the first record of each partition that a group was never given, or only after a later
 * one. Repeats are promised to be possible; what it was left behind by may be missing, if that was told.
 */
export function wrongDeliveries(
  logs: readonly (readonly Placed[])[],
  groups: readonly ReaderGroup[],
): string[] {
  return groups.flatMap((group) => {
    const byPartition = Map.groupBy(group.given, ({ partition }) => partition);
    return logs.flatMap((log) => {
      const partition = log[0]?.partition;
      if (partition === undefined) return [];
      return wrongIn(log, group, byPartition.get(partition) ?? []);
    });
  });
}

function wrongIn(
  log: readonly Placed[],
  { group, from, leftBehind, told }: ReaderGroup,
  given: readonly GivenRecord[],
): string[] {
  const missed = (placed: Placed): string | undefined => {
    const { position, partition, at } = placed;
    if (position < from(partition)) return undefined;
    if (position >= leftBehind(partition)) return `${group} was not given ${at}`;
    return told(partition) ? undefined : `nobody was told that ${group} was not given ${at}`;
  };
  const places = new Map(log.map(({ at }, place) => [at, place]));
  const seen = new Set<number>();
  let next = 0;
  for (const { at } of given) {
    const place = places.get(at);
    const placed = place === undefined ? undefined : log[place];
    if (place === undefined || placed === undefined)
      return [`${group} was given ${at}, and no log has such a record`];
    if (seen.has(place)) continue;
    seen.add(place);
    // One who had it in hand when the others were left behind may be done with it later than they.
    if (place < next && placed.position >= leftBehind(placed.partition))
      return [`${group} was given ${at} after a later record`];
    const [wrong] = log.slice(next, place).flatMap((skipped) => missed(skipped) ?? []);
    if (wrong !== undefined) return [`${wrong} before ${at}`];
    next = Math.max(next, place + 1);
  }
  return log
    .slice(next)
    .flatMap((placed) => missed(placed) ?? [])
    .slice(0, 1);
}
