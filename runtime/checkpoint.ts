/**
 * Checkpoints: from where recovery has to read, and what it would otherwise have to look for before.
 *
 * A checkpoint is taken at a turn boundary, at staged position s, and written once s is durable and
 * every actor that changed at or before s has a durable snapshot. Owns the set of changed actors.
 * Invariants:
 * K1  nothing of a state that is not durable is written: each snapshot waits for its own position;
 * K2  recovery from the checkpoint plus the records after s gives the state that full replay gives;
 * K3  before any snapshot is replaced, one changed actor is built again from its snapshot and the log
 *     (audit.ts), unless the checkpoint is late: while memory and log differ, nothing is written, so
 *     nothing leaves the log either.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Audit, Picked } from './audit.ts';
import type { Clock } from './clock.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { GroupWriter } from './group-writer.ts';
import type { Inbox, SavedIncoming } from './inbox.ts';
import type { Limits } from './limits.ts';
import type { DeadLetter, Fence, Log } from './log.ts';
import type { Outbox, SavedOutgoing } from './outbox.ts';
import type { PendingCommand, Recall } from './recall.ts';
import type { ReferenceData, SavedReference } from './reference-data.ts';
import { snapshotOf } from './resident.ts';
import type { Residents } from './residents.ts';
import type { RetainedLog } from './retention.ts';
import { retried } from './retried.ts';
import { SealedIds, type SegmentName } from './sealed-ids.ts';
import type { SavedSupervision, Supervision } from './supervision.ts';
import type { SavedTimer, Timers } from './timers.ts';

/** What a checkpoint holds, as JSON. */
export interface CheckpointState {
  readonly format: 1;
  /** Recovery replays the records after this position. */
  readonly position: number;
  /** The time of the record at `position`. */
  readonly time: number;
  /** Recovery reads from here for messages that were not yet acknowledged and are not in it. */
  readonly readFrom: number;
  readonly outgoing: readonly SavedOutgoing[];
  readonly incoming: readonly SavedIncoming[];
  readonly pending: readonly PendingCommand[];
  readonly reference: readonly SavedReference[];
  readonly segments: readonly SegmentName[];
  /** Absent in checkpoints of hosts that halted a partition with its first failing message. */
  readonly supervision?: SavedSupervision;
  /** Absent in checkpoints of hosts that had no timers. */
  readonly timers?: readonly SavedTimer[];
  /** Not yet written when the checkpoint was taken. */
  readonly deadLetters?: readonly DeadLetter[];
  /** How long the log was; absent in checkpoints of hosts that did not count it. */
  readonly retained?: RetainedLog;
}

export interface CheckpointerOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly fence: Fence;
  readonly writer: GroupWriter;
  readonly residents: Residents;
  readonly audit: Audit;
  readonly recall: Recall;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly reference: ReferenceData;
  readonly supervision: Supervision;
  readonly timers: Timers;
  readonly deadLetters: DeadLetters;
  readonly lastTime: () => number;
  readonly retained: () => RetainedLog;
  readonly onFenced: () => void;
  readonly onFailure: (reason: string) => void;
  /** Takes one line for the operator. */
  readonly report: (line: string) => void;
  /** An actor in memory is not what its log says (K3). */
  readonly onCorrupt: (reason: string) => void;
  /** The checkpoints that were found, newest first; recovery began with the first. */
  readonly restored: readonly CheckpointState[];
}

