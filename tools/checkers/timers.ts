/** Deadlines are handled once each, never early, and never after they were cleared or set anew. */
import type { LogRecord } from '../../contracts/record.ts';
import type { Placed } from '../../runtime/whole-log.ts';

/** A sentence for each deadline of one partition's log that was not handled as it was set. */
export function wrongTimers(log: readonly Placed[]): string[] {
  const set = new Map<string, number>();
  return log.flatMap(({ at: address, record }) => {
    const { timer, time } = record;
    const wrong: string[] = [];
    if (timer) {
      const what = `${address} (${record.actor}): the deadline "${timer.name}" of ${timer.at}`;
      if (set.get(keyOf(record, timer.name)) !== timer.at) wrong.push(`${what} was not set`);
      if (time < timer.at) wrong.push(`${what} is handled early, at ${time}`);
      set.delete(keyOf(record, timer.name));
    }
    for (const { name, at } of record.timers ?? []) {
      if (at === null) set.delete(keyOf(record, name));
      else set.set(keyOf(record, name), at);
    }
    return wrong;
  });
}

const keyOf = ({ actor }: LogRecord, name: string): string => `${actor} ${name}`;
