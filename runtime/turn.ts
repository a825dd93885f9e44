/**
 * The turn: how one command becomes events at the end of the log, or a recorded refusal there.
 *
 *   1 parse    the request follows its contract (command.ts, at the edge)
 *   2 recall   a known id gets its reply, joins those who wait for it, or is refused
 *   3 decide   pure: state, command, time and reference data in; events, reply, messages out
 *   4 evolve   the statechart takes the events; it is now ahead of the log
 *   5 join     the record joins the open group
 *   6 durable  the group is in the log: reply, publish, deliver
 *
 * Nothing leaves the partition before step 6; steps 3 to 5 happen without interruption.
 */
import type { Context, Decision, Incoming } from '../actors/actor.ts';
import type { ActorKey } from '../contracts/ids.ts';
import {
  recordAddress,
  type Deadline,
  type EventBody,
  type LogRecord,
  type Origin,
} from '../contracts/record.ts';
import type { Reply } from '../contracts/reply.ts';
import type { Clock, Random } from './clock.ts';
import { answer, type Command } from './command.ts';
import type { DeadLetters } from './dead-letters.ts';
import { Drafts, type Draft, type Origins } from './drafts.ts';
import { Failures, thrown, type Waiting } from './failures.ts';
import type { GroupWriter, Staged } from './group-writer.ts';
import type { IdKey } from './id-table.ts';
import type { Inbox } from './inbox.ts';
import type { Limits } from './limits.ts';
import type { EntryId } from './log.ts';
import type { Delivered, Outbox } from './outbox.ts';
import type { Publisher } from './publisher.ts';
import type { Reads } from './reads.ts';
import type { Known, Recall } from './recall.ts';
import type { ReferenceData } from './reference-data.ts';
import { refuse, Refusals, type Told } from './refusals.ts';
import { stateOf, type Resident } from './resident.ts';
import type { Parked, Supervision } from './supervision.ts';
import type { Meter, Tracer } from './telemetry.ts';
import type { Timer, Timers } from './timers.ts';
import { isSampled } from './traceparent.ts';

export interface TurnOptions {
  readonly partition: number;
  readonly partitions: number;
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly keepCommands?: boolean | undefined;
  readonly writer: GroupWriter;
  readonly recall: Recall;
  readonly reads: Reads;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly reference: ReferenceData;
  readonly publisher: Publisher;
  readonly supervision: Supervision;
  readonly timers: Timers;
  readonly deadLetters: DeadLetters;
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
  /** An actor has a version that no snapshot holds. */
  readonly onChanged: (resident: Resident, position: number) => void;
  /** The statechart failed half-way: its instance must be built again from the log. */
  readonly onBroken: (resident: Resident) => void;
  /** The actor applied the command at this time, says the reply; where, is to be looked up. */
  readonly onApplied: (command: Command, reply: Reply, time: number) => void;
}

/** A client's command, and what is known of its id. */
export interface Recalled {
  readonly command: Command;
  readonly key: IdKey | undefined;
  readonly known: Known;
  /** The events of the record that the command cites; an error if the actor fails on telling which. */
  readonly cited?: readonly EventBody[] | Error | undefined;
}

type Judged =
  | { readonly kind: 'recorded'; readonly draft: Draft }
  /** Told to the caller, and nothing else. */
  | { readonly kind: 'unrecorded'; readonly reply: Reply; readonly appliedAt?: number | undefined }
  | { readonly kind: 'failed'; readonly error: Error };

const messageOrigins = { id: undefined, hash: undefined, caller: undefined, trace: undefined };

