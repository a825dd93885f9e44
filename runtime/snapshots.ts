/**
 * Writes snapshots of the actors that have changed: before they leave memory, or for a checkpoint.
 *
 * Owns which actors have changed, and `changedAt` and `changedIndex` of those in memory. Invariants:
 * S1  nothing of a state that is not durable is written: each snapshot waits for its own position;
 * S2  an actor stays among the changed until a snapshot of its latest change is durable;
 * S3  one that changed in memory has a `changedAt` other than 0 and stands at its `changedIndex`, until
 *     it has a snapshot, or breaks and leaves memory as it is.
 *
 * A host that has a million accounts writes a snapshot for nearly each command, so nothing is looked up
 * by an actor's key here that stands in the actor.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Clock } from './clock.ts';
import type { GroupWriter } from './group-writer.ts';
import type { Fence, Log } from './log.ts';
import { snapshotOf, type Resident } from './resident.ts';
import type { Residents } from './residents.ts';
import { retried } from './retried.ts';

export interface SnapshotsOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly fence: Fence;
  readonly writer: GroupWriter;
  readonly residents: Residents;
  readonly onFenced: () => void;
  /** Takes one line for the operator. */
  readonly report: (line: string) => void;
}

/** An actor that has changed: itself if it is in memory, as far as is known. */
export type Due = Resident | ActorKey;

/** Of a late one: on a busy host each slice mostly waits, for the log and for its own write. */
const slicesAtOnceLate = 4;
/** What is snapshot in one turn of the event loop, or one actor if it is larger. */
const sliceActors = 64;
const sliceBytes = 256 * 1024;

export class Snapshots {
  readonly #options: SnapshotsOptions;
  /** Those in memory; who has a snapshot since leaves a gap until the next checkpoint has ended. */
  #changed: (Resident | undefined)[] = [];
  /** Those that were not in memory, or broke, with the position of their latest change until then. */
  readonly #away = new Map<ActorKey, number>();
  /** Told already: several writes fail together. */
  #isFailing = false;
  #closed = false;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** The actors that have changed since their latest snapshot. */
  get due(): readonly Due[] {
    return [...this.#inMemory, ...this.#away.keys()];
  }

  get #inMemory(): Resident[] {
    return this.#changed.filter((resident) => resident !== undefined);
  }

  changed(resident: Resident, position: number): void {
    if (resident.changedAt === 0) resident.changedIndex = this.#changed.push(resident) - 1;
    resident.changedAt = position;
  }

  /** An actor has changed in the log that is read, and need not be in memory. */
  restored(actor: ActorKey, position: number): void {
    this.#away.set(actor, position);
  }

  /** A broken one leaves memory as it is, and will be built again. */
  left(resident: Resident): void {
    if (resident.changedAt === 0) return;
    this.#away.set(resident.key, resident.changedAt);
    this.#unlist(resident);
  }

  /** Writes snapshots of actors in memory, as they are now, once that is durable (S1). */
  async write(actors: readonly Resident[]): Promise<void> {
    const { writer, log, fence, residents, onFenced } = this.#options;
    const position = writer.staged;
    const snapshots = actors.map((resident) => {
      const snapshot = snapshotOf(resident, position);
      residents.sized(resident, snapshot.state.length);
      return snapshot;
    });
    if (!(await writer.settled()) || this.#closed || snapshots.length === 0) return;
    if ((await this.persist(() => log.saveSnapshots(fence, snapshots))) === 'fenced') {
      onFenced();
      return;
    }
    actors.forEach((resident, index) => {
      residents.saved(resident, snapshots[index]?.version ?? 0);
      this.#covered(resident, position);
    });
  }

  /** It may have changed meanwhile, and may just be built again because it broke on the next event. */
  #covered(resident: Resident, position: number): void {
    if (resident.changedAt !== 0 && resident.changedAt <= position) this.#unlist(resident);
    if (this.#away.size > 0 && (this.#away.get(resident.key) ?? position) <= position)
      this.#away.delete(resident.key);
  }

  #unlist(resident: Resident): void {
    this.#changed[resident.changedIndex] = undefined;
    resident.changedAt = 0;
  }

  /** The same for many, in slices that give way to other work: more at a time where it is `late`. */
  async writeAll(due: readonly Due[], late: () => boolean): Promise<void> {
    for (let from = 0; from < due.length && !this.#closed;) {
      const slices = this.#slices(due, from, late() ? slicesAtOnceLate : 1);
      from += slices.flat().length;
      await Promise.all(slices.map((slice) => this.#writeSlice(slice)));
      await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
    }
    this.#changed = this.#inMemory;
    this.#changed.forEach((resident, index) => {
      if (resident) resident.changedIndex = index;
    });
  }

  /** Those that are written together; an actor that is too large for a slice is alone in its turn. */
  #slices(due: readonly Due[], from: number, most: number): readonly (readonly Due[])[] {
    const slices: (readonly Due[])[] = [];
    for (let to = from; to < due.length && slices.length < most;) {
      const slice = this.#slice(due, to);
      const isLarge = slice.some((actor) => this.#bytesOf(actor) > sliceBytes);
      if (isLarge) return slices.length === 0 ? [slice] : slices;
      to += slice.length;
      slices.push(slice);
    }
    return slices;
  }

  /** All that still lack one, at a moment when all are in memory: while some come, one may break. */
  async #writeSlice(due: readonly Due[]): Promise<void> {
    const { residents } = this.#options;
    for (;;) {
      const still = due.filter((one) => this.#lacksSnapshot(one));
      if (still.length === 0) return;
      const away = still.filter((one) => this.#resident(one) === undefined);
      if (away.length === 0) return this.write(still.flatMap((one) => this.#resident(one) ?? []));
      await residents.load(away.map(keyOf));
    }
  }

  #lacksSnapshot(due: Due): boolean {
    return (typeof due !== 'string' && due.changedAt !== 0) || this.#away.has(keyOf(due));
  }

  /** As it is in memory now: who was there may have broken and come back. */
  #resident(due: Due): Resident | undefined {
    if (typeof due !== 'string' && due.changedAt !== 0) return due;
    return this.#options.residents.get(keyOf(due));
  }

  /** The actors from there on that are snapshot together. */
  #slice(due: readonly Due[], from: number): readonly Due[] {
    let bytes = 0;
    let to = from;
    for (; to < due.length && to < from + sliceActors; to++) {
      bytes += this.#bytesOf(due[to] as Due);
      if (to > from && bytes > sliceBytes) break;
    }
    return due.slice(from, to);
  }

  #bytesOf(due: Due): number {
    return this.#resident(due)?.bytes ?? 0;
  }

  /** Writing the same snapshot or checkpoint twice is harmless. */
  async persist(write: () => Promise<'ok' | 'fenced'>): Promise<'ok' | 'fenced'> {
    const { clock, fence, report } = this.#options;
    const onLasting = (error: unknown): void => {
      if (this.#isFailing) return;
      this.#isFailing = true;
      report(
        `partition ${fence.partition}: its snapshots and checkpoints cannot be written, which is ` +
          `tried again: ${String(error)}; nothing acknowledged is lost, but until they can, the log ` +
          `grows and recovery takes longer: see that Redis has memory and disk left`,
      );
    };
    const retrying = { clock, msMax: 1_000, isClosed: () => this.#closed, onLasting };
    const outcome = await retried(retrying, write);
    this.#isFailing = false;
    return outcome ?? 'ok';
  }

  close(): void {
    this.#closed = true;
  }
}

const keyOf = (due: Due): ActorKey => (typeof due === 'string' ? due : due.key);
