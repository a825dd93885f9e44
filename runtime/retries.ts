/**
 * What an operator asks of a partition: to see what its actors failed on, and to have it retried.
 *
 * Owns no state. A retry may be asked for again: the record of what it carries out names what it had
 * set aside, so a command runs once (a repeat gets its reply) and a message is applied once.
 */
import type {
  DeadLetterRequest,
  Drained,
  HaltLine,
  Letter,
  LetterLine,
  LetterList,
} from '../contracts/dead-letter.ts';
import { formerRetryId, retryId, typeOf, type ActorKey } from '../contracts/ids.ts';
import type { Json } from '../contracts/json.ts';
import { parseRecordAddress, recordAddress, type Aside } from '../contracts/record.ts';
import { refusal, success, type Reply } from '../contracts/reply.ts';
import { answer, parseCommand, type ActorTypes, type Caller, type Command } from './command.ts';
import { errorText } from './failures.ts';
import type { GroupWriter } from './group-writer.ts';
import { compareEntries, type DeadLetter, type EntryId, type Log } from './log.ts';
import type { Reads } from './reads.ts';
import type { Recall } from './recall.ts';
import type { Resident } from './resident.ts';
import type { Residents } from './residents.ts';
import type { Halt, Parked, Supervision } from './supervision.ts';
import type { Turn } from './turn.ts';
import type { z } from 'zod';

export interface RetriesOptions {
  readonly partition: number;
  readonly log: Log;
  readonly types: ActorTypes;
  readonly writer: GroupWriter;
  readonly reads: Reads;
  readonly recall: Recall;
  readonly residents: Residents;
  readonly supervision: Supervision;
  readonly turn: Turn;
  /** As a client's command comes in. */
  readonly submit: (command: Command) => void;
}

/** Letters of one page, each with at most the first line of its error. */
const pageLetters = 50;
const haltsMax = 200;
const lineLengthMax = 200;
/** Messages that are applied before others get their turn. */
const sliceMessages = 64;

/** A retry of an actor on its way. */
interface Draining {
  readonly actor: ActorKey;
  readonly caller: Caller;
  /** By the partition that sent the message on which the actor failed again. */
  readonly failed: Map<number, { readonly at: string; readonly error: string }>;
  begun: boolean;
  resumed: boolean;
  applied: number;
}

export class Retries {
  readonly #options: RetriesOptions;

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /** Answers a request, once; the answer holds for the owner of the partition (see reads.ts). */
  handle(request: DeadLetterRequest, caller: Caller): void {
    switch (request.verb) {
      case 'list':
        this.#tell(caller, this.#list(request.after));
        return;
      case 'show':
        this.#tell(caller, this.#show(request.at));
        return;
      case 'retry':
        if (request.actor !== undefined) this.#retryActor(request.actor, caller);
        else if (request.at !== undefined) void this.#retry(request.at, caller);
    }
  }

  /** The store may not answer: asked again it will. */
  #tell(caller: Caller, reply: Promise<Reply>): void {
    void reply
      .catch(() => refusal('runtime/busy'))
      .then((told) => this.#options.reads.after(() => answer(caller, told)));
  }

