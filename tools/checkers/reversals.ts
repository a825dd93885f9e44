/** Reversals beside the entries that they name. */
import type { ActorKey } from '../../contracts/ids.ts';
import type { EventBody } from '../../contracts/record.ts';
import type { Placed } from '../../runtime/whole-log.ts';

/** By the event of a reversal: that of the entry. */
const reversed = new Map([
  ['deposit-reversed', 'deposited'],
  ['withdrawal-reversed', 'withdrawn'],
  ['transfer-reversed', 'transfer-sent'],
]);

/** A sentence for each entry that was reversed twice, and each reversal of what its account did not enter. */
export function wrongReversals(records: readonly Placed[]): string[] {
  const wrong: string[] = [];
  const entries = new Map<string, Entry>();
  const done = new Map<string, string>();
  for (const { at, record } of records) {
    for (const event of record.events ?? []) {
      if (isEntry(event.type)) entries.set(at, { actor: record.actor, event });
      const { of } = event;
      if (!reversed.has(event.type) || typeof of !== 'string') continue;
      const what = `${at} (${record.actor}): ${event.type} of ${of}`;
      const before = done.get(of);
      if (before !== undefined) wrong.push(`${what}, which was reversed at ${before}`);
      if (!isOf(event, record.actor, entries.get(of)))
        wrong.push(`${what}, which is no such entry`);
      done.set(of, at);
    }
  }
  return wrong;
}

interface Entry {
  readonly actor: ActorKey;
  readonly event: EventBody;
}

const isEntry = (type: string): boolean => [...reversed.values()].includes(type);

const isOf = (reversal: EventBody, actor: ActorKey, entry: Entry | undefined): boolean =>
  entry?.actor === actor &&
  entry.event.type === reversed.get(reversal.type) &&
  entry.event['asset'] === reversal['asset'] &&
  entry.event['amount'] === reversal['amount'];
