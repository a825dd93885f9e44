/** The parts behind one partition, put together: who tells whom what, and nothing else. */
import type { ActorKey } from '../contracts/ids.ts';
import type { LogRecord } from '../contracts/record.ts';
import { encodeReply, type Reply } from '../contracts/reply.ts';
import type { Subjects } from '../contracts/subjects.ts';
import type { SharedArchive } from './archive.ts';
import { Audit } from './audit.ts';
import type { Bus } from './bus.ts';
import { Checkpointer, type CheckpointState } from './checkpoint.ts';
import type { Clock, Random } from './clock.ts';
import type { ActorTypes, Caller, Command } from './command.ts';
import { DeadLetters } from './dead-letters.ts';
import { GroupWriter, type Loss, type Staged } from './group-writer.ts';
import { IdTable } from './id-table.ts';
import { Inbox } from './inbox.ts';
import { Intake } from './intake.ts';
import type { Limits } from './limits.ts';
import type { Fence, Log } from './log.ts';
import { LogSearch } from './log-search.ts';
import { Outbox, type Post } from './outbox.ts';
import { Passivation } from './passivation.ts';
import { Publisher } from './publisher.ts';
import { Reads } from './reads.ts';
import { Recall } from './recall.ts';
import { ReferenceData } from './reference-data.ts';
import { Residents } from './residents.ts';
import { Retention } from './retention.ts';
import { Retries } from './retries.ts';
import { Snapshots } from './snapshots.ts';
import { Supervision } from './supervision.ts';
import type { Meter, Tracer } from './telemetry.ts';
import { Timers } from './timers.ts';
import { Turn } from './turn.ts';

export interface PartitionOptions {
  readonly partition: number;
  readonly partitions: number;
  readonly idSeed: number;
  readonly fence: Fence;
  readonly log: Log;
  /** Where records go before they leave the log; without one none leaves it. */
  readonly archive?: SharedArchive | undefined;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  /** Whether records hold the commands that they answer, too. */
  readonly keepCommands?: boolean | undefined;
  readonly types: ActorTypes;
  readonly subjects: Subjects;
  readonly post: Post;
  readonly callerOf: (subject: string, since: number, trace: string | undefined) => Caller;
  readonly epochOf: (position: number) => Promise<number | undefined>;
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
  /** Takes one line for the operator. */
  readonly report: (line: string) => void;
  /** Another owns the partition now. */
  readonly onLost: () => void;
  /** Nothing may go on until an operator has looked. */
  readonly onHalted: (reason: string) => void;
  /** Something went wrong in memory: built again from its log, it may be right. */
  readonly onFailed: (reason: string) => void;
}

export interface Parts {
  readonly writer: GroupWriter;
  readonly recall: Recall;
  readonly residents: Residents;
  readonly reads: Reads;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly reference: ReferenceData;
  readonly publisher: Publisher;
  readonly supervision: Supervision;
  readonly timers: Timers;
  readonly deadLetters: DeadLetters;
  readonly snapshots: Snapshots;
  readonly checkpointer: Checkpointer;
  readonly passivation: Passivation;
  readonly retention: Retention;
  readonly turn: Turn;
  readonly search: LogSearch;
  readonly intake: Intake;
  readonly retries: Retries;
}

/** What the parts ask of the partition that they belong to. */
export interface Whole {
  /** Nothing may go on: the log, or what stands beside it, is not what it must be. */
  readonly halt: (reason: string) => void;
  /** What is in memory cannot be trusted any more. */
  readonly fail: (reason: string) => void;
  readonly isServing: () => boolean;
  /** Takes a command as if a client had sent it. */
  readonly submit: (command: Command) => void;
}

