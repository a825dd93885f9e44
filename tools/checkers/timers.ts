/** Deadlines are handled once each, never early, and never after they were cleared or set anew. */
import type { LogRecord } from '../../contracts/record.ts';
import type { Placed } from '../../runtime/whole-log.ts';

/** Follows the deadlines of one partition's log. */
export class TimerCheck {
  readonly #set = new Map<string, number>();

  /** A sentence for each deadline that this record does not handle as it was set. */
  observe({ at: address, record }: Placed): string[] {
    const { timer, time } = record;
    const wrong: string[] = [];
    if (timer) {
      const what = `${address} (${record.actor}): the deadline "${timer.name}" of ${timer.at}`;
      if (this.#set.get(keyOf(record, timer.name)) !== timer.at) wrong.push(`${what} was not set`);
      if (time < timer.at) wrong.push(`${what} is handled early, at ${time}`);
      this.#set.delete(keyOf(record, timer.name));
    }
    for (const { name, at } of record.timers ?? []) {
      if (at === null) this.#set.delete(keyOf(record, name));
      else this.#set.set(keyOf(record, name), at);
    }
    return wrong;
  }
}

/** A sentence for each deadline of one partition's log that was not handled as it was set. */
export function wrongTimers(log: readonly Placed[]): string[] {
  const check = new TimerCheck();
  return log.flatMap((placed) => check.observe(placed));
}

const keyOf = ({ actor }: LogRecord, name: string): string => `${actor} ${name}`;
