/**
 * One partition, as its owner holds it: its life from recovery to its end.
 *
 * Owns, through its parts (parts.ts), all state of the partition that is in memory; all of it can be
 * rebuilt from the log. A partition object serves one epoch: when the fence refuses it, it is closed
 * and thrown away.
 */
import type { OperatorRequest } from '../contracts/operator.ts';
import { refusal } from '../contracts/reply.ts';
import { Admission } from './admission.ts';
import type { CheckpointState } from './checkpoint.ts';
import { answer, type Caller, type Command, type Read } from './command.ts';
import type { Delivery, Received } from './outbox.ts';
import { assemble, type PartitionOptions, type Parts } from './parts.ts';
import { statusOf, type PartitionStatus } from './partition-status.ts';
import type { Publisher } from './publisher.ts';
import { LogDamaged, readCheckpoints, Recovery, type Recovered } from './recovery.ts';

/** Where a partition's log ends as its owner record tells. */
export interface LogEnd {
  readonly top: number;
  /** Events up to here were published for certain. */
  readonly published: number;
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
  readonly #parts: Parts;
  readonly #admission: Admission;
  readonly #recovery: Recovery;
  /** The position of the checkpoint that recovery began with. */
  readonly #checkpoint: number;
  #recovered: Recovered = { lastTime: 0, records: 0, ms: 0 };
  #state: State = { kind: 'recovering' };