/** So many times the records after which it is begun, a checkpoint is late. */
const lateShare = 2;
/** Of a late one: on a busy host each slice mostly waits, for the log and for its own write. */
const slicesAtOnceLate = 4;
/** What is snapshot in one turn of the event loop, or one actor if it is larger. */
const sliceActors = 64;
const sliceBytes = 256 * 1024;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** Changed since their latest snapshot, with the position of the latest change. */
  readonly #changed = new Map<ActorKey, number>();
  #position: number;
  /** Where recovery from the kept checkpoints begins to read, newest first. */
  #readFrom: readonly number[];
  readonly #sealedIds: SealedIds;
  #lastAt: number;
  #running: Promise<void> | undefined;
  /** Told already: several writes fail together. */
  #isFailing = false;
  #closed = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    const { restored, recall, limits, fence } = options;
    this.#position = restored[0]?.position ?? 0;
    this.#readFrom = restored.map(({ readFrom }) => readFrom);
    const { epoch } = fence;
    this.#sealedIds = new SealedIds({ table: recall.table, limits, epoch, restored });
    this.#lastAt = options.clock.monotonic();
  }

  /** Up to here recovery would not have to replay. */
  get position(): number {
    return this.#position;
  }

  /** The first position that recovery may need: 1 until there are two checkpoints to begin from. */
  get floor(): number {
    return this.#readFrom.length < 2 ? 1 : Math.min(...this.#readFrom);
  }

  /** Whether so much has happened since the last checkpoint that admission must wait. */
  get behind(): boolean {
    return this.#options.writer.staged - this.#position >= this.#options.limits.tailRecordsMax;
  }

  /** Since the last checkpoint ended, or this owner began, if there is anything that it lacks. */
  get ageMs(): number {
    const { writer, clock } = this.#options;
    return writer.durable > this.#position ? clock.monotonic() - this.#lastAt : 0;
  }

  /** Whether more has happened since the last checkpoint than there should before the next. */
  get #late(): boolean {
    const { writer, limits } = this.#options;
    return writer.staged - this.#position > lateShare * limits.checkpointRecords;
  }

  changed(actor: ActorKey, position: number): void {
    this.#changed.set(actor, position);
  }

  /** Begins a checkpoint if one is due. */
  tick(): void {
    const { writer, limits, clock } = this.#options;
    const records = writer.durable - this.#position;
    const waitedMs = clock.monotonic() - this.#lastAt;
    const due =
      records >= limits.checkpointRecords ||
      (waitedMs >= this.#pauseMs && records >= limits.checkpointRecordsMin) ||
      (waitedMs >= limits.checkpointMs && records > 0);
    if (due) void this.run();
  }

  /** Not the same in all partitions, so that a host does not write all its checkpoints at once. */
  get #pauseMs(): number {
    const { limits, fence } = this.#options;
    return limits.checkpointPauseMs * (1 + (fence.partition % 16) / 16);
  }

  /** Takes a checkpoint; joins one that is under way. */
  run(): Promise<void> {
    this.#running ??= this.#take()
      .catch((error: unknown) => this.#options.onFailure(`a checkpoint failed: ${String(error)}`))
      .finally(() => {
        this.#running = undefined;
        this.#lastAt = this.#options.clock.monotonic();
      });
    return this.#running;
  }

  /** Resolves when no checkpoint is under way. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /**
   * Writes snapshots of those of the actors that are in memory, as they are now, once that is
   * durable (K1). One that is not in memory left it with a snapshot of its last version, or broke: then
   * it is not counted as snapshot.
   */
  async snapshot(actors: readonly ActorKey[]): Promise<void> {
    const { writer, log, fence, residents, onFenced } = this.#options;
    const taken = actors.flatMap((actor) => residents.get(actor) ?? []);
    const position = writer.staged;
    const snapshots = taken.map((resident) => {
      const snapshot = snapshotOf(resident, position);
      residents.sized(resident, snapshot.state.length);
      return snapshot;
    });
    if (!(await writer.settled()) || this.#closed || snapshots.length === 0) return;
    if ((await this.#persist(() => log.saveSnapshots(fence, snapshots))) === 'fenced') {
      onFenced();
      return;
    }
    taken.forEach((resident, index) => {
      residents.saved(resident, snapshots[index]?.version ?? 0);
      // It may have changed meanwhile, and may just be built again because it broke on the next event.
      if ((this.#changed.get(resident.key) ?? 0) <= position) this.#changed.delete(resident.key);
    });
  }

  close(): void {
    this.#closed = true;
    this.#options.audit.close();
  }

  async #take(): Promise<void> {
    const { writer, inbox, outbox, reference, lastTime, limits } = this.#options;
    const { supervision, timers, deadLetters, audit } = this.#options;
    const position = writer.staged;
    const { channels, oldest } = outbox.save(position + 1 - limits.tailRecordsMax);
    const captured = {
      format: 1 as const,
      position,
      time: lastTime(),
      readFrom: Math.min(oldest ?? position + 1, position + 1),
      outgoing: channels,
      incoming: inbox.save(),
      supervision: supervision.save(),
      timers: timers.save(),
      deadLetters: deadLetters.save(),
      reference: reference.save(),
    };
    const due = [...this.#changed.keys()];
    const picked = this.#late ? undefined : audit.pick(due, position);
    if (picked && !(await this.#isSound(picked))) return;
    await this.#snapshotAll(due);
    if ((await writer.settled()) && !this.#closed) await this.#write(captured);
  }

  /** K3. */
  async #isSound(picked: Picked): Promise<boolean> {
    const { writer, audit, onCorrupt } = this.#options;
    if (!(await writer.settled()) || this.#closed) return false;
    const difference = await audit.difference(picked, this.#position);
    if (difference === undefined) return !this.#closed;
    onCorrupt(
      `${difference}; its memory has failed, or the actor depends on more than its events: no ` +
        `snapshot was written and nothing trimmed; restart the host to build it from the log`,
    );
    return false;
  }

  async #snapshotAll(due: readonly ActorKey[]): Promise<void> {
    for (let from = 0; from < due.length && !this.#closed;) {
      const slices = this.#slices(due, from);
      from += slices.flat().length;
      await Promise.all(slices.map((slice) => this.#snapshotSlice(slice)));
      await new Promise<void>((resolve) => this.#options.clock.soon(resolve));
    }
  }

  /** Those that are written together; an actor that is too large for a slice is alone in its turn. */
  #slices(due: readonly ActorKey[], from: number): readonly (readonly ActorKey[])[] {
    const slices: (readonly ActorKey[])[] = [];
    const most = this.#late ? slicesAtOnceLate : 1;
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
  async #snapshotSlice(actors: readonly ActorKey[]): Promise<void> {
    const { residents } = this.#options;
    for (;;) {
      const still = actors.filter((actor) => this.#changed.has(actor));
      if (still.length === 0) return;
      const away = still.filter((actor) => residents.get(actor) === undefined);
      if (away.length === 0) return this.snapshot(still);
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

  async #write(
    captured: Omit<CheckpointState, 'pending' | 'segments' | 'retained'>,
  ): Promise<void> {
    const { log, fence, recall, retained, onFenced } = this.#options;
    const { position, time } = captured;
    const sealed = this.#sealedIds.seal(position, time);
    const { segments, add, drop } = sealed;
    const state: CheckpointState = {
      ...captured,
      pending: recall.pending(position),
      segments,
      retained: retained(),
    };
    const checkpoint = {
      text: JSON.stringify(state),
      position,
      ...(add && { add }),
      drop,
    };
    if ((await this.#persist(() => log.saveCheckpoint(fence, checkpoint))) === 'fenced') {
      onFenced();
      return;
    }
    this.#position = position;
    this.#readFrom = [captured.readFrom, ...this.#readFrom.slice(0, 1)];
    this.#sealedIds.written(sealed);
  }

  /** Writing the same snapshot or checkpoint twice is harmless. */
  async #persist(write: () => Promise<'ok' | 'fenced'>): Promise<'ok' | 'fenced'> {
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
}
