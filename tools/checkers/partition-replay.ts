/**
 * One partition's records, judged again one after another with the actors' own pure functions.
 *
 * Owns the actors as its records have made them, the reference data, and what was set aside. It
 * follows the record where the actor would do otherwise: each difference is told, and only that one.
 */
import type { ActorType, Context, Decision, Instance, State } from '../../actors/actor.ts';
import { parseActorKey, splitActorKey, typeOf, type ActorKey } from '../../contracts/ids.ts';
import { canonicalJson, type Json } from '../../contracts/json.ts';
import type { Value } from '../../contracts/money.ts';
import type { Aside, LogRecord, Message, Origin } from '../../contracts/record.ts';
import { parseCommand, type ActorTypes } from '../../runtime/command.ts';
import { partitionKey, ReferenceData, referenceMessage } from '../../runtime/reference-data.ts';
import type { Placed } from '../../runtime/whole-log.ts';
import { sameJson } from './same-json.ts';
import { Sums } from './sums.ts';

/** What a record says is not what follows from the records before it. */
export interface Difference {
  /** The record's address. */
  readonly at: string;
  readonly actor: ActorKey;
  readonly what: string;
}

/** A difference as a sentence. */
export const differenceText = ({ at, actor, what }: Difference): string =>
  `${at} (${actor}): ${what}`;

/** An actor after a record. */
export interface Seen {
  readonly actor: ActorKey;
  readonly type: ActorType;
  readonly instance: Instance;
  readonly version: number;
}

/** Looks on at each record of a replay; those of one partition come in order. */
export type Observer = (placed: Placed, seen: Seen) => void;

/** What a replay needs to know that its partition's log does not say. */
export interface ReplayWorld {
  readonly types: ActorTypes;
  readonly partitions: number;
  /** The command that a client sent, where it is known. */
  readonly command: (record: LogRecord) => Pick<Aside, 'name' | 'body'> | undefined;
  /** The message that a record applies or sets aside. */
  readonly message: (from: Origin, to: ActorKey) => Message | undefined;
  readonly observers: readonly Observer[];
  readonly onDifference: (difference: Difference) => void;
  /** See `Evidence.fault`. */
  readonly fault?: ((actor: ActorKey, state: State<unknown>) => string | undefined) | undefined;
}

interface Living {
  readonly type: ActorType;
  readonly instance: Instance;
  version: number;
  /** Of the state as it is. */
  holdings: Value;
}

/** What of a judgement's input stands in other records. */
interface Sources {
  readonly message: Aside | undefined;
  readonly cited: LogRecord | undefined;
}

/** What a record did to what its actor owns, and the message that it applied. */
interface Moved {
  readonly before: Value;
  readonly after: Value;
  readonly applied: Aside | undefined;
}

type Parsed = ReturnType<typeof parseCommand>;

const stateOf = ({ instance, version }: Living): State<unknown> => ({
  value: instance.value,
  context: instance.context,
  version,
});

export class PartitionReplay {
  readonly #world: ReplayWorld;
  readonly #actors = new Map<ActorKey, Living>();
  /** What was set aside and perhaps retried later, by its position. */
  readonly #aside = new Map<number, Aside>();
  readonly #reference = new ReferenceData();
  #parsed: { readonly record: LogRecord; readonly command: Parsed } | undefined;
  #judged = 0;
  #unknown = 0;

  constructor(world: ReplayWorld) {
    this.#world = world;
  }

  /** How many records were decided again. */
  get judged(): number {
    return this.#judged;
  }

