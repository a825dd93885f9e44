/** The states that actors have in memory, as hashes: what an audit compares with the log. */
import type { States } from '../contracts/operator.ts';
import type { ActorKey } from '../contracts/ids.ts';
import { digest } from '../contracts/json.ts';
import type { Residents } from './residents.ts';

/** What is written out in one turn of the event loop, as when snapshots are taken. */
const bytesMax = 256 * 1024;
/** A larger actor is not asked for its state: writing it out takes too long. */
const actorBytesMax = 4 * 1024 * 1024;

/** Of those of the actors that are in memory. */
export function liveStates(residents: Residents, actors: readonly ActorKey[]): States {
  const found: States = { states: [], rest: [], large: [] };
  let bytes = 0;
  for (const actor of new Set(actors)) {
    const resident = residents.get(actor);
    if (resident === undefined) continue;
    if (resident.bytes > actorBytesMax) found.large.push(actor);
    else if (bytes > bytesMax) found.rest.push(actor);
    else {
      const state = JSON.stringify(resident.instance.save());
      bytes += state.length;
      found.states.push({ actor, version: resident.version, hash: digest(state) });
    }
  }
  return found;
}
