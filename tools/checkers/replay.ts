/**
 * Judges every record again, in the order of its log, with the actors' own pure functions: what
 * the log says happened must be what they say follows, and no record may make or lose money.
 *
 * The law of money is local: what an actor's holdings change by, plus what its messages carry away,
 * less what the applied message brought, is what came in from outside or went out. If each record
 * keeps it, so does every consistent cut, with the value of messages under way counted.
 */
import type { ActorType, Decision, Instance, State } from '../../actors/actor.ts';
import { splitActorKey, type ActorKey } from '../../contracts/ids.ts';
import { canonicalJson, payloadHash, type Json } from '../../contracts/json.ts';
import type { Aside, LogRecord, Message } from '../../contracts/record.ts';
import { parseCommand, type ActorTypes } from '../../runtime/command.ts';
import { partitionKey, ReferenceData, referenceMessage } from '../../runtime/reference-data.ts';
import { placedIn, scoped, type Evidence, type Placed, type SentCommand } from './evidence.ts';
import { Sums } from './sums.ts';

export interface Replayed {
  readonly violations: readonly string[];
  /** Each actor's state after the last record. */
  readonly states: ReadonlyMap<ActorKey, State<unknown>>;
}

/** An actor after a record. */
export interface Seen {
  readonly actor: ActorKey;
  readonly type: ActorType;
  readonly instance: Instance;
  readonly version: number;
}

/** Looks on at each record of a replay; those of one partition come in order. */
export type Observer = (placed: Placed, seen: Seen) => void;

/** Replays all logs from their beginning. */
export function replay(evidence: Evidence, observers: readonly Observer[] = []): Replayed {
  const world: World = {
    ...evidence,
    partitions: evidence.logs.length,
    sent: new Map(evidence.commands.map((command) => [payloadKey(command), command])),
    messages: new Map(),
    observers,
  };
  const logs = evidence.logs.map(placedIn);
  for (const { partition, record } of logs.flat())
    for (const message of record.out ?? [])
      world.messages.set(addressOf(partition, message), message);
  const violations: string[] = [];
  const states = new Map<ActorKey, State<unknown>>();
  for (const log of logs) {
    const replaying = new Replay(world, log);
    violations.push(...replaying.violations);
    for (const [actor, state] of replaying.states()) states.set(actor, state);
  }
  return { violations, states };
}

interface World extends Evidence {
  readonly partitions: number;
  readonly types: ActorTypes;
  readonly sent: ReadonlyMap<string, SentCommand>;
  /** Every message that was ever sent, by sender's partition, receiver and number. */
  readonly messages: Map<string, Message>;
  readonly observers: readonly Observer[];
}

/** An id may have been sent with different payloads; one of them is what the record is about. */
const payloadKey = ({ actor, id, name, body }: SentCommand): string =>
  `${scoped(actor, id)} ${payloadHash(name, body)}`;

const addressOf = (from: number, { to, n }: Pick<Message, 'to' | 'n'>): string =>
  `${from} ${to} ${n}`;

interface Living {
  readonly instance: Instance;
  version: number;
}

const stateOf = ({ instance, version }: Living): State<unknown> => ({
  value: instance.value,
  context: instance.context,
  version,
});

/** One partition. */
class Replay {
  readonly violations: string[] = [];
  readonly #world: World;
  readonly #actors = new Map<ActorKey, Living>();
  /** What was set aside and perhaps retried later, by its position. */
  readonly #aside = new Map<number, Aside>();
  readonly #reference = new ReferenceData();

  constructor(world: World, log: readonly Placed[]) {
    this.#world = world;
    for (const placed of log) this.#take(placed);
  }

