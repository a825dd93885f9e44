import type { DeadLetterRequest } from '../../contracts/dead-letter.ts';
import { accountActor } from '../../actors/account.ts';
import { actorKey, splitActorKey, type ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { defaultScales } from '../../contracts/money.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { decodeGroup, type LogRecord } from '../../contracts/record.ts';
import { subjectsUnder } from '../../contracts/subjects.ts';
import { SharedArchive, type Archive } from '../../runtime/archive.ts';
import { parseCommand, parseRead, type Caller } from '../../runtime/command.ts';
import { defaultLimits, type Limits } from '../../runtime/limits.ts';
import type { Entry, Group, Log } from '../../runtime/log.ts';
import { memoryArchive } from '../../runtime/memory/archive.ts';
import { memoryHub } from '../../runtime/memory/bus.ts';
import { manualClock, type ManualClock } from '../../runtime/memory/clock.ts';
import { memoryStore } from '../../runtime/memory/store.ts';
import type { Delivery, Received } from '../../runtime/outbox.ts';
import { Partition } from '../../runtime/partition.ts';
import type { PartitionOptions } from '../../runtime/parts.ts';
import { systemRandom } from '../../runtime/system-clock.ts';
import { intercepted, type Intercept } from './intercepted-log.ts';
import { patient } from './patient.ts';
import { purse } from './purse.ts';
import { rogue } from './rogue.ts';

/** What becomes of an append: it works, gets lost before or after the store has it, or comes late too. */
export type Fate = 'good' | 'lost' | 'unanswered' | 'late';

export interface RigOptions {
  readonly partitions?: number;
  readonly limits?: Partial<Limits>;
  readonly keepCommands?: boolean;
  readonly fate?: () => Fate;
  /** Stands between the partitions and the store. */
  readonly intercept?: Intercept;
  /** Stands before the archive; without it one that works, and limits that never use it. */
  readonly archive?: (archive: Archive) => Archive;
  /** Stands between two partitions. */
  readonly carry?: (hop: Hop, carryOut: () => Promise<Received>) => Promise<Received>;
}

/** A delivery on its way. */
export interface Hop extends Delivery {
  readonly to: number;
}

export interface CommandRequest {
  readonly actor: ActorKey;
  readonly name: string;
  readonly body?: Json;
  readonly id?: string | undefined;
  readonly trace?: string;
  /** It is a retry of the dead letter at this position. */
  readonly retried?: number;
}

export interface Answered {
  readonly text: string;
  readonly code: string | undefined;
}

/** Partitions of a cluster on the memory store, without hosts: each is opened and crashed by hand. */
export class Rig {
  readonly partitions: number;
  /** How far the wall clock was set back (negative) or ahead, in ms; the monotonic one goes on. */
  wallClockShift = 0;
  readonly #time = manualClock();
  readonly clock: ManualClock = shifted(this.#time, () => this.wallClockShift);
  readonly store = memoryStore(() => this.#time.now());
  readonly archive = memoryArchive();
  readonly #archive: SharedArchive;
  readonly open = new Map<number, Partition>();
  /** Owners that were replaced without knowing. */
  readonly former: Partition[] = [];
  readonly halted: string[] = [];
  readonly reported: string[] = [];
  /** Appends that a broken connection still holds. */
  readonly late: Group[] = [];
  readonly #hub = memoryHub({ clock: this.clock });
  readonly published: { subject: string; id: string; body: Json }[] = [];
  /** What was sent to reply subjects by a partition that found the caller in its log. */
  readonly sent: { subject: string; text: string }[] = [];
  readonly #options: RigOptions;
  readonly types = new Map(
    [purse, rogue, patient, accountActor(defaultScales)].map((type) => [type.type, type]),
  );
  readonly #random = systemRandom();
  #incarnation = 0;
  #callers = 0;

  constructor(options: RigOptions = {}) {
    this.#options = options;
    this.partitions = options.partitions ?? 4;
    this.#archive = new SharedArchive(options.archive?.(this.archive) ?? this.archive);
    const bus = this.#hub.connect();
    bus.subscribe('millrace.evt.>', (message) => {
      const body = JSON.parse(Buffer.from(message.payload).toString()) as Json;
      this.published.push({
        subject: message.subject,
        id: message.header('Nats-Msg-Id') ?? '',
        body,
      });
    });
  }

  get limits(): Limits {
    return { ...defaultLimits(this.partitions), ...this.#options.limits };
  }

  purse(id: string): ActorKey {
    return actorKey('purse', id);
  }

  /** The partition in which an actor lives. */
  home(actor: ActorKey): number {
    return partitionOf(actor, this.partitions);
  }

  /** Opens a partition under a new epoch; its former owner, if it has not crashed, does not know. */
  async start(partition: number): Promise<Partition> {
    const nonce = `n${++this.#incarnation}`;
    const lease = { partition, host: 'rig', nonce, group: nonce, leaseMs: 3_000 };
    this.clock.advance(3_001);
    const acquired = await this.store.leases.acquire(lease);
    if (acquired.kind !== 'acquired') throw new Error(`not acquired: ${acquired.kind}`);
    const { epoch } = acquired;
    const bus = this.#hub.connect();
    const replaced = this.open.get(partition);
    const options: PartitionOptions = {
      partition,
      partitions: this.partitions,
      idSeed: 7,
      fence: { partition, epoch, nonce },
      log: intercepted(this.#faulty(this.store.log), this.#options.intercept),
      archive: this.#archive,
      bus,
      clock: this.clock,
      random: this.#random,
      limits: this.limits,
      keepCommands: this.#options.keepCommands,
      types: this.types,
      subjects: subjectsUnder('millrace'),
      post: (to, delivery) => this.#post({ to, ...delivery }),
      callerOf: (subject, since) => ({
        since,
        subject,
        answer: (text) => void this.sent.push({ subject, text }),
      }),
      epochOf: (position) => this.store.leases.epochOf(partition, position),
      report: (line) => void this.reported.push(line),
      onLost: () => this.#lost(partition, epoch),
      onHalted: (reason) => void this.halted.push(reason),
      onFailed: (reason) => void this.halted.push(reason),
    };
    const opened = await Partition.open(options, acquired);
    if (replaced) this.former.push(replaced);
    this.open.set(partition, opened);
    return opened;
  }

  async startAll(): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) await this.start(partition);
  }

  /** As kill -9 does: memory is gone, what was sent may still arrive. */
  crash(partition: number): void {
    this.open.get(partition)?.close();
    this.open.delete(partition);
  }

  /** Sends a command to wherever its actor lives now; never settles if nobody answers. */
  command(actor: ActorKey, name: string, body: Json = {}, id?: string): Promise<Answered> {
    return this.submit(this.open.get(this.home(actor)), { actor, name, body, id });
  }

  /** The same to one owner, which may be a former one. */
  submit(owner: Partition | undefined, request: CommandRequest): Promise<Answered> {
    const { actor, name, body = {}, ...rest } = request;
    return new Promise((resolve) => {
      const subject = `reply.${++this.#callers}`;
      const since = this.clock.now();
      const caller: Caller = { subject, since, answer: (text, code) => resolve({ text, code }) };
      const { type } = splitActorKey(actor);
      const types = this.types;
      const json = { json: body };
      const about = { id: undefined, trace: undefined, ...rest };
      const parsed = parseCommand({ types, type, actor, name, body: json, ...about, caller });
      if (parsed.ok) owner?.submit(parsed.value);
      else resolve({ text: JSON.stringify(parsed.refused), code: parsed.refused.error.code });
    });
  }

  /** What an operator is told by the owner of a partition: the result, or the code of its refusal. */
  attend(partition: number, request: DeadLetterRequest): Promise<Json> {
    return new Promise((resolve) => {
      const caller: Caller = {
        subject: '',
        since: this.clock.now(),
        answer: (text, code) => resolve(code ?? (JSON.parse(text) as { result: Json }).result),
      };
      this.open.get(partition)?.attend(request, caller);
    });
  }

  /** The result of a query, or the code of its refusal. */
  read(actor: ActorKey, name: string, body: Json = {}): Promise<Json> {
    return new Promise((resolve) => {
      const caller: Caller = {
        subject: '',
        since: this.clock.now(),
        answer: (text, code) => resolve(code ?? (JSON.parse(text) as { result: Json }).result),
      };
      const payload = Buffer.from(JSON.stringify(body));
      const { type } = splitActorKey(actor);
      const parsed = parseRead({ types: this.types, type, actor, name, payload, caller });
      if (parsed.ok) this.open.get(this.home(actor))?.read(parsed.value);
    });
  }

  /** Lets everything run that can while the clock stands still. */
  async turns(count = 40): Promise<void> {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass and everything run that can. */
  async settle(rounds = 40): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(25);
    }
  }

  /** Waits for a promise while time passes; undefined if it does not settle in 10 s of the rig's time. */
  async within<T>(promise: Promise<T>): Promise<T | undefined> {
    let settled: { value: T } | undefined;
    void promise.then((value) => (settled = { value }));
    for (let round = 0; round < 400 && settled === undefined; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(25);
    }
    return settled?.value;
  }

  /** All that a partition ever wrote, archived or in its log, with the position of each record. */
  async records(partition: number): Promise<{ position: number; record: LogRecord }[]> {
    return (await this.entries(partition)).flatMap((entry) =>
      decodeGroup(entry.records).map((record, index) => ({
        position: entry.position + index,
        record,
      })),
    );
  }

  /** The same as entries; without epoch markers. */
  async entries(partition: number): Promise<Entry[]> {
    const retained = await this.store.log.read(partition, 1, 1_000_000);
    return [...(await this.#archivedBelow(partition, retained[0]?.position ?? 1)), ...retained];
  }

  async #archivedBelow(partition: number, end: number): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let next = 1; next < end;) {
      const slice = await this.archive.read(partition, next);
      const last = slice.at(-1);
      if (last === undefined) break;
      entries.push(...slice.filter(({ position }) => position < end));
      next = last.position + last.n;
    }
    return entries;
  }

  #lost(partition: number, epoch: number): void {
    const isLost = ({ status }: Partition): boolean =>
      status.partition === partition && status.epoch === epoch;
    for (const former of this.former.filter(isLost)) former.close();
    const opened = this.open.get(partition);
    if (opened && isLost(opened)) this.crash(partition);
  }

  async #post(hop: Hop): Promise<Received> {
    const carryOut = async (): Promise<Received> => {
      const target = this.open.get(hop.to);
      if (target === undefined) throw new Error('nobody is there');
      return target.receive(structuredClone({ from: hop.from, messages: hop.messages }));
    };
    const { carry } = this.#options;
    return carry ? carry(hop, carryOut) : carryOut();
  }

  #faulty(log: Log): Log {
    return {
      ...log,
      append: async (group) => {
        switch (this.#options.fate?.() ?? 'good') {
          case 'good':
            return log.append(group);
          case 'lost':
            throw new Error('the connection broke');
          case 'unanswered':
            await log.append(group);
            throw new Error('the connection broke before the answer');
          case 'late':
            this.late.push(group);
            throw new Error('the connection broke, the group is still under way');
        }
      },
    };
  }
}

const shifted = (clock: ManualClock, shift: () => number): ManualClock => ({
  ...clock,
  now: () => clock.now() + shift(),
});
