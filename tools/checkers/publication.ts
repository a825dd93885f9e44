/** Events as their subscribers saw them, beside those of the logs. */
import { typeOf } from '../../contracts/ids.ts';
import type { Placed } from '../../runtime/whole-log.ts';
import type { Evidence } from './evidence.ts';

/**
 * Each event of the logs was published at least once, and those of one actor for the first time in
 * their order; nothing else was. Repeats are promised to be possible, not to be absent; what is
 * published while the subscriber is away is not kept for it, and not asked for here.
 */
export function wrongPublication(
  logs: readonly (readonly Placed[])[],
  published: readonly string[],
  { types, outages = [], halted = [] }: Pick<Evidence, 'types' | 'outages' | 'halted'>,
): string[] {
  const first = new Map<string, number>();
  published.forEach((id, index) => {
    if (!first.has(id)) first.set(id, index);
  });
  const missable = (time: number): boolean =>
    outages.some(({ from, to }) => from <= time && time <= to);
  const broken: string[] = [];
  const unknown = new Set(first.keys());
  for (const log of logs) {
    const latest = new Map<string, number>();
    for (const { at, partition, record } of log) {
      const type = types.get(typeOf(record.actor));
      (record.events ?? []).forEach((event, index) => {
        const id = `${at}.${index}`;
        unknown.delete(id);
        if (type?.publish(event) === undefined || missable(record.time)) return;
        const seen = first.get(id);
        if (seen === undefined && halted.includes(partition)) return;
        if (seen === undefined)
          broken.push(`${id}, ${event.type} of ${record.actor}, was not published`);
        else if (seen < (latest.get(record.actor) ?? -1))
          broken.push(`${id} of ${record.actor} was published after a later event`);
        latest.set(record.actor, Math.max(seen ?? -1, latest.get(record.actor) ?? -1));
      });
    }
  }
  for (const id of unknown) broken.push(`${id} was published, and no log has such an event`);
  return broken;
}
