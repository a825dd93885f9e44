/** Commands that hosts keep in the log on request, so that `verify` can decide every record again. */
import { payloadHash } from '../../contracts/json.ts';
import type { Placed } from '../../runtime/whole-log.ts';

/**
 * A sentence for each record that answers a command and does not say which, or says another than the
 * one of its hash. Whether its actor decides from that command what the record says, replay tells.
 */
export function wrongKeptCommands(records: readonly Placed[]): string[] {
  return records.flatMap(({ at, record: { actor, id, hash, command, aside, retried } }) => {
    // What was set aside stands there, and what is retried is named.
    if (id === undefined || aside !== undefined || retried !== undefined) return [];
    if (command === undefined) return [`${at} (${actor}) does not say what it was asked`];
    const { name, body } = command;
    if (hash === undefined || payloadHash(name, body) === hash) return [];
    return [`${at} (${actor}) keeps another "${name}" than the one of its hash`];
  });
}