  /** How many were only evolved again, for nobody knows the command that they answer. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Each actor's state after the last record. */
  *states(): Generator<[ActorKey, State<unknown>]> {
    for (const [actor, living] of this.#actors) yield [actor, stateOf(living)];
  }

  /** Each actor after the last record. */
  *actors(): Generator<Seen> {
    for (const [actor, { type, instance, version }] of this.#actors)
      yield { actor, type, instance, version };
  }

  /** One actor after the last record; undefined if it has none. */
  actor(key: string): Seen | undefined {
    const actor = parseActorKey(key);
    const living = actor && this.#actors.get(actor);
    if (actor === undefined || living === undefined) return undefined;
    const { type, instance, version } = living;
    return { actor, type, instance, version };
  }

  /** Takes the next record; with the one that it cites, if its log has it. */
  take(placed: Placed, cited?: LogRecord): void {
    const { record, partition, position } = placed;
    if (record.aside) this.#aside.set(position, record.aside);
    if (record.actor === partitionKey(partition)) {
      for (const event of record.events ?? []) this.#reference.evolve(event);
      return;
    }
    const living = this.#actors.get(record.actor) ?? this.#begin(record.actor);
    if (living === undefined) return this.#say(placed, 'its actor type is unknown');
    const { type, holdings } = living;
    const message = this.#message(record);
    this.#decideAgain(placed, living, { message, cited });
    this.#evolve(placed, living);
    if (record.events) living.holdings = type.holdings(stateOf(living));
    this.#checkMoney(placed, { before: holdings, after: living.holdings, applied: message });
    const fault = this.#world.fault?.(record.actor, stateOf(living));
    if (fault !== undefined) this.#say(placed, fault);
    const { instance, version } = living;
    this.#show(placed, { actor: record.actor, type, instance, version });
  }

  #begin(actor: ActorKey): Living | undefined {
    const type = this.#world.types.get(typeOf(actor));
    if (type === undefined) return undefined;
    const living = { type, instance: type.start(), version: 0, holdings: {} };
    living.holdings = type.holdings(stateOf(living));
    this.#actors.set(actor, living);
    return living;
  }

  #show(placed: Placed, seen: Seen): void {
    try {
      for (const observe of this.#world.observers) observe(placed, seen);
    } catch (error) {
      this.#say(placed, `what was built on a snapshot of it fails: ${String(error)}`);
    }
  }

  #decideAgain(placed: Placed, living: Living, sources: Sources): void {
    let decision: Decision | undefined;
    try {
      decision = this.#judge(placed, living, sources);
    } catch (error) {
      this.#say(placed, `the actor fails on what it was recorded to decide: ${String(error)}`);
      return;
    }
    if (decision === undefined) return;
    this.#judged++;
    this.#compare(placed, living, decision);
  }