  private constructor(options: PartitionOptions, checkpoints: readonly CheckpointState[]) {
    this.#options = options;
    this.#parts = assemble(options, checkpoints, {
      halt: (reason) => this.#end(reason, 'halted'),
      fail: (reason) => this.#end(reason, 'failed'),
      isServing: () => this.#state.kind === 'serving',
      submit: (command) => this.submit(command),
    });
    this.#admission = new Admission(
      this.#parts,
      options.limits,
      () => this.#state.kind === 'serving',
    );
    this.#checkpoint = checkpoints[0]?.position ?? 0;
    this.#recovery = new Recovery(
      {
        ...options,
        ...this.#parts,
        onChanged: (record, position) => this.#parts.snapshots.restored(record.actor, position),
        onEntry: (entry) => this.#parts.retention.restore(entry),
      },
      checkpoints[0],
    );
  }

  /** Rebuilds a partition from its log; throws LogDamaged if the log cannot be trusted. */
  static async open(options: PartitionOptions, end: LogEnd): Promise<Partition> {
    return whileOwned(options, async () => {
      const opened = await Partition.#begun(options);
      await opened.serve(end);
      return opened;
    });
  }

  /**
   * Rebuilds a partition that another still owns, as far as its log goes by now; `options` has the
   * fence under which it will be served.
   */
  static async follow(options: PartitionOptions): Promise<Partition> {
    return whileOwned(options, async () => {
      const following = await Partition.#begun(options);
      await following.#recovery.follow();
      return following;
    });
  }

  static async #begun(options: PartitionOptions): Promise<Partition> {
    return new Partition(options, await readCheckpoints(options.log, options.fence.partition));
  }

  /**
   * Takes in what has been written since; false if the owner has taken a checkpoint meanwhile, for
   * then this one knows old segments and must be begun again. Asked first: what a newer checkpoint
   * covers may have left the log.
   */
  async followOn(): Promise<boolean> {
    const { log, partition } = this.#options;
    return whileOwned(this.#options, async () => {
      const [latest] = await readCheckpoints(log, partition);
      if ((latest?.position ?? 0) !== this.#checkpoint) return false;
      await this.#recovery.follow();
      return true;
    });
  }

  /**
   * Its fence held a moment ago: takes in the rest of the log, and begins to serve; throws LogDamaged
   * if the log cannot be trusted.
   */
  async serve({ top, published }: LogEnd): Promise<void> {
    const { writer, publisher, turn, retention, outbox, deadLetters } = this.#parts;
    this.#recovered = await whileOwned(this.#options, () => this.#recovery.end(top));
    writer.resume(top);
    publisher.resume(published);
    turn.resume(this.#recovered.lastTime);
    retention.restored(this.#recovered.lastTime);
    this.#state = { kind: 'serving' };
    outbox.start();
    deadLetters.start();
    this.#repeat(top);
  }

  get status(): PartitionStatus {
    return {
      ...statusOf(this.#options.fence, this.#parts, this.#recovered),
      ...(this.#state.kind === 'halted' && { halted: this.#state.reason }),
    };
  }

  get publisher(): Publisher {
    return this.#parts.publisher;
  }

  /** Takes a client's command; its caller is answered once. */
  submit(command: Command): void {
    const { caller } = command;
    switch (this.#state.kind) {
      case 'halted':
        answer(caller, refusal('runtime/halted', `Partition halted: ${this.#state.reason}`));
        return;
      case 'serving':
        this.#admission.submit(command);
        return;
      case 'recovering':
      case 'stopping':
      case 'halting':
      case 'closed':
    }
  }

  /** Whether clients that ask for more than a reply from memory have to wait. */
  get busy(): boolean {
    return this.#state.kind === 'serving' && this.#admission.busy;
  }

  /** Answers a query. */
  read(read: Read): void {
    if (this.#state.kind === 'serving') this.#admission.read(read);
  }

  /** Answers an operator about what was set aside here, or what is in memory. */
  attend(request: OperatorRequest, caller: Caller): void {
    if (this.#state.kind === 'serving') this.#admission.attend(request, caller);
  }

  /** Takes messages of another partition; resolves when they are durable here. */
  receive(delivery: Delivery): Promise<Received> {
    return this.#parts.intake.receive(delivery);
  }

  /** Publishes again what may have been lost with a connection. */
  republish(): void {
    this.#repeat(this.#parts.writer.durable);
  }

  /** Housekeeping; the host calls it several times a second. */
  tick(): void {
    if (this.#state.kind !== 'serving') return;
    this.#parts.writer.tick();
    this.#parts.recall.expire();
    this.#parts.checkpointer.tick();
    this.#parts.retention.tick();
    this.#parts.residents.dropBlank();
    this.#takeDeadlines();
    this.#parts.passivation.tick();
  }

  /** A bounded number, so that what clients send is not kept waiting when many come at once. */
  #takeDeadlines(): void {
    const { timers, residents, turn } = this.#parts;
    for (const timer of timers.due(turn.now, this.#admission.deadlinesAtOnce))
      residents.with(timer.actor, (resident) => turn.deadline(timer, resident));
  }

  /** Whether all that was taken is finished: durable, and answered unless its answer is deferred. */
  get idle(): boolean {
    const { writer, reads, residents, search, intake } = this.#parts;
    const settled = writer.staged === writer.durable;
    return settled && reads.idle && residents.idle && search.idle && intake.idle;
  }

  /**
   * Another owns it now, and answers for what the log knows: who waits and is not in it is told to ask
   * again, which says nothing of the state.
   */
  dismiss(): void {
    this.#parts.recall.dismiss();
  }

  /** Resolves when no checkpoint is under way. */
  checkpointed(): Promise<void> {
    return this.#parts.checkpointer.ended();
  }

  /** Ends in good order: what was taken is finished, and a checkpoint makes the next start short. */
  async stop(): Promise<void> {
    if (this.#state.kind === 'serving') {
      await this.#parts.writer.settled();
      if (this.#parts.writer.durable > this.#parts.checkpointer.position)
        await this.#parts.checkpointer.run();
      this.#state = { kind: 'stopping' };
      await this.#parts.writer.settled();
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
    this.#parts.writer.close();
    this.#parts.reads.close();
    this.#parts.outbox.close();
    this.#parts.publisher.close();
    this.#parts.deadLetters.close();
    this.#parts.checkpointer.close();
    this.#parts.retention.close();
    this.#parts.residents.close();
    this.#parts.intake.close();
  }

  #repeat(durable: number): void {
    this.#parts.publisher
      .repeat(durable)
      .catch((error: unknown) => this.#end(`its events: ${String(error)}`, 'failed'));
  }

  /** Stops for good, and says so unless it was another owner's writing that looked like damage. */
  #end(reason: string, how: 'halted' | 'failed'): void {
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
        void this.#tellEnded(reason, how);
    }
  }

  async #tellEnded(reason: string, how: 'halted' | 'failed'): Promise<void> {
    const { log, fence, clock, onLost, onHalted, onFailed } = this.#options;
    while (this.#state.kind === 'halting') {
      const [holds] = await log.check([fence]).catch(() => []);
      if (holds === undefined) {
        await new Promise<void>((resolve) => void clock.after(100, resolve));
      } else if (this.#state.kind === 'halting') {
        const halts = holds && how === 'halted';
        this.#state = halts ? { kind: 'halted', reason } : { kind: 'closed' };
        if (!holds) onLost();
        else if (how === 'halted') onHalted(reason);
        else {
          this.dismiss();
          onFailed(reason);
        }
      }
    }
  }
}

/** What another owner writes meanwhile looks like damage, and is none. */
async function whileOwned<T>({ log, fence }: PartitionOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const [holds] = error instanceof LogDamaged ? await log.check([fence]) : [];
    throw holds === false ? new Error('another host owns the partition') : error;
  }
}
