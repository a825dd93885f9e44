/**
 * Accounts and symbols without a runtime: each record is decided, put through JSON (as through the
 * log) and evolved, and its messages wait in FIFO channels, one per sender and receiver, until they
 * are delivered, in whatever order of channels the test picks.
 */
import { expect } from 'vitest';
import { accountActor } from '../../actors/account.ts';
import type {
  ActorType,
  Context,
  Decision,
  Instance,
  Outgoing,
  State,
} from '../../actors/actor.ts';
import { SymbolEvent } from '../../contracts/symbol-events.ts';
import { symbolActor } from '../../actors/symbol.ts';
import { AccountEvent } from '../../contracts/account-events.ts';
import { isRecorded } from '../../contracts/codes.ts';
import { actorKey, typeOf, type ActorKey } from '../../contracts/ids.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { parseUnits, scaleOf, type Scales, type Value } from '../../contracts/money.ts';
import type { Deadline, EventBody } from '../../contracts/record.ts';
import type { Reply } from '../../contracts/reply.ts';

/** A command and what became of it. */
export interface Asked {
  readonly id: string;
  readonly actor: ActorKey;
  readonly name: string;
  reply: Reply | undefined;
  /** The address of the record with the reply. */
  at: string;
}

interface Resident {
  readonly type: ActorType;
  instance: Instance;
  version: number;
}

type Sent = Outgoing & { readonly from: ActorKey; readonly reference?: Json };

export class World {
  readonly asked = new Map<string, Asked>();
  /** What came in from outside less what went out, per asset. */
  readonly external = new Map<string, bigint>();
  /** Every event, with its actor, in the order of the records. */
  readonly log: { readonly actor: ActorKey; readonly at: string; readonly event: EventBody }[] = [];
  readonly #scales: Scales;
  readonly #types: ReadonlyMap<string, ActorType>;
  readonly #residents = new Map<ActorKey, Resident>();
  readonly #references = new Map<ActorKey, Json>();
  readonly #channels = new Map<string, Sent[]>();
  /** By actor and name. */
  readonly #deadlines = new Map<string, Deadline & { readonly actor: ActorKey }>();
  #records = 0;
  #passed = 0;

