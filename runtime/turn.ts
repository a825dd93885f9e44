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
import type { Context, Decision } from '../actors/actor.ts';
import { isRecorded } from '../contracts/codes.ts';
import type { ActorKey } from '../contracts/ids.ts';
import { recordAddress, type EventBody, type LogRecord, type Origin } from '../contracts/record.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Clock, Random } from './clock.ts';
import { answer, type Caller, type Command } from './command.ts';
import { Drafts, type Draft, type Origins } from './drafts.ts';
import type { GroupWriter, Staged } from './group-writer.ts';
import type { Inbox } from './inbox.ts';
import type { Limits } from './limits.ts';
import type { Delivered, Outbox } from './outbox.ts';
import type { Publisher } from './publisher.ts';
import type { Reads } from './reads.ts';
import type { IdKey, Known, Recall } from './recall.ts';
import {
  partitionKey,
  referenceEvent,
  referenceMessage,
  replicatedMessage,
  type ReferenceData,
  type ReferenceValue,
} from './reference-data.ts';
import { stateOf, type Resident } from './residents.ts';
import { timeOfId } from './uuid.ts';

export interface TurnOptions {
  readonly partition: number;
  readonly partitions: number;
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly writer: GroupWriter;
  readonly recall: Recall;
  readonly reads: Reads;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly reference: ReferenceData;
  readonly publisher: Publisher;
  /** An actor has a version that no snapshot holds. */
  readonly onChanged: (actor: ActorKey, position: number) => void;
  /** Judgement failed: the command is set aside for an operator. */
  readonly onFailure: (command: Command, error: unknown) => void;
  /** The statechart failed half-way: its instance must be built again from the log. */
  readonly onBroken: (resident: Resident) => void;
}

/** A client's command, and what is known of its id. */
export interface Recalled {
  readonly command: Command;
  readonly key: IdKey | undefined;
  readonly known: Known;
}

type Judged =
  | { readonly kind: 'recorded'; readonly draft: Draft }
  /** Told to the caller, and nothing else. */
  | { readonly kind: 'unrecorded'; readonly reply: Reply };

const messageOrigins = { id: undefined, hash: undefined, pending: undefined, trace: undefined };

const quarantined: Decision = { events: [], reply: refusal('runtime/quarantined') };

