/** One actor in memory: how it comes from its snapshot and its records, and goes into a snapshot. */
import type { ActorType, Instance, SavedState, State } from '../actors/actor.ts';
import { typeOf, type ActorKey } from '../contracts/ids.ts';
import { digest } from '../contracts/json.ts';
import type { EventBody, LogRecord } from '../contracts/record.ts';
import type { ActorTypes } from './command.ts';
import { residentCost } from './limits.ts';
import type { Snapshot } from './log.ts';

/** An actor in memory. */
export interface Resident {
  readonly key: ActorKey;
  readonly type: ActorType;
  readonly instance: Instance;
  version: number;
  /** The version of its latest durable snapshot. */
  savedVersion: number;
  /** What it costs, by its state as last seen: in the snapshot it came from, or the latest one. */
  bytes: number;
  /** Used since eviction last looked at it. */
  used: boolean;
  /** The position of its latest change that no snapshot covers, or 0 (snapshots.ts). */
  changedAt: number;
  /** Where it stands among the changed. */
  changedIndex: number;
}

/** The state of a resident actor as judgement sees it. */
export const stateOf = (resident: Resident): State<unknown> => ({
  value: resident.instance.value,
  context: resident.instance.context,
  version: resident.version,
});

/** A resident actor as a snapshot keeps it. */
export function snapshotOf(resident: Resident, position: number): Snapshot {
  const state = resident.instance.text();
  return { actor: resident.key, version: resident.version, position, hash: digest(state), state };
}

/** What evolving needs of a record; the rest of it need not stay in memory. */
export interface Tail {
  readonly version: number;
  readonly events: readonly EventBody[];
}

/** What of a record stays in memory until its actor is first touched. */
export const tailOf = ({ version, events = [] }: LogRecord): Tail => ({ version, events });

/** What an actor's state comes to that has no snapshot yet. */
const blankLength = 128;

/** What an actor is built from; without a snapshot it is new. */
export interface Beginnings {
  readonly key: ActorKey;
  readonly snapshot: Snapshot | undefined;
  readonly tail: readonly Tail[];
}

/** Builds an actor; throws if nothing may be built on what is there. */
export function startResident(types: ActorTypes, { key, snapshot, tail }: Beginnings): Resident {
  const type = types.get(typeOf(key));
  if (type === undefined) {
    throw new Error(`${key} is in the log, but this host has no actor type of that name`);
  }
  if (snapshot && digest(snapshot.state) !== snapshot.hash) {
    throw new Error(`the snapshot of ${key} does not have the hash it was written with`);
  }
  const savedVersion = snapshot?.version ?? 0;
  const instance = type.start(snapshot && (JSON.parse(snapshot.state) as SavedState));
  let version = savedVersion;
  for (const record of tail) {
    if (record.version <= version) continue;
    if (record.version !== version + 1) {
      throw new Error(`${key} has version ${version}, and the log goes on with ${record.version}`);
    }
    for (const event of record.events) instance.evolve(event);
    version = record.version;
  }
  const bytes = residentCost(snapshot?.state.length ?? blankLength);
  const unchanged = { changedAt: 0, changedIndex: 0 };
  return { key, type, instance, version, savedVersion, bytes, used: true, ...unchanged };
}
