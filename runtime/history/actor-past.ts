/**
 * One actor's records as the log and the archive have them, and the actor as they make it.
 *
 * Owns an instance of its own, apart from the one that is served, and how far the log has been read.
 * Invariants:
 * P1  the instance is what the records that were taken, and no others, make of the actor;
 * P2  they are taken in order and without a gap: each has the version that follows.
 */
import type { ActorType, Instance, State } from '../../actors/actor.ts';
import type { ActorKey } from '../../contracts/ids.ts';
import type { Snapshot } from '../log.ts';
import { placedOf, WholeLog, type LogSources, type Placed } from '../whole-log.ts';

export interface ActorPastOptions {
  readonly actor: ActorKey;
  readonly type: ActorType;
  readonly partition: number;
  readonly sources: LogSources;
  /** Where it begins; default: before its first record. */
  readonly snapshot?: Snapshot | undefined;
  /** Entries are read about so many characters at a time. */
  readonly pageLength?: number;
  /** Called between entries: gives way to other work. */
  readonly breathe?: () => Promise<void>;
}

/** What is in the log does not make the actor: nothing may be told of it. */
export class PastBroken extends Error {
  override readonly name = 'PastBroken';
}

/** A record of the actor that is read next, the log's end, or neither after one more page. */
export type Looked = 'found' | 'end' | 'on';

export class ActorPast {
  readonly actor: ActorKey;
  readonly #options: ActorPastOptions;
  readonly #instance: Instance;
  readonly #log: WholeLog;
  /** How an entry's text names the actor: where this is not, there is nothing to decode. */
  readonly #named: string;
  #version: number;
  #position: number;
  #found: Placed[] = [];

  constructor(options: ActorPastOptions) {
    const { actor, type, partition, sources, snapshot, pageLength } = options;
    this.#options = options;
    this.actor = actor;
    this.#named = JSON.stringify(actor);
    this.#instance = type.start(snapshot && JSON.parse(snapshot.state));
    this.#version = snapshot?.version ?? 0;
    this.#position = snapshot?.position ?? 0;
    const reach = { from: this.#position + 1, ...(pageLength !== undefined && { pageLength }) };
    this.#log = new WholeLog(partition, sources, reach);
  }

  get state(): State<unknown> {
    return {
      value: this.#instance.value,
      context: this.#instance.context,
      version: this.#version,
    };
  }

  /** The state as a snapshot would have it. */
  get saved(): ReturnType<Instance['save']> {
    return this.#instance.save();
  }

  /** No record of the actor above this position was taken. */
  get position(): number {
    return this.#position;
  }

  /** No record of the actor up to this position is still to be taken, as far as was read. */
  get read(): number {
    return (this.#found[0]?.position ?? this.#log.next) - 1;
  }

  /** The record that `take` takes. */
  get found(): Placed | undefined {
    return this.#found[0];
  }

  /** Reads on, at most one page. */
  async look(): Promise<Looked> {
    if (this.#found.length > 0) return 'found';
    const { partition, breathe } = this.#options;
    const from = this.#log.next;
    const entries = await this.#log.entries();
    if (entries.length === 0) return 'end';
    for (const entry of entries) {
      if (entry.records.includes(this.#named)) {
        for (const placed of placedOf(partition, entry))
          if (placed.record.actor === this.actor && placed.position >= from)
            this.#found.push(placed);
      }
      await breathe?.();
    }
    return this.#found.length > 0 ? 'found' : 'on';
  }

  /** Takes the record that was found; throws PastBroken if the actor cannot have come to it. */
  take(): Placed {
    const placed = this.#found.shift();
    if (placed === undefined) throw new Error('there is no record to take');
    const { record, at, position } = placed;
    try {
      for (const event of record.events ?? []) this.#instance.evolve(event);
    } catch (cause) {
      throw new PastBroken(`${at}: ${this.actor} cannot take its events`, { cause });
    }
    if (record.events) this.#version++;
    this.#position = position;
    if (record.version === this.#version) return placed;
    throw new PastBroken(
      `${at}: ${this.actor} has version ${record.version}, and ${this.#version} by the records before`,
    );
  }

  /** Takes the next record for which this holds; undefined at the log's end, or where it does not. */
  async next(within: (placed: Placed) => boolean = () => true): Promise<Placed | undefined> {
    for (;;) {
      const looked = await this.look();
      if (looked === 'end') return undefined;
      if (this.found === undefined) continue;
      return within(this.found) ? this.take() : undefined;
    }
  }
}