  *states(): Generator<[ActorKey, State<unknown>]> {
    for (const [actor, living] of this.#actors) yield [actor, stateOf(living)];
  }

  #take(placed: Placed): void {
    const { record, partition, position } = placed;
    if (record.aside) this.#aside.set(position, record.aside);
    if (record.actor === partitionKey(partition)) {
      for (const event of record.events ?? []) this.#reference.evolve(event);
      return;
    }
    const type = this.#world.types.get(splitActorKey(record.actor).type);
    if (type === undefined) return this.#say(placed, 'its actor type is unknown');
    const living = this.#actors.get(record.actor) ?? { instance: type.start(), version: 0 };
    this.#actors.set(record.actor, living);
    const decision = this.#judge(placed, living);
    if (decision) this.#compare(placed, living, decision);
    const sums = new Sums().add(type.holdings(stateOf(living)), -1);
    try {
      for (const event of record.events ?? []) living.instance.evolve(event);
    } catch (error) {
      this.#say(placed, `its events do not fit: ${String(error)}`);
    }
    this.#checkVersion(placed, living);
    sums.add(type.holdings(stateOf(living)));
    this.#checkMoney(placed, sums);
    const fault = this.#world.fault?.(record.actor, stateOf(living));
    if (fault !== undefined) this.#say(placed, fault);
    const seen = { actor: record.actor, type, ...living };
    for (const observe of this.#world.observers) observe(placed, seen);
  }

  /** What the actor says to this record's command, message or deadline; undefined where it is not known. */
  #judge(placed: Placed, living: Living): Decision | undefined {
    const { record, at } = placed;
    if (record.aside || record.failure || record.resumed) return undefined;
    const type = this.#world.types.get(splitActorKey(record.actor).type);
    const context = {
      self: record.actor,
      now: record.time,
      at,
      id: record.id ?? '',
      partitions: this.#world.partitions,
      reference: (actor: ActorKey): Json | undefined => this.#reference.get(actor),
    };
    if (record.timer) return type?.timer(stateOf(living), record.timer, context);
    const message = this.#message(record);
    if (message) return type?.receive(stateOf(living), message, context);
    const command = this.#command(record);
    if (command === undefined) return undefined;
    const parsed = parseCommand({
      types: this.#world.types,
      type: splitActorKey(record.actor).type,
      actor: record.actor,
      name: command.name,
      body: { json: command.body },
      id: record.id,
      trace: undefined,
      caller: { subject: '', since: 0, answer: () => {} },
    });
    if (parsed.ok) return type?.decide(stateOf(living), parsed.value.input, context);
    this.#say(placed, 'its command does not follow the contract');
    return undefined;
  }

  #command(record: LogRecord): Pick<SentCommand, 'name' | 'body'> | undefined {
    const { actor, id = '', hash, retried } = record;
    return retried === undefined
      ? this.#world.sent.get(`${scoped(actor, id)} ${hash}`)
      : this.#aside.get(retried);
  }

  /** The message that a record applies: one that it sets aside is still under way. */
  #message({ from, actor, id, aside, retried }: LogRecord): Aside | undefined {
    if (aside) return undefined;
    if (from) return this.#world.messages.get(addressOf(from.partition, { to: actor, n: from.n }));
    return id === undefined && retried !== undefined ? this.#aside.get(retried) : undefined;
  }

  #compare(placed: Placed, { version }: Living, decision: Decision): void {
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
      out: [...send, ...copies],
    };
    const has = {
      events: record.events ?? [],
      reply: record.reply ?? null,
      answers: (record.answers ?? []).map((answer) => ({ id: answer.id, reply: answer.reply })),
      external: record.external ?? null,
      timers: record.timers ?? [],
      out: (record.out ?? []).map(({ n: _, ...message }) => message),
    };
    const [told, found] = [asText(says), asText(has)];
    if (told !== found) this.#say(placed, `the actor decides ${told}, the log has ${found}`);
  }

  #copies(actor: ActorKey, version: number, value: Json): object[] {
    return Array.from({ length: this.#world.partitions }, (_, partition) => ({
      to: partitionKey(partition),
      name: referenceMessage,
      body: { actor, version, value },
    }));
  }

  #checkVersion(placed: Placed, living: Living): void {
    const { record } = placed;
    if (record.events) living.version++;
    if (record.version !== living.version)
      this.#say(placed, `it says version ${record.version}, the actor has ${living.version}`);
  }

  #checkMoney(placed: Placed, holdings: Sums): void {
    const { record } = placed;
    for (const message of record.out ?? []) holdings.add(message.value);
    const left = holdings.add(this.#message(record)?.value, -1).add(record.external, -1).remainder;
    if (left !== '') this.#say(placed, `it makes ${left} of nothing`);
  }

  #say({ at, record }: Placed, what: string): void {
    this.violations.push(`${at} (${record.actor}): ${what}`);
  }
}

/** As the log would have it: without what is undefined, in one order of fields. */
const asText = (value: object): string => canonicalJson(JSON.parse(JSON.stringify(value)) as Json);
