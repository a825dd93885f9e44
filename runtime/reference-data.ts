/**
 * What actors have replicated to every partition, as this partition has recorded it.
 *
 * A replicated value travels as a message to the partition itself (`partition/<n>`), is recorded
 * in its log, and is given to judgement read only. A later version never gives way to an earlier.
 */
import { actorKey, type ActorKey } from '../contracts/ids.ts';
import type { Json } from '../contracts/json.ts';
import type { EventBody } from '../contracts/record.ts';

/** The type under which partitions are addressed; no actor type may have this name. */
export const partitionType = 'partition';

export const partitionKey = (partition: number): ActorKey =>
  actorKey(partitionType, `${partition}`);

/** The body of the message that carries a value, and the event that records it. */
export type ReferenceValue = {
  readonly actor: ActorKey;
  readonly version: number;
  readonly value: Json;
};

export const referenceMessage = 'reference';

/** The message with which a partition confirms to the actor. */
export const replicatedMessage = 'replicated';

const eventType = 'reference-set';

export const referenceEvent = (value: ReferenceValue): EventBody => ({ type: eventType, ...value });

/** One value as checkpoints keep it. */
export type SavedReference = readonly [
  ActorKey,
  { readonly version: number; readonly value: Json },
];

export class ReferenceData {
  readonly #values = new Map<ActorKey, { readonly version: number; readonly value: Json }>();

  get(actor: ActorKey): Json | undefined {
    return this.#values.get(actor)?.value;
  }

  /** Applies an event made by `referenceEvent`. */
  evolve(event: EventBody): void {
    if (event.type !== eventType) return;
    const { actor, version, value } = event as unknown as ReferenceValue;
    const known = this.#values.get(actor);
    if (known === undefined || known.version < version) this.#values.set(actor, { version, value });
  }

  save(): SavedReference[] {
    return [...this.#values];
  }

  load(saved: readonly SavedReference[]): void {
    for (const [actor, value] of saved) this.#values.set(actor, value);
  }
}
