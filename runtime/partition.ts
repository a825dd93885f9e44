/**
 * One partition, as its owner holds it: admission, and the parts behind the turn put together.
 *
 * Owns all state of the partition that is in memory; all of it can be rebuilt from the log. A
 * partition object serves one epoch: when the fence refuses it, it is closed and thrown away.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { LogRecord } from '../contracts/record.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Subjects } from '../contracts/subjects.ts';
import type { SharedArchive } from './archive.ts';
import type { Bus } from './bus.ts';
import { Checkpointer, type CheckpointState } from './checkpoint.ts';
import type { Clock, Random } from './clock.ts';
import type { ActorTypes, Caller, Command, Read } from './command.ts';
import { GroupWriter, type Staged } from './group-writer.ts';
import { IdTable } from './id-table.ts';
import { Inbox } from './inbox.ts';
import { Intake } from './intake.ts';
import type { Limits } from './limits.ts';
import type { Fence, Log } from './log.ts';
import { LogSearch } from './log-search.ts';
import { Outbox, type Delivery, type Post, type Received } from './outbox.ts';
import { Publisher } from './publisher.ts';
import { Reads } from './reads.ts';
import { Recall, type Logged } from './recall.ts';
import { LogDamaged, readCheckpoints, recover, type Recovered } from './recovery.ts';
import { ReferenceData } from './reference-data.ts';
import { Residents, stateOf, type Resident } from './residents.ts';
import { Retention } from './retention.ts';
import { Turn } from './turn.ts';

export interface PartitionOptions {
  readonly partition: number;
  readonly partitions: number;
  readonly idSeed: number;
  readonly fence: Fence;
  readonly top: number;
  /** Events up to here were published for certain. */
  readonly published: number;
  readonly log: Log;
  /** Where records go before they leave the log; without one none leaves it. */
  readonly archive?: SharedArchive | undefined;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly types: ActorTypes;
  readonly subjects: Subjects;
  readonly post: Post;
  readonly callerOf: (subject: string, since: number) => Caller;
  readonly epochOf: (position: number) => Promise<number | undefined>;
  /** Takes one line for the operator. */
  readonly report: (line: string) => void;
  /** Another owns the partition now. */
  readonly onLost: () => void;
  /** Nothing may go on until an operator has looked. */
  readonly onHalted: (reason: string) => void;
}

/** What `$SRV.STATS` tells of a partition. */
export interface PartitionStatus {
  readonly partition: number;
  readonly epoch: number;
  readonly position: number;
  /** Records staged and not yet durable. */
  readonly lag: number;
  readonly residents: number;
  readonly checkpoint: number;
  readonly recoveredRecords: number;
  readonly recoveredMs: number;
  /** The length of the log, and the consumer groups that have lost records because they lag too far. */
  readonly logBytes: number;
  readonly leftBehind?: readonly string[];
  readonly halted?: string;
}

type State =
  | { readonly kind: 'recovering' }
  | { readonly kind: 'serving' }
  | { readonly kind: 'stopping' }
  /** Something is wrong; whether with the partition or only with us is being found out. */
  | { readonly kind: 'halting' }
  | { readonly kind: 'halted'; readonly reason: string }
  | { readonly kind: 'closed' };

export class Partition {
  readonly #options: PartitionOptions;
  readonly #writer: GroupWriter;
  readonly #recall: Recall;
  readonly #residents: Residents;
  readonly #reads: Reads;
  readonly #outbox: Outbox;
  readonly #inbox = new Inbox();
  readonly #publisher: Publisher;
  readonly #checkpointer: Checkpointer;
  readonly #retention: Retention;
  readonly #turn: Turn;
  readonly #reference = new ReferenceData();
  #recovered: Recovered = { lastTime: 0, records: 0, ms: 0 };
  readonly #intake: Intake;
  readonly #search: LogSearch;
  #evicting = false;
  #state: State = { kind: 'recovering' };