  /** What the actor says to this record's command, message or deadline; undefined where it is not known. */
  #judge(placed: Placed, living: Living, { message, cited }: Sources): Decision | undefined {
    const { record, at } = placed;
    if (record.aside || record.failure || record.resumed) return undefined;
    const { type } = living;
    const context: Context = {
      self: record.actor,
      now: record.time,
      at,
      id: record.id ?? '',
      partitions: this.#world.partitions,
      ...(cited?.actor === record.actor && { cited: cited.events ?? [] }),
      reference: (actor) => this.#reference.get(actor),
    };
    if (record.timer) return type.timer(stateOf(living), record.timer, context);
    if (message) return type.receive(stateOf(living), message, context);
    const input = this.#input(placed);
    return input && type.decide(stateOf(living), input.parsed, context);
  }

  /** The address of an earlier record that its command cites: `take` must be given that record. */
  cites({ record }: Placed): string | undefined {
    const command = this.#command(record);
    if (command === undefined) return undefined;
    const parsed = this.#parse(record, command);
    const { type } = splitActorKey(record.actor);
    return parsed?.ok === true ? this.#world.types.get(type)?.cites(parsed.value.input) : undefined;
  }

  /** What is to be decided again; undefined for what judgement did not see or nobody knows. */
  #input(placed: Placed): { readonly parsed: unknown } | undefined {
    const command = this.#command(placed.record);
    const parsed = this.#parse(placed.record, command);
    if (parsed?.ok) return { parsed: parsed.value.input };
    if (command === undefined) this.#unknown++;
    else this.#say(placed, `its command "${command.name}" does not follow the contract`);
    return undefined;
  }

  #command(record: LogRecord): Pick<Aside, 'name' | 'body'> | undefined {
    const { id, retried, command } = record;
    if (id === undefined) return undefined;
    return retried === undefined
      ? (command ?? this.#world.command(record))
      : this.#aside.get(retried);
  }

  #parse(record: LogRecord, command: Pick<Aside, 'name' | 'body'> | undefined) {
    if (command === undefined) return undefined;
    // Asked twice for each record: for what it cites, and for what is decided.
    if (this.#parsed?.record === record) return this.#parsed.command;
    const parsed = parseCommand({
      types: this.#world.types,
      type: typeOf(record.actor),
      actor: record.actor,
      name: command.name,
      body: { json: command.body },
      id: record.id,
      retried: record.retried,
      trace: undefined,
      caller: { subject: '', since: 0, answer: () => {} },
    });
    this.#parsed = { record, command: parsed };
    return parsed;
  }

  /** The message that a record applies: one that it sets aside is still under way. */
  #message({ from, actor, id, aside, retried }: LogRecord): Aside | undefined {
    const message = from && this.#world.message(from, actor);
    if (aside) return undefined;
    if (from) return message;
    return id === undefined && retried !== undefined ? this.#aside.get(retried) : undefined;
  }

  #compare(placed: Placed, { type, version }: Living, decision: Decision): void {
    const { record } = placed;
    const { events, reply, effects } = decision;
    const { send = [], answers = [], external, replicate, timers = [] } = effects ?? {};
    const after = version + (events.length > 0 ? 1 : 0);
    const copies = replicate === undefined ? [] : this.#copies(record.actor, after, replicate);
    const says = {
      events,
      reply: reply ?? null,
      answers: answers.map((answer) => ({ id: answer.id, reply: answer.reply })),
      external: external ?? null,
      timers,
      out: copies.length === 0 ? send : [...send, ...copies],
    };
    const has = {
      events: (record.events ?? []).map((event) => type.upcast(event)),
      reply: record.reply ?? null,
      answers: (record.answers ?? []).map((answer) => ({ id: answer.id, reply: answer.reply })),
      external: record.external ?? null,
      timers: record.timers ?? [],
      out: (record.out ?? []).map(({ n: _, ...message }) => message),
    };
    if (sameJson(says, has)) return;
    this.#say(placed, `the actor decides ${asText(says)}, the log has ${asText(has)}`);
  }

  #copies(actor: ActorKey, version: number, value: Json): object[] {
    return Array.from({ length: this.#world.partitions }, (_, partition) => ({
      to: partitionKey(partition),
      name: referenceMessage,
      body: { actor, version, value },
    }));
  }

  #evolve(placed: Placed, living: Living): void {
    const { record } = placed;
    try {
      for (const event of record.events ?? []) living.instance.evolve(event);
    } catch (error) {
      this.#say(placed, `its events do not fit: ${String(error)}`);
    }
    if (record.events) living.version++;
    if (record.version !== living.version)
      this.#say(placed, `it says version ${record.version}, the actor has ${living.version}`);
  }

  #checkMoney(placed: Placed, { before, after, applied }: Moved): void {
    const { external, out } = placed.record;
    const moves = external !== undefined || applied?.value !== undefined || out !== undefined;
    if (before === after && !moves) return;
    const holdings = new Sums().addChange(before, after);
    for (const message of out ?? []) holdings.add(message.value);
    const left = holdings.add(applied?.value, -1).add(external, -1).remainder;
    if (left !== '') this.#say(placed, `it makes ${left} of nothing`);
  }

  #say({ at, record }: Placed, what: string): void {
    this.#world.onDifference({ at, actor: record.actor, what });
  }
}

/** As the log would have it: without what is undefined, in one order of fields. */
const asText = (value: object): string => canonicalJson(JSON.parse(JSON.stringify(value)) as Json);
