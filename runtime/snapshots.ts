/**
 * Writes snapshots of the actors that have changed: before they leave memory, or for a checkpoint.
 *
 * Owns the set of changed actors. Invariants:
 * S1  nothing of a state that is not durable is written: each snapshot waits for its own position;
 * S2  an actor stays in the set until a snapshot of its latest change is durable.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Clock } from './clock.ts';
import type { GroupWriter } from './group-writer.ts';
import type { Fence, Log } from './log.ts';
import { snapshotOf } from './resident.ts';
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

/** Of a late one: on a busy host each slice mostly waits, for the log and for its own write. */
const slicesAtOnceLate = 4;
/** What is snapshot in one turn of the event loop, or one actor if it is larger. */
const sliceActors = 64;
const sliceBytes = 256 * 1024;

export class Snapshots {
  readonly #options: SnapshotsOptions;
  /** Changed since their latest snapshot, with the position of the latest change. */
  readonly #changed = new Map<ActorKey, number>();
  /** Told already: several writes fail together. */
  #isFailing = false;
  #closed = false;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** The actors that have changed since their latest snapshot. */
  get due(): readonly ActorKey[] {
    return [...this.#changed.keys()];
  }

  changed(actor: ActorKey, position: number): void {
    this.#changed.set(actor, position);
  }

  /**
   * Writes snapshots of those of the actors that are in memory, as they are now, once that is
   * durable (S1). One that is not in memory left it with a snapshot of its last version, or broke: then
   * it is not counted as snapshot.
   */
  async write(actors: readonly ActorKey[]): Promise<void> {
    const { writer, log, fence, residents, onFenced } = this.#options;
    const taken = actors.flatMap((actor) => residents.get(actor) ?? []);
    const position = writer.staged;
    const snapshots = taken.map((resident) => {
      const snapshot = snapshotOf(resident, position);
      residents.sized(resident, snapshot.state.length);
      return snapshot;
    });
    if (!(await writer.settled()) || this.#closed || snapshots.length === 0) return;
    if ((await this.persist(() => log.saveSnapshots(fence, snapshots))) === 'fenced') {
      onFenced();
      return;
    }
    taken.forEach((resident, index) => {
      residents.saved(resident, snapshots[index]?.version ?? 0);
      // It may have changed meanwhile, and may just be built again because it broke on the next event.
      if ((this.#changed.get(resident.key) ?? 0) <= position) this.#changed.delete(resident.key);
    });
  }

  /** The same for many, in slices that give way to other work: more at a time where it is `late`. */
  async writeAll(due: readonly ActorKey[], late: () => boolean): Promise<void> {
    for (let from = 0; from < due.length && !this.#closed;) {
      const slices = this.#slices(due, from, late() ? slicesAtOnceLate : 1);
      from += slices.flat().length;
      await Promise.all(slices.map((slice) => this.#writeSlice(slice)));
      await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
    }
  }

  /** Those that are written together; an actor that is too large for a slice is alone in its turn. */
  #slices(due: readonly ActorKey[], from: number, most: number): readonly (readonly ActorKey[])[] {
    const slices: (readonly ActorKey[])[] = [];
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
  async #writeSlice(actors: readonly ActorKey[]): Promise<void> {
    const { residents } = this.#options;
    for (;;) {
      const still = actors.filter((actor) => this.#changed.has(actor));
      if (still.length === 0) return;
      const away = still.filter((actor) => residents.get(actor) === undefined);
      if (away.length === 0) return this.write(still);
      await residents.load(away);
    }
  }

  /** The actors from there on that are snapshot together. */
  #slice(due: readonly ActorKey[], from: number): readonly ActorKey[] {
    let bytes = 0;
    let to = from;
    for (; to < due.length && to < from + sliceActors; to++) {
      bytes += this.#bytesOf(due[to] as ActorKey);
      if (to > from && bytes > sliceBytes) break;
    }
    return due.slice(from, to);
  }

  #bytesOf(actor: ActorKey): number {
    return this.#options.residents.get(actor)?.bytes ?? 0;
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
