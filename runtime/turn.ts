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
import {
  recordAddress,
  type EventBody,
  type LogRecord,
  type Message,
  type Origin,
} from '../contracts/record.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Clock, Random } from './clock.ts';
import type { Caller, Command } from './command.ts';
import type { GroupWriter, Staged } from './group-writer.ts';
import type { Inbox } from './inbox.ts';
import type { Limits } from './limits.ts';
import type { Delivered, Outbox } from './outbox.ts';
import type { Publisher } from './publisher.ts';
import type { Reads } from './reads.ts';
import type { Known, Recall } from './recall.ts';
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

/** What a decision becomes, besides what the turn itself adds. */
interface Origins {
  readonly time: number;
  readonly id?: string;
  readonly hash?: string;
  readonly pending?: string;
  readonly from?: Origin;
  readonly trace?: string;
}

export class Turn {
  readonly #options: TurnOptions;
  #time = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
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
  command(command: Command, resident: Resident, known: Known): void {
    const { recall, reads, random } = this.#options;
    // 2 recall
    if (known.kind === 'under-way' && known.hash === command.hash) {
      known.callers.push(command.caller);
      return;
    }
    const answer = this.#recalled(command, known);
    if (answer) {
      reads.after(() => command.caller.answer(answer.text, answer.code));
      return;
    }
    // 3 decide
    const time = this.#next(0);
    const id = command.id === '' ? random.id(time) : command.id;
    const decision = this.#judge(command, resident, this.#context(command.actor, time, id));
    const refused = this.#unrecorded(decision);
    if (refused) {
      reads.after(() => answerWith(command.caller, refused));
      return;
    }
    // 4 evolve
    if (!this.#evolve(resident, decision.events)) {
      this.#quarantine(command, resident, id, time);
      return;
    }
    // 5 join
    const callers = [command.caller];
    const staged = this.#join(resident, decision, callers, {
      time,
      id,
      ...(command.id !== '' && { hash: command.hash }),
      ...(decision.reply === undefined && { pending: command.caller.subject }),
      ...(command.trace !== undefined && { trace: command.trace }),
    });
    recall.staged(staged);
  }

  /** Steps 3 to 5 for a message of another actor; one that fails throws. */
  message(message: Delivered, from: Origin, resident: Resident): void {
    const time = this.#next(message.time);
    const context = this.#context(message.to, time, '');
    const decision = resident.type.receive(stateOf(resident), message, context);
    this.#evolveOrThrow(resident, decision.events);
    this.#join(resident, decision, [], { time, from });
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
    reference.evolve(event);
    const confirmation = {
      to: value.actor,
      name: replicatedMessage,
      body: { version: value.version },
    };
    this.#time = time;
    const out = outbox.number([confirmation], writer.staged + 1);
    writer.stage(
      { time, actor: partitionKey(partition), version: 0, events: [event], out, from },
      [],
    );
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

  #judge(command: Command, resident: Resident, context: Context): Decision {
    try {
      return resident.type.decide(stateOf(resident), command.input, context);
    } catch (error) {
      this.#options.onFailure(command, error);
      return { events: [], reply: refusal('runtime/quarantined') };
    }
  }

  /** The refusal that answers a command without a record of its own, if it is to have none. */
  #unrecorded(decision: Decision): Reply | undefined {
    const { reply, effects } = decision;
    if (reply && !reply.ok && !isRecorded(reply.error.code)) {
      if (decision.events.length > 0)
        throw new Error(`${reply.error.code} is not recorded, but has events`);
      return reply;
    }
    const { recall, outbox } = this.#options;
    const busy =
      (reply === undefined && recall.full) || (effects?.send && outbox.full(effects.send));
    return busy ? refusal('runtime/busy') : undefined;
  }

  #evolve(resident: Resident, events: readonly EventBody[]): boolean {
    try {
      this.#evolveOrThrow(resident, events);
      return true;
    } catch {
      return false;
    }
  }

  #evolveOrThrow(resident: Resident, events: readonly EventBody[]): void {
    for (const event of events) resident.instance.evolve(event);
  }

  /** An event that the machine cannot take is our bug: the command is refused, the actor built again. */
  #quarantine(command: Command, resident: Resident, id: string, time: number): void {
    const { recall, onFailure, onBroken } = this.#options;
    onFailure(command, new Error('the machine could not take the events of this command'));
    const decision: Decision = { events: [], reply: refusal('runtime/quarantined') };
    const hash = command.id !== '' && { hash: command.hash };
    recall.staged(this.#join(resident, decision, [command.caller], { time, id, ...hash }));
    onBroken(resident);
  }

  /** Step 5: one record of the decision. */
  #join(resident: Resident, decision: Decision, callers: Caller[], origins: Origins): Staged {
    const { writer, onChanged } = this.#options;
    const { events, reply, effects } = decision;
    const position = writer.staged + 1;
    if (events.length > 0) {
      resident.version++;
      onChanged(resident.key, position);
    }
    this.#time = origins.time;
    const { time, id, hash, pending, from, trace } = origins;
    const out = this.#number(resident, decision, position);
    const record: LogRecord = {
      time,
      actor: resident.key,
      version: resident.version,
      ...(id !== undefined && { id }),
      ...(hash !== undefined && { hash }),
      ...(events.length > 0 && { events }),
      ...(reply && { reply }),
      ...(pending !== undefined && { pending }),
      ...(effects?.answers && { answers: this.#withHashes(resident.key, effects.answers) }),
      ...(out.length > 0 && { out }),
      ...(from && { from }),
      ...(effects?.external && { external: effects.external }),
      ...(trace !== undefined && { trace }),
    };
    return writer.stage(record, callers);
  }

  #number(resident: Resident, decision: Decision, position: number): Message[] {
    const { outbox, partitions } = this.#options;
    const { send = [], replicate } = decision.effects ?? {};
    if (replicate === undefined) return outbox.number(send, position);
    const body = { actor: resident.key, version: resident.version, value: replicate };
    const copies = Array.from({ length: partitions }, (_, partition) => ({
      to: partitionKey(partition),
      name: referenceMessage,
      body,
    }));
    return outbox.number([...send, ...copies], position);
  }

  #withHashes(
    actor: ActorKey,
    answers: readonly { id: string; reply: Reply }[],
  ): LogRecord['answers'] & {} {
    return answers.map(({ id, reply }) => {
      const hash = this.#options.recall.hashOf(actor, id);
      return { id, ...(hash !== undefined && { hash }), reply };
    });
  }
}

const refuse = (code: string, message?: string): { text: string; code: string } => ({
  text: encodeReply(refusal(code, message)),
  code,
});

const answerWith = (caller: Caller, reply: Reply): void =>
  caller.answer(encodeReply(reply), reply.ok ? undefined : reply.error.code);