export class Turn {
  readonly #options: TurnOptions;
  readonly #drafts: Drafts;
  readonly #failures: Failures;
  readonly #refusals: Refusals;
  readonly #reference: Context['reference'];
  #time = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
    this.#drafts = new Drafts(options);
    this.#refusals = new Refusals(options);
    this.#failures = new Failures({ ...options, join: this.#join.bind(this) });
    this.#reference = (actor) => options.reference.get(actor);
  }

  /** Goes on after the last record that recovery read. */
  resume(lastTime: number): void {
    this.#time = lastTime;
  }

  /** The time that a record would have now. */
  get now(): number {
    return this.#next(0);
  }

  /** The time of the last staged record. */
  get time(): number {
    return this.#time;
  }

  /** Steps 2 to 5 for a client's command, of whose id this is known. */
  command({ command, key, known, cited }: Recalled, resident: Resident): void {
    const { reads, random, supervision, onBroken, onApplied, meter, clock } = this.#options;
    const began = meter ? clock.monotonic() : 0;
    // 2 recall
    if (known.kind === 'under-way' && known.hash === command.hash) {
      known.callers.push(command.caller);
      return;
    }
    const told = this.#recalled(command, known) ?? this.#refusals.heldBack(command);
    if (told) {
      reads.after(() => command.caller.answer(told.text, told.code));
      return;
    }
    // 3 decide
    const time = this.#next(0);
    const id = command.id === '' ? random.id(time) : command.id;
    const origins: Origins = {
      time,
      id,
      hash: command.id === '' ? undefined : command.hash,
      // One that is retried stands where it was set aside.
      asked: command.retried === undefined ? command : undefined,
      caller: command.caller,
      trace: isSampled(command.trace) ? command.trace : undefined,
      span: command.span,
      from: undefined,
      retried: command.retried,
    };
    const judged = this.#judge({ command, cited }, resident, origins);
    if (judged.kind === 'unrecorded') {
      const { reply, appliedAt } = judged;
      if (appliedAt === undefined) reads.after(() => answer(command.caller, reply));
      else reads.after(() => onApplied(command, reply, appliedAt));
      return;
    }
    if (judged.kind === 'failed') {
      this.#failures.command({ command, key, origins }, resident, judged.error);
      return;
    }
    // 4 evolve
    const broken = this.#evolve(resident, judged.draft.decision.events);
    if (broken) {
      onBroken(resident);
      this.#failures.command({ command, key, origins }, resident, broken);
      return;
    }
    // 5 join
    const { caller, span } = command;
    const staged = this.#join(resident, judged.draft, { callers: [caller], key, span });
    if (command.retried !== undefined) supervision.evolve(staged.record, this.#at(staged));
    meter?.turn(clock.monotonic() - began);
  }

  /** Steps 3 to 5 for a message of another actor; one that fails, or has to wait, is parked. */
  message(message: Delivered, from: Origin, resident: Resident): void {
    const { supervision, inbox } = this.#options;
    const time = this.#next(message.time);
    const waits = supervision.mustWait(message.to, from.partition);
    const traced = this.#taken(message, from);
    const origins = { ...messageOrigins, ...traced, time, from, retried: undefined };
    const staged = waits ? undefined : this.#receive(message, resident, origins);
    if (staged === undefined || staged instanceof Error)
      this.#failures.message(message, resident, { ...traced, from, time, error: staged });
    inbox.staged(from);
  }

  /** Steps 3 to 5 for a deadline that has come; it stays set if the actor is halted. */
  deadline(timer: Timer, resident: Resident): void {
    const { timers, supervision } = this.#options;
    const time = this.#next(0);
    if (!timers.isSet(timer)) return;
    if (supervision.haltOf(timer.actor)) {
      timers.hold(timer);
      return;
    }
    if (time < timer.at) {
      timers.again(timer);
      return;
    }
    const deadline: Deadline = { name: timer.name, at: timer.at };
    const origins = { ...messageOrigins, time, from: undefined, retried: undefined };
    const staged = this.#react(resident, { ...origins, timer: deadline }, (context) =>
      resident.type.timer(stateOf(resident), deadline, context),
    );
    if (staged instanceof Error)
      this.#failures.deadline(deadline, resident, { time, error: staged });
  }

  /** Steps 3 to 5 for a parked message; why not, if its actor fails again: then it stays parked. */
  retry(parked: Parked, resident: Resident): Error | undefined {
    const { message, at, actor, from, trace } = parked;
    const time = this.#next(0);
    const traced = this.#taken({ to: actor, name: message.name, trace }, from);
    const retried = at.position;
    const origins = { ...messageOrigins, ...traced, time, from: undefined, retried };
    const staged = this.#receive(message, resident, origins);
    if (staged instanceof Error) return staged;
    this.#options.supervision.evolve(staged.record, this.#at(staged));
    return undefined;
  }

  /** An operator lets a halted actor go on. */
  release(resident: Resident): void {
    const { key: actor, version } = resident;
    const record: LogRecord = { time: this.#next(0), actor, version, resumed: true };
    const draft = { record, text: JSON.stringify(record) };
    const staged = this.#join(resident, draft, { callers: [] });
    this.#options.supervision.evolve(record, this.#at(staged));
  }

  /** Steps 3 to 5 for a value replicated to this partition itself. */
  reference(message: Delivered, from: Origin): void {
    const { reference, outbox, writer, inbox } = this.#options;
    const { span, trace } = this.#taken(message, from);
    const time = this.#next(message.time);
    const { record, text } = this.#drafts.reference({ ...message, trace }, from, time);
    const { events = [], out = [] } = record;
    for (const event of events) reference.evolve(event);
    this.#time = record.time;
    outbox.commit(out, writer.staged + 1);
    writer.stage({ record, text, callers: [], span });
    inbox.staged(from);
  }

  /** Step 6: the record is in the log. */
  durable(staged: Staged, entry: string): void {
    const { recall, publisher, outbox, inbox, partition, epoch } = this.#options;
    const at = recordAddress(partition, epoch, staged.position);
    staged.span?.recorded(epoch, staged.position);
    recall.durable(staged, at);
    publisher.durable(staged.record, at, staged.position);
    outbox.durable(staged, entry);
    if (staged.record.from) inbox.durable(staged.record.from);
    staged.span?.end(outcomeOf(staged.record));
  }

  /** The step of a message whose sender's step is traced, and what the record says of it. */
  #taken(
    { to, name, trace }: Pick<Delivered, 'to' | 'name' | 'trace'>,
    from: Origin,
  ): Pick<Origins, 'span' | 'trace'> {
    const { tracer, partition } = this.#options;
    if (trace === undefined) return untraced;
    const span = tracer?.take({ to, name, from, partition, trace });
    return { span, trace: span?.traceparent ?? trace };
  }

  /** The answer that a known id, or an id that can no longer be known, gets. */
  #recalled(command: Command, known: Known): Told | undefined {
    switch (known.kind) {
      case 'under-way':
        return refuse('runtime/id-conflict');
      case 'answered':
        return known.hash === command.hash ? known : refuse('runtime/id-conflict');
      case 'new':
        if (command.id === '') return undefined;
        if (this.#options.recall.idsFull) return refuse('runtime/busy');
        return this.#refusals.outOfWindow(command.id, this.now);
    }
  }

  #next(atLeast: number): number {
    return Math.max(this.#time, this.#options.clock.now(), atLeast);
  }

  #context(self: ActorKey, now: number, id: string): Context {
    const { partition, partitions, epoch, writer } = this.#options;
    const at = recordAddress(partition, epoch, writer.staged + 1);
    return { self, now, id, partitions, at, reference: this.#reference };
  }

  /** Step 3, and its record made ready: what fails up to here has changed nothing. */
  #judge(
    { command, cited }: Pick<Recalled, 'command' | 'cited'>,
    resident: Resident,
    origins: Origins,
  ): Judged {
    if (cited instanceof Error) return { kind: 'failed', error: cited };
    const plain = this.#context(command.actor, origins.time, origins.id ?? '');
    const context = cited ? { ...plain, cited } : plain;
    try {
      const decision = resident.type.decide(stateOf(resident), command.input, context);
      const reply = this.#refusals.unrecorded(decision);
      if (reply) return { kind: 'unrecorded', reply, appliedAt: decision.appliedAt };
      return { kind: 'recorded', draft: this.#drafts.draft(resident, decision, origins) };
    } catch (error) {
      return { kind: 'failed', error: thrown(error) };
    }
  }

  #receive(message: Incoming, resident: Resident, origins: Origins): Staged | Error {
    return this.#react(resident, origins, (context) =>
      resident.type.receive(stateOf(resident), message, context),
    );
  }

  /** Steps 3 to 5 for what no client sent; if the actor fails on it, it is as it was. */
  #react(
    resident: Resident,
    origins: Origins,
    judge: (context: Context) => Decision,
  ): Staged | Error {
    const context = this.#context(resident.key, origins.time, '');
    let draft: Draft;
    try {
      draft = this.#drafts.draft(resident, judge(context), origins);
    } catch (error) {
      return thrown(error);
    }
    const broken = this.#evolve(resident, draft.decision.events);
    const { span } = origins;
    if (broken === undefined) return this.#join(resident, draft, { callers: [], span });
    this.#options.onBroken(resident);
    return broken;
  }

  /** Step 4; what went wrong, if the machine could not take the events. */
  #evolve(resident: Resident, events: readonly EventBody[]): Error | undefined {
    try {
      for (const event of events) resident.instance.evolve(event);
      return undefined;
    } catch (error) {
      return new Error('the machine could not take the events', { cause: error });
    }
  }

  #at({ position }: Staged): EntryId {
    return { epoch: this.#options.epoch, position };
  }

  /** Step 5: from here on the record is on its way into the log. */
  #join(
    resident: Resident,
    { record, text }: Pick<Draft, 'record' | 'text'>,
    { callers, key, span }: Waiting,
  ): Staged {
    const { writer, outbox, timers, recall, onChanged } = this.#options;
    const position = writer.staged + 1;
    if (record.events) {
      resident.version = record.version;
      onChanged(resident, position);
    }
    this.#time = record.time;
    if (record.out) outbox.commit(record.out, position);
    timers.evolve(record);
    const staged = writer.stage({ record, text, callers, key, span });
    recall.staged(staged);
    return staged;
  }
}

const untraced = { span: undefined, trace: undefined };

/** What a record refuses; one that sets a message aside refuses nobody, but says so. */
const outcomeOf = ({ reply, failure }: LogRecord): string | undefined => {
  if (reply) return reply.ok ? undefined : reply.error.code;
  return failure && 'runtime/quarantined';
};