export class Turn {
  readonly #options: TurnOptions;
  readonly #drafts: Drafts;
  #time = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
    this.#drafts = new Drafts(options);
  }

  /** Goes on after the last record that recovery read. */
  resume(lastTime: number): void {
    this.#time = lastTime;
  }

  /** The time of the last staged record. */
  get time(): number {
    return this.#time;
  }

  /** Steps 2 to 5 for a client's command, of whose id this is known. */
  command({ command, key, known }: Recalled, resident: Resident): void {
    const { recall, reads, random, onFailure, onBroken } = this.#options;
    // 2 recall
    if (known.kind === 'under-way' && known.hash === command.hash) {
      known.callers.push(command.caller);
      return;
    }
    const told = this.#recalled(command, known);
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
      pending: command.caller.subject,
      trace: isSampled(command.trace) ? command.trace : undefined,
      from: undefined,
    };
    const judged = this.#judge(command, resident, origins);
    if (judged.kind === 'unrecorded') {
      reads.after(() => answer(command.caller, judged.reply));
      return;
    }
    // 4 evolve
    let { draft } = judged;
    const broken = this.#evolve(resident, draft.decision.events);
    if (broken) {
      onFailure(command, broken);
      draft = this.#drafts.draft(resident, quarantined, origins);
    }
    // 5 join
    recall.staged(this.#join(resident, draft, [command.caller], key));
    if (broken) onBroken(resident);
  }

  /** Steps 3 to 5 for a message of another actor; one that fails throws, and nothing has changed. */
  message(message: Delivered, from: Origin, resident: Resident): void {
    const time = this.#next(message.time);
    const context = this.#context(message.to, time, '');
    const decision = resident.type.receive(stateOf(resident), message, context);
    const draft = this.#drafts.draft(resident, decision, { ...messageOrigins, time, from });
    const broken = this.#evolve(resident, decision.events);
    if (broken) throw broken;
    this.#join(resident, draft, []);
    this.#options.inbox.staged(from);
  }

  /** Steps 3 to 5 for a value replicated to this partition itself. */
  reference(message: Delivered, from: Origin): void {
    const { reference, outbox, writer, inbox, partition } = this.#options;
    const time = this.#next(message.time);
    if (message.name !== referenceMessage)
      throw new Error(`no message "${message.name}" to a partition`);
    const value = message.body as ReferenceValue;
    const event = referenceEvent(value);
    const confirmation = {
      to: value.actor,
      name: replicatedMessage,
      body: { version: value.version },
    };
    const out = outbox.plan([confirmation]);
    const actor = partitionKey(partition);
    const record: LogRecord = { time, actor, version: 0, events: [event], out, from };
    const text = JSON.stringify(record);
    reference.evolve(event);
    this.#time = time;
    outbox.commit(out, writer.staged + 1);
    writer.stage({ record, text, callers: [] });
    inbox.staged(from);
  }

  /** Step 6: the record is in the log. */
  durable(staged: Staged, entry: string): void {
    const { recall, publisher, outbox, inbox, epoch } = this.#options;
    recall.durable(staged, epoch);
    publisher.durable(staged.record, epoch, staged.position);
    outbox.durable(staged, entry);
    if (staged.record.from) inbox.durable(staged.record.from);
  }

  /** The answer that a known id, or an id that can no longer be known, gets. */
  #recalled(command: Command, known: Known): { text: string; code?: string } | undefined {
    switch (known.kind) {
      case 'under-way':
        return refuse('runtime/id-conflict');
      case 'answered':
        return known.hash === command.hash ? known : refuse('runtime/id-conflict');
      case 'new':
        if (command.id === '') return undefined;
        return this.#options.recall.idsFull ? refuse('runtime/busy') : this.#tooOld(command.id);
    }
  }

  /** A UUIDv7 says when it was made: past the window it is refused for ever, known or not. */
  #tooOld(id: string): { text: string; code?: string } | undefined {
    const made = timeOfId(id);
    if (made === undefined) return undefined;
    const { clock, limits } = this.#options;
    const now = Math.max(this.#time, clock.now());
    if (made < now - (limits.windowMs - limits.idAheadMs)) return refuse('runtime/stale-command');
    if (made > now + limits.idAheadMs) {
      return refuse(
        'request/malformed',
        'The time in this UUIDv7 lies ahead. Set the clock that made it.',
      );
    }
    return undefined;
  }

  #next(atLeast: number): number {
    return Math.max(this.#time, this.#options.clock.now(), atLeast);
  }

  #context(self: ActorKey, now: number, id: string): Context {
    const { partition, partitions, epoch, writer, reference } = this.#options;
    return {
      self,
      now,
      id,
      partitions,
      at: recordAddress(partition, epoch, writer.staged + 1),
      reference: (actor) => reference.get(actor),
    };
  }

  /** Step 3, and its record made ready: what fails up to here has changed nothing. */
  #judge(command: Command, resident: Resident, origins: Origins): Judged {
    const { onFailure } = this.#options;
    const context = this.#context(command.actor, origins.time, origins.id ?? '');
    try {
      const decision = resident.type.decide(stateOf(resident), command.input, context);
      const reply = this.#unrecorded(decision);
      if (reply) return { kind: 'unrecorded', reply };
      return { kind: 'recorded', draft: this.#drafts.draft(resident, decision, origins) };
    } catch (error) {
      onFailure(command, error);
      return { kind: 'recorded', draft: this.#drafts.draft(resident, quarantined, origins) };
    }
  }

  /** The refusal that answers a command without a record of its own, if it is to have none. */
  #unrecorded({ reply, events, effects }: Decision): Reply | undefined {
    if (reply && !reply.ok && !isRecorded(reply.error.code)) {
      if (events.length > 0) throw new Error(`${reply.error.code} is not recorded, but has events`);
      return reply;
    }
    const { recall, outbox } = this.#options;
    const busy =
      (reply === undefined && recall.full) ||
      (effects?.send && outbox.full(effects.send)) ||
      (effects?.replicate !== undefined && outbox.anyFull);
    return busy ? refusal('runtime/busy') : undefined;
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

  /** Step 5: from here on the record is on its way into the log. */
  #join(resident: Resident, { record, text }: Draft, callers: Caller[], key?: IdKey): Staged {
    const { writer, outbox, onChanged } = this.#options;
    const position = writer.staged + 1;
    if (record.events) {
      resident.version = record.version;
      onChanged(resident.key, position);
    }
    this.#time = record.time;
    if (record.out) outbox.commit(record.out, position);
    return writer.stage({ record, text, callers, key });
  }
}

const refuse = (code: string, message?: string): { text: string; code: string } => ({
  text: encodeReply(refusal(code, message)),
  code,
});

/** The last bit of a traceparent's flags. */
const isSampled = (trace: string | undefined): trace is string =>
  trace !== undefined && Number.parseInt(trace.slice(-1), 16) % 2 === 1;