  async #list(after: string | undefined): Promise<Reply> {
    const { log, partition, supervision } = this.#options;
    const from = after === undefined ? 0 : parseRecordAddress(after).position;
    const all = [
      ...supervision.letters.map((at) => ({ at, parked: undefined })),
      ...supervision.parked().map((parked) => ({ at: parked.at, parked })),
    ];
    const rest = all
      .filter(({ at }) => at.position > from)
      .toSorted((one, other) => one.at.position - other.at.position);
    const page = rest.slice(0, pageLetters);
    const letters = await Promise.all(
      page.map(async ({ at, parked }) => {
        if (parked) return [this.#lineOf(parked)];
        const letter = await log.deadLetter(partition, at);
        return letter ? [this.#lineOfLetter(letter)] : [];
      }),
    );
    const last = rest.length > page.length ? page.at(-1) : undefined;
    const halts = after === undefined ? supervision.halted.slice(0, haltsMax) : [];
    const list: z.infer<typeof LetterList> = {
      halted: halts.map((halt) => this.#haltLine(halt)),
      letters: letters.flat(),
      ...(last && { next: this.#address(last.at) }),
    };
    return success(list as Json);
  }

  async #show(address: string): Promise<Reply> {
    const { log, partition } = this.#options;
    const at = this.#entryId(address);
    const parked = at && this.#parkedAt(at);
    const letter = at && (await log.deadLetter(partition, at));
    if (letter === undefined && parked === undefined) return refusal('dead-letter/unknown');
    const line = parked ? this.#lineOf(parked) : letter && this.#lineOfLetter(letter);
    const aside = parked?.message ?? (letter && payloadOf(letter));
    const shown = {
      ...line,
      ...aside,
      ...(letter && {
        version: letter.version,
        stateHash: letter.stateHash,
        error: letter.error,
        ...(letter.trace !== '' && { trace: letter.trace }),
      }),
    };
    return success(shown as z.infer<typeof Letter> as Json);
  }

  async #retry(address: string, caller: Caller): Promise<void> {
    const { log, partition } = this.#options;
    const at = this.#entryId(address);
    const parked = at && this.#parkedAt(at);
    if (parked) {
      this.#retryActor(parked.actor, caller);
      return;
    }
    const letter = at && (await log.deadLetter(partition, at).catch(() => 'unread' as const));
    if (letter === 'unread') this.#tell(caller, Promise.resolve(refusal('runtime/busy')));
    else if (letter === undefined)
      this.#tell(caller, Promise.resolve(refusal('dead-letter/unknown')));
    else if (letter.id === '') this.#retryActor(letter.actor, caller);
    else this.#retryCommand(letter, caller);
  }

  /** A command of its own, with an id that is the letter's: it runs once, whoever repeats it. */
  #retryCommand(letter: DeadLetter, caller: Caller): void {
    const { types, submit } = this.#options;
    const { actor, at } = letter;
    const { name, body } = payloadOf(letter);
    const command = parseCommand({
      types,
      type: typeOf(actor),
      actor,
      name,
      body: { json: body },
      id: retryId(this.#address(at)),
      trace: letter.trace === '' ? undefined : letter.trace,
      caller,
      retried: at.position,
    });
    if (command.ok) submit(this.#asRetried(command.value, at));
    else this.#tell(caller, Promise.resolve(command.refused));
  }

  /** What a host of an earlier version has retried is known by the id that it gave. */
  #asRetried(command: Command, at: EntryId): Command {
    const { supervision, recall } = this.#options;
    const isOurs =
      supervision.isOpen(at.position) || recall.find(recall.keyOf(command)).kind !== 'new';
    return isOurs ? command : { ...command, id: formerRetryId(this.#address(at)) };
  }

  #retryActor(actor: ActorKey, caller: Caller): void {
    const { supervision, residents } = this.#options;
    const draining = { actor, caller, failed: new Map(), begun: false, resumed: false, applied: 0 };
    const idle = !supervision.haltOf(actor) && supervision.parked(actor).length === 0;
    if (idle) this.#drained(draining);
    else residents.with(actor, (resident) => this.#drain(draining, resident));
  }

  /** Applies parked messages in their order, those of a channel up to the first that fails again. */
  #drain(draining: Draining, resident: Resident): void {
    const { supervision, residents, turn, writer } = this.#options;
    const { actor, failed } = draining;
    if (!draining.begun && supervision.haltOf(actor)) {
      turn.release(resident);
      draining.resumed = true;
    }
    draining.begun = true;
    const due = supervision.parked(actor).filter(({ from }) => !failed.has(from.partition));
    if (due.length === 0 || supervision.haltOf(actor)) {
      this.#drained(draining);
      return;
    }
    for (const parked of due.slice(0, sliceMessages)) {
      const error = turn.retry(parked, resident);
      if (error) {
        failed.set(parked.from.partition, {
          at: this.#address(parked.at),
          error: firstLine(errorText(error)),
        });
        break;
      }
      draining.applied++;
    }
    // Paced by the log; and an instance on which the machine failed is built again meanwhile.
    writer.whenDurable(writer.staged, () => {
      residents.with(actor, (again) => this.#drain(draining, again));
    });
  }

  #drained({ actor, caller, resumed, applied, failed }: Draining): void {
    const { supervision } = this.#options;
    const drained: z.infer<typeof Drained> = {
      actor,
      resumed,
      applied,
      parked: supervision.parked(actor).length,
      failed: [...failed.values()],
    };
    this.#tell(caller, Promise.resolve(success(drained as Json)));
  }

  #address(at: EntryId): string {
    return recordAddress(this.#options.partition, at.epoch, at.position);
  }

  /** Undefined for an address in another partition. */
  #entryId(address: string): EntryId | undefined {
    const { partition, ...at } = parseRecordAddress(address);
    return partition === this.#options.partition ? at : undefined;
  }

  #parkedAt(at: EntryId): Parked | undefined {
    return this.#options.supervision.parked().find((parked) => compareEntries(parked.at, at) === 0);
  }

  #lineOf({ at, time, actor, from, message, error }: Parked): z.infer<typeof LetterLine> {
    return {
      at: this.#address(at),
      time,
      actor,
      kind: 'message',
      name: message.name,
      from: from.partition,
      ...(error !== undefined && { error: firstLine(error) }),
    };
  }

  #lineOfLetter(letter: DeadLetter): z.infer<typeof LetterLine> {
    const { at, time, actor, id, error } = letter;
    return {
      at: this.#address(at),
      time,
      actor,
      kind: id === '' ? 'message' : 'command',
      name: payloadOf(letter).name,
      ...(id !== '' && { id }),
      error: firstLine(error),
    };
  }

  #haltLine({ actor, at, time, error }: Halt): z.infer<typeof HaltLine> {
    return { at: this.#address(at), time, actor, error: firstLine(error) };
  }
}

const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, lineLengthMax);

/** The owner wrote it. */
const payloadOf = ({ payload }: DeadLetter): Aside => JSON.parse(payload) as Aside;