  private constructor(options: PartitionOptions, checkpoints: readonly CheckpointState[]) {
    this.#options = options;
    const { fence, onLost } = options;
    const halt = (reason: string): void => this.#halt(reason);
    this.#writer = new GroupWriter({
      ...options,
      events: {
        onDurable: (records, entry) => this.#durable(records, entry),
        onLost: (loss) => (loss === 'fenced' ? onLost() : halt(divergence)),
      },
    });
    const writer = this.#writer;
    this.#recall = new Recall({ ...options, table: new IdTable(options.idSeed) });
    this.#residents = new Residents({ ...options, onCorrupt: halt });
    this.#reads = new Reads({ ...options, writer, onFenced: onLost });
    this.#outbox = new Outbox({ ...options, onDiverged: halt });
    this.#publisher = new Publisher({ ...options, confirmed: options.published });
    const shared = {
      ...options,
      writer,
      recall: this.#recall,
      reads: this.#reads,
      residents: this.#residents,
      outbox: this.#outbox,
      inbox: this.#inbox,
      reference: this.#reference,
      publisher: this.#publisher,
    };
    this.#checkpointer = new Checkpointer({
      ...shared,
      lastTime: () => this.#turn.time,
      retained: () => this.#retention.save(),
      onFenced: onLost,
      onFailure: halt,
      restored: checkpoints,
    });
    this.#retention = new Retention({
      ...shared,
      recoveryFloor: () => this.#checkpointer.floor,
      restored: checkpoints[0]?.retained,
      onFenced: onLost,
      onDiverged: () => halt(divergence),
    });
    this.#turn = new Turn({
      ...shared,
      epoch: fence.epoch,
      onChanged: (actor, position) => this.#checkpointer.changed(actor, position),
      onFailure: (command, error) => this.#setAside(command, error),
      onBroken: ({ key }) => this.#residents.rebuild(key, () => this.#recordsOf(key)),
    });
    this.#search = new LogSearch(options);
    this.#intake = new Intake({
      ...shared,
      turn: this.#turn,
      isServing: () => this.#state.kind === 'serving',
      onFailure: halt,
    });
  }

  /** Rebuilds a partition from its log; throws LogDamaged if the log cannot be trusted. */
  static async open(options: PartitionOptions): Promise<Partition> {
    const { log, partition, fence } = options;
    try {
      const checkpoints = await readCheckpoints(log, partition);
      const opened = new Partition(options, checkpoints);
      await opened.#recover(checkpoints[0]);
      return opened;
    } catch (error) {
      const [holds] = error instanceof LogDamaged ? await log.check([fence]) : [];
      throw holds === false ? new Error('another host took the partition meanwhile') : error;
    }
  }

  get status(): PartitionStatus {
    const { partition, fence } = this.#options;
    const { durable, staged } = this.#writer;
    const { leftBehind } = this.#retention;
    return {
      partition,
      epoch: fence.epoch,
      position: durable,
      lag: staged - durable,
      residents: this.#residents.size,
      checkpoint: this.#checkpointer.position,
      recoveredRecords: this.#recovered.records,
      recoveredMs: Math.round(this.#recovered.ms),
      logBytes: Math.round(this.#retention.bytes),
      ...(leftBehind.length > 0 && { leftBehind }),
      ...(this.#state.kind === 'halted' && { halted: this.#state.reason }),
    };
  }

  get publisher(): Publisher {
    return this.#publisher;
  }

  /** Takes a client's command; its caller is answered once. */
  submit(command: Command): void {
    const { caller } = command;
    switch (this.#state.kind) {
      case 'halted':
        answerNow(caller, refusal('runtime/halted', `Partition halted: ${this.#state.reason}`));
        return;
      case 'serving':
        break;
      case 'recovering':
      case 'stopping':
      case 'halting':
      case 'closed':
        return;
    }
    if (this.#busy()) {
      answerNow(caller, refusal('runtime/busy'));
      return;
    }
    this.#residents.with(command.actor, (resident) => this.#command(command, resident));
  }

  /** Answers a query. */
  read(read: Read): void {
    const { caller } = read;
    if (this.#state.kind !== 'serving') return;
    if (this.#reads.full || this.#residents.full) {
      answerNow(caller, refusal('runtime/busy'));
      return;
    }
    this.#residents.with(read.actor, (resident) => {
      const reply = attempt(() => read.query.read(stateOf(resident), read.body));
      this.#reads.after(() => answerNow(caller, reply));
    });
  }

  /** Takes messages of another partition; resolves when they are durable here. */
  receive(delivery: Delivery): Promise<Received> {
    return this.#intake.receive(delivery);
  }

  /** Publishes again what may have been lost with a connection. */
  republish(): void {
    void this.#publisher.repeat(this.#writer.durable);
  }

  /** Housekeeping; the host calls it several times a second. */
  tick(): void {
    if (this.#state.kind !== 'serving') return;
    this.#recall.expire();
    this.#checkpointer.tick();
    this.#retention.tick();
    if (this.#evicting) return;
    this.#residents.dropBlank();
    const changed = this.#residents.evict();
    if (changed.length === 0) return;
    this.#evicting = true;
    void this.#checkpointer.snapshot(changed.map(({ key }) => key)).finally(() => {
      this.#evicting = false;
      for (const resident of changed) this.#residents.drop(resident);
    });
  }

  /** Ends in good order: what was taken is finished, and a checkpoint makes the next start short. */
  async stop(): Promise<void> {
    if (this.#state.kind === 'serving') {
      await this.#writer.settled();
      if (this.#writer.durable > this.#checkpointer.position) await this.#checkpointer.run();
      this.#state = { kind: 'stopping' };
      await this.#writer.settled();
    }
    this.close();
  }

  /** Ends at once and forgets everything. */
  close(): void {
    if (this.#state.kind === 'closed') return;
    if (this.#state.kind !== 'halted') this.#state = { kind: 'closed' };
    this.#shut();
  }

  #shut(): void {
    this.#writer.close();
    this.#reads.close();
    this.#outbox.close();
    this.#publisher.close();
    this.#checkpointer.close();
    this.#retention.close();
    this.#residents.close();
    this.#intake.close();
  }

  async #recover(checkpoint: CheckpointState | undefined): Promise<void> {
    const onChanged = (record: LogRecord, position: number): void =>
      this.#checkpointer.changed(record.actor, position);
    this.#recovered = await recover(
      {
        ...this.#options,
        recall: this.#recall,
        residents: this.#residents,
        outbox: this.#outbox,
        inbox: this.#inbox,
        reference: this.#reference,
        onChanged,
        onEntry: (entry) => this.#retention.restore(entry),
      },
      checkpoint,
    );
    this.#turn.resume(this.#recovered.lastTime);
    this.#retention.restored(this.#recovered.lastTime);
    this.#state = { kind: 'serving' };
    this.#outbox.start();
    void this.#publisher.repeat(this.#options.top);
  }

  #busy(): boolean {
    return (
      this.#writer.full || this.#residents.full || this.#reads.full || this.#checkpointer.behind
    );
  }

  #command(command: Command, resident: Resident): void {
    const key = this.#recall.keyOf(command);
    const known = this.#recall.find(key);
    if (known.kind !== 'logged') this.#turn.command({ command, key, known }, resident);
    else if (this.#search.full) answerNow(command.caller, refusal('runtime/busy'));
    else void this.#askLog(command, known);
  }

  /** The id is known, or another's looks like it: the record tells. */
  async #askLog(command: Command, { positions }: Logged): Promise<void> {
    const known = await this.#search.known(command, positions).catch(() => undefined);
    if (this.#state.kind !== 'serving') return;
    if (known === undefined) {
      answerNow(command.caller, refusal('runtime/busy'));
      return;
    }
    this.#residents.with(command.actor, (resident) => {
      const key = this.#recall.keyOf(command);
      const now = this.#recall.find(key);
      this.#turn.command({ command, key, known: now.kind === 'logged' ? known : now }, resident);
    });
  }

  #durable(records: readonly Staged[], entry: string): void {
    this.#retention.durable(records);
    try {
      for (const staged of records) this.#turn.durable(staged, entry);
    } catch (error) {
      this.#halt(`what follows from durable records failed: ${String(error)}`);
    }
  }

  /** All records of one actor that no checkpoint covers, those under way included. */
  async #recordsOf(actor: ActorKey): Promise<readonly LogRecord[]> {
    if (!(await this.#writer.settled())) return [];
    return this.#search.recordsOf(actor, this.#checkpointer.position + 1);
  }

  #setAside(command: Command, error: unknown): void {
    const { log, fence } = this.#options;
    const { actor, id } = command;
    const payload = JSON.stringify({ name: command.name, body: command.body });
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // The refusal in the log is what counts; the letter is for the operator.
    void log.addDeadLetter(fence, { actor, id, payload, error: text }).catch(() => undefined);
  }

  /** Stops for good, and says so unless it was another owner's writing that looked like damage. */
  #halt(reason: string): void {
    switch (this.#state.kind) {
      case 'halting':
      case 'halted':
      case 'closed':
        return;
      case 'recovering':
      case 'serving':
      case 'stopping':
        this.#state = { kind: 'halting' };
        this.#shut();
        void this.#tellHalted(reason);
    }
  }

  async #tellHalted(reason: string): Promise<void> {
    const { log, fence, clock, onLost, onHalted } = this.#options;
    while (this.#state.kind === 'halting') {
      const [holds] = await log.check([fence]).catch(() => []);
      if (holds === undefined) {
        await new Promise<void>((resolve) => void clock.after(100, resolve));
      } else if (this.#state.kind === 'halting') {
        this.#state = holds ? { kind: 'halted', reason } : { kind: 'closed' };
        if (holds) onHalted(reason);
        else onLost();
      }
    }
  }
}

const divergence = 'the top of the log is not where its owner left it: records were lost or added';

const answerNow = (caller: Caller, reply: Reply): void =>
  caller.answer(encodeReply(reply), reply.ok ? undefined : reply.error.code);

/** A query that throws is our bug; it changed nothing. */
function attempt(read: () => Reply): Reply {
  try {
    return read();
  } catch {
    return refusal(
      'runtime/quarantined',
      'The query failed on the state of this actor; nothing was changed.',
    );
  }
}