  constructor(scales: Scales) {
    this.#scales = scales;
    this.#types = new Map(
      [accountActor(scales), symbolActor(scales)].map((type) => [type.type, type]),
    );
  }

  get actors(): ActorKey[] {
    return [...this.#residents.keys()];
  }

  state(actor: ActorKey): State<unknown> {
    const { instance, version } = this.#resident(actor);
    return { value: instance.value, context: instance.context, version };
  }

  /** Sends a command; its reply is there at once or when messages have gone round. */
  ask(type: string, id: string, name: string, body: JsonObject = {}): Asked {
    const actor = actorKey(type, id);
    const resident = this.#resident(actor);
    const asked: Asked = { id: `c${this.asked.size + 1}`, actor, name, reply: undefined, at: '' };
    this.asked.set(asked.id, asked);
    const command = resident.type.commands.get(name)?.parse({ name, ...body });
    const of = resident.type.cites(command);
    const cited = this.log.filter((entry) => entry.actor === actor && entry.at === of);
    const context = {
      ...this.#context(actor, asked.id),
      cited: cited.map(({ event }) => event),
    };
    const decision = resident.type.decide(this.state(actor), command, context);
    if (decision.reply) this.#answer(asked.id, decision.reply);
    if (decision.reply?.ok === false && !isRecorded(decision.reply.error.code)) {
      expect(decision.events, 'a refusal that is not recorded has no events').toEqual([]);
    }
    this.#apply(actor, decision, {});
    return asked;
  }

  /** What a query answers now. */
  get(type: string, id: string, name: string, body: JsonObject = {}): Reply {
    const actor = actorKey(type, id);
    const query = this.#resident(actor).type.queries.get(name);
    if (!query) throw new Error(`there is no query ${name}`);
    return query.read(this.state(actor), query.body.parse(body));
  }

  /** Delivers the first message of one channel; false if all are empty. */
  deliver(pick: number): boolean {
    const waiting = [...this.#channels.values()].filter((channel) => channel.length > 0);
    return this.#deliverFirst(waiting[pick % waiting.length] ?? []);
  }

  /** Delivers all messages of one channel before any other. */
  hurry(from: ActorKey, to: ActorKey): void {
    const channel = this.#channels.get(channelOf(from, to)) ?? [];
    while (this.#deliverFirst(channel));
  }

  /** Delivers until nothing is under way. */
  settle(pick: () => number = () => 0): void {
    while (this.deliver(pick()));
  }

  /** Lets time pass; deadlines that come go to their actors, the earliest first. */
  pass(ms: number): void {
    this.#passed += ms;
    for (;;) {
      const due = [...this.#deadlines]
        .filter(([, { at }]) => at <= this.now)
        .toSorted(([, a], [, b]) => a.at - b.at)[0];
      if (!due) return;
      const [key, { actor, name, at }] = due;
      this.#deadlines.delete(key);
      const { type } = this.#resident(actor);
      const context = this.#context(actor, '');
      this.#apply(actor, type.timer(this.state(actor), { name, at }, context), {});
    }
  }

  /** Lets time pass; deadlines that come are late. */
  late(ms: number): void {
    this.#passed += ms;
  }

  /** The deadlines that an actor has set. */
  deadlines(actor: ActorKey): Deadline[] {
    return [...this.#deadlines.values()]
      .filter((deadline) => deadline.actor === actor)
      .map(({ name, at }) => ({ name, at }));
  }

  /** Starts an actor again from its snapshot, which must say the same once more. */
  restart(actor: ActorKey): void {
    const resident = this.#resident(actor);
    const saved = JSON.stringify(resident.instance.save());
    resident.instance = resident.type.start(JSON.parse(saved));
    const again = JSON.stringify(resident.instance.save());
    if (again !== saved) throw new Error(`${actor} was restored differently:\n${saved}\n${again}`);
    const written = resident.instance.text();
    if (written !== saved)
      throw new Error(`${actor} is written differently:\n${saved}\n${written}`);
  }

  /** Per asset: what all actors have, and what messages under way carry. */
  total(): Map<string, bigint> {
    const sum = this.#sum(this.actors.map((actor) => this.#holdings(actor)));
    for (const channel of this.#channels.values()) {
      for (const { value } of channel) this.#add(sum, value ?? {});
    }
    return sum;
  }

  #deliverFirst(channel: Sent[]): boolean {
    const message = channel.shift();
    if (!message) return false;
    const { from, to, name, body, value, reference } = message;
    if (reference !== undefined) {
      this.#references.set(from, reference);
      this.#send({ from: to, to: from, name, body });
      return true;
    }
    const { type } = this.#resident(to);
    const incoming = { name, body, ...(value && { value }) };
    this.#apply(to, type.receive(this.state(to), incoming, this.#context(to, '')), value ?? {});
    return true;
  }

  /** The time of the latest record, in ms. */
  get now(): number {
    return 1_000_000 + this.#records + this.#passed;
  }

  #resident(actor: ActorKey): Resident {
    const found = this.#residents.get(actor);
    if (found) return found;
    const type = this.#types.get(typeOf(actor));
    if (!type) throw new Error(`there is no actor type of ${actor}`);
    const resident = { type, instance: type.start(), version: 0 };
    this.#residents.set(actor, resident);
    return resident;
  }

  /** The address of the record that is being made. */
  get #latest(): string {
    return `0:1-${this.#records}`;
  }

  #context(self: ActorKey, id: string): Context {
    this.#records++;
    return {
      self,
      now: this.now,
      at: this.#latest,
      id,
      partitions: 1,
      reference: (actor) => this.#references.get(actor),
    };
  }

  /** One record; it must not make or lose money: what an actor has changes by what it is given. */
  #apply(actor: ActorKey, decision: Decision, given: Value): void {
    const resident = this.#resident(actor);
    const { send = [], answers = [], external = {}, replicate, timers } = decision.effects ?? {};
    const expected = this.#sum([this.#holdings(actor), external, given]);
    for (const { value = {} } of send) this.#add(expected, value, -1n);
    for (const decided of decision.events) {
      const event: EventBody = JSON.parse(JSON.stringify(decided));
      (resident.type.type === 'account' ? AccountEvent : SymbolEvent).parse(event);
      resident.instance.evolve(event);
      this.log.push({ actor, at: this.#latest, event });
    }
    if (decision.events.length > 0) resident.version++;
    expect(nonZero(this.#sum([this.#holdings(actor)]))).toEqual(nonZero(expected));
    this.#add(this.external, external);
    for (const { id, reply } of answers) this.#answer(id, reply);
    for (const message of send) this.#send({ ...message, from: actor });
    for (const { name, at } of timers ?? []) {
      if (at === null) this.#deadlines.delete(`${actor} ${name}`);
      else this.#deadlines.set(`${actor} ${name}`, { actor, name, at });
    }
    if (replicate !== undefined) {
      const to = actorKey('partition', '0');
      const body = { version: resident.version };
      this.#send({ from: actor, to, name: 'replicated', body, reference: replicate });
    }
  }

  #send(message: Sent): void {
    const key = channelOf(message.from, message.to);
    const channel = this.#channels.get(key);
    if (channel) channel.push(message);
    else this.#channels.set(key, [message]);
  }

  #answer(id: string, reply: Reply): void {
    const asked = this.asked.get(id);
    if (!asked) throw new Error(`nobody asked ${id}`);
    if (asked.reply) throw new Error(`${id} was answered twice`);
    asked.reply = JSON.parse(JSON.stringify(reply));
    asked.at = this.#latest;
  }

  #holdings(actor: ActorKey): Value {
    return this.#resident(actor).type.holdings(this.state(actor));
  }

  #sum(values: readonly Value[]): Map<string, bigint> {
    const sum = new Map<string, bigint>();
    for (const value of values) this.#add(sum, value);
    return sum;
  }

  #add(sum: Map<string, bigint>, value: Value, sign = 1n): void {
    for (const [asset, text] of Object.entries(value)) {
      const units = signedUnits(text, scaleOf(this.#scales, asset));
      sum.set(asset, (sum.get(asset) ?? 0n) + sign * units);
    }
  }
}

const channelOf = (from: ActorKey, to: ActorKey): string => `${from} ${to}`;

/** Sums without the assets of which there is nothing, by asset. */
export const nonZero = (sum: ReadonlyMap<string, bigint>): { [asset: string]: bigint } =>
  Object.fromEntries([...sum].filter(([, units]) => units !== 0n));

function signedUnits(text: string, scale: number): bigint {
  const negative = text.startsWith('-');
  const units = parseUnits(negative ? text.slice(1) : text, scale);
  if (units === undefined) throw new Error(`${text} has more than ${scale} decimals`);
  return negative ? -units : units;
}