/** Makes the parts of a partition that begins with these checkpoints, newest first. */
export function assemble(
  options: PartitionOptions,
  checkpoints: readonly CheckpointState[],
  { halt, fail, isServing, submit }: Whole,
): Parts {
  const { fence, onLost } = options;
  const writer = new GroupWriter({
    ...options,
    events: {
      onDurable: (records, entry) => durable(records, entry),
      onLost: (loss) => (loss === 'fenced' ? onLost() : halt(reasons[loss])),
    },
  });
  const residents = new Residents({ ...options, writer, onCorrupt: halt });
  const shared = {
    ...options,
    writer,
    residents,
    supervision: new Supervision(options),
    timers: new Timers(options),
    deadLetters: new DeadLetters({ ...options, writer, residents, onFenced: onLost }),
    recall: new Recall({ ...options, writer, table: new IdTable(options.idSeed) }),
    reads: new Reads({ ...options, writer, onFenced: onLost }),
    outbox: new Outbox({ ...options, onDiverged: halt }),
    inbox: new Inbox(),
    reference: new ReferenceData(),
    publisher: new Publisher(options),
  };
  const search = new LogSearch(options);
  const snapshots = new Snapshots({ ...shared, onFenced: onLost });
  const checkpointer: Checkpointer = new Checkpointer({
    ...shared,
    snapshots,
    audit: new Audit({ ...options, residents, search }),
    onCorrupt: halt,
    lastTime: () => turn.time,
    retained: () => retention.save(),
    onFenced: onLost,
    onFailure: fail,
    restored: checkpoints,
  });
  const passivation = new Passivation({ ...shared, snapshots, onFailure: fail });
  const retention = new Retention({
    ...shared,
    recoveryFloor: () => checkpointer.floor,
    restored: checkpoints[0]?.retained,
    onFenced: onLost,
    onDiverged: () => halt(divergence),
  });
  const turn = new Turn({
    ...shared,
    epoch: fence.epoch,
    onChanged: (resident, position) => snapshots.changed(resident, position),
    onBroken: (resident) => {
      snapshots.left(resident);
      residents.rebuild(resident.key, () => recordsOf(resident.key));
    },
    onApplied: (command, reply, time) => void tellWhere(command, reply, time),
  });
  const retries = new Retries({ ...shared, turn, submit });
  const intake = new Intake({ ...shared, turn, isServing, onFailure: fail });

  function durable(records: readonly Staged[], entry: string): void {
    retention.durable(records);
    try {
      for (const staged of records) turn.durable(staged, entry);
    } catch (error) {
      fail(`what follows from durable records failed: ${String(error)}`);
    }
  }

  /** All records of one actor that no checkpoint covers, those under way included. */
  async function recordsOf(actor: ActorKey): Promise<readonly LogRecord[]> {
    if (!(await writer.settled())) return [];
    return search.recordsOf(actor, checkpointer.position + 1);
  }

  /** Without the address if nobody can say it now: it was applied all the same. */
  async function tellWhere(command: Command, reply: Reply, time: number): Promise<void> {
    const { actor, id, caller } = command;
    const through = writer.durable;
    const looked = search.full ? undefined : search.addressOf({ actor, id, time, through });
    const at = await looked?.catch(() => undefined);
    if (isServing()) caller.answer(encodeReply(reply, at), reply.ok ? undefined : reply.error.code);
  }

  const { recall, reads, outbox, inbox, reference, publisher } = shared;
  const { supervision, timers, deadLetters } = shared;
  return {
    writer,
    recall,
    residents,
    reads,
    outbox,
    inbox,
    reference,
    publisher,
    supervision,
    timers,
    deadLetters,
    snapshots,
    checkpointer,
    passivation,
    retention,
    turn,
    search,
    intake,
    retries,
  };
}

const divergence = 'the top of the log is not where its owner left it: records were lost or added';
const reasons: Record<Exclude<Loss, 'fenced'>, string> = {
  diverged: divergence,
  unreplicated:
    'its last records are in Redis, but fewer replicas have them than MILLRACE_REPLICAS asks for; ' +
    'restore the replicas, then restart the host',
};
