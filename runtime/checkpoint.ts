/**
 * Checkpoints: from where recovery has to read, and what it would otherwise have to look for before.
 *
 * A checkpoint is taken at a turn boundary, at staged position s, and written once s is durable and
 * every actor that changed at or before s has a durable snapshot (snapshots.ts). Owns from where
 * recovery from the two that are kept has to read.
 * Invariants:
 * K1  nothing of a state that is not durable is written (for snapshots see S1);
 * K2  recovery from the checkpoint plus the records after s gives the state that full replay gives;
 * K3  before any snapshot is replaced, one changed actor is built again from its snapshot and the log
 *     (audit.ts), unless the checkpoint is late: while memory and log differ, nothing is written, so
 *     nothing leaves the log either.
 */
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
import type { RetainedLog } from './retention.ts';
import { SealedIds, type SegmentName } from './sealed-ids.ts';
import type { Snapshots } from './snapshots.ts';
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
  readonly snapshots: Snapshots;
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
  /** An actor in memory is not what its log says (K3). */
  readonly onCorrupt: (reason: string) => void;
  /** The checkpoints that were found, newest first; recovery began with the first. */
  readonly restored: readonly CheckpointState[];
}

/** So many times the records after which it is begun, a checkpoint is late. */
const lateShare = 2;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #position: number;
  /** Where recovery from the kept checkpoints begins to read, newest first. */
  #readFrom: readonly number[];
  readonly #sealedIds: SealedIds;
  #lastAt: number;
  #running: Promise<void> | undefined;
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

  close(): void {
    this.#closed = true;
    this.#options.snapshots.close();
    this.#options.audit.close();
  }

  async #take(): Promise<void> {
    const { writer, inbox, outbox, reference, lastTime, limits } = this.#options;
    const { supervision, timers, deadLetters, audit, snapshots } = this.#options;
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
    const due = snapshots.due;
    const picked = this.#late ? undefined : audit.pick(due, position);
    if (picked && !(await this.#isSound(picked))) return;
    await snapshots.writeAll(due, () => this.#late);
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

  async #write(
    captured: Omit<CheckpointState, 'pending' | 'segments' | 'retained'>,
  ): Promise<void> {
    const { log, fence, recall, retained, snapshots, onFenced } = this.#options;
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
    if ((await snapshots.persist(() => log.saveCheckpoint(fence, checkpoint))) === 'fenced') {
      onFenced();
      return;
    }
    this.#position = position;
    this.#readFrom = [captured.readFrom, ...this.#readFrom.slice(0, 1)];
    this.#sealedIds.written(sealed);
  }
}
