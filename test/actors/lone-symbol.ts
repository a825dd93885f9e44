/**
 * One symbol without a runtime: each request goes through `decide` or `receive`, its events through
 * JSON (as through the log) and then into the statechart. Confirms replicated definitions itself.
 */
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import { defaultScales, type Scales } from '../../contracts/money.ts';
import type { EventBody } from '../../contracts/record.ts';
import type { Reply } from '../../contracts/reply.ts';
import type {
  ActorType,
  Context,
  Decision,
  Instance,
  Outgoing,
  SavedState,
  State,
} from '../../actors/actor.ts';
import { SymbolEvent } from '../../contracts/symbol-events.ts';
import { symbolActor } from '../../actors/symbol.ts';

export interface LoneSymbolOptions {
  readonly id?: string;
  readonly scales?: Scales;
  readonly partitions?: number;
}

export class LoneSymbol {
  readonly actor: ActorType;
  readonly self: ActorKey;
  readonly partitions: number;
  /** All events so far. */
  readonly log: EventBody[] = [];
  /** The replies of commands that were deferred, by command id. */
  readonly answers = new Map<string, Reply>();
  #instance: Instance;
  #version = 0;
  #requests = 0;

  constructor({ id = 'BTC-USD', scales = defaultScales, partitions = 1 }: LoneSymbolOptions = {}) {
    this.actor = symbolActor(scales);
    this.self = actorKey('symbol', id);
    this.partitions = partitions;
    this.#instance = this.actor.start();
  }

  get state(): State<unknown> {
    return {
      value: this.#instance.value,
      context: this.#instance.context,
      version: this.#version,
    };
  }

  /** Lists it and waits for all partitions. */
  list(definition: JsonObject): this {
    const reply = this.command('list', definition);
    if (reply) throw new Error(`not listed: ${JSON.stringify(reply)}`);
    this.confirm();
    return this;
  }

  /** The reply of a command; undefined if it is deferred. */
  command(name: string, body: JsonObject = {}, id = `c${++this.#requests}`): Reply | undefined {
    const parsed = this.actor.commands.get(name)?.parse({ name, ...body });
    return this.#apply(this.actor.decide(this.state, parsed, this.#context(id))).reply;
  }

  /** Tells it that all partitions have what the record of this version carried. */
  confirm(version = this.#version): void {
    for (let n = 0; n < this.partitions; n++) this.tell('replicated', { version });
  }

  /** What it sends when it gets a message. */
  tell(name: string, body: Json): readonly Outgoing[] {
    const decision = this.#apply(this.actor.receive(this.state, { name, body }, this.#context('')));
    return decision.effects?.send ?? [];
  }

  get(name: string, body: JsonObject = {}): Reply {
    const query = this.actor.queries.get(name);
    if (!query) throw new Error(`no query ${name}`);
    return query.read(this.state, query.body.parse(body));
  }

  /** The result of a query that succeeds. */
  result(name: string, body: JsonObject = {}): Json {
    const reply = this.get(name, body);
    if (!reply.ok) throw new Error(JSON.stringify(reply));
    return reply.result;
  }

  save(): SavedState {
    return this.#instance.save();
  }

  /** Goes on as a symbol that was loaded from what this one saves. */
  reload(): void {
    this.#instance = this.actor.start(JSON.parse(JSON.stringify(this.save())) as SavedState);
  }

  #context(id: string): Context {
    return {
      self: this.self,
      now: 1_700_000_000_000,
      at: `0:1-${this.#version + 1}`,
      id,
      partitions: this.partitions,
      reference: () => undefined,
    };
  }

  #apply(decision: Decision): Decision {
    for (const event of decision.events) {
      const logged = JSON.parse(JSON.stringify(event)) as EventBody;
      SymbolEvent.parse(logged);
      this.#instance.evolve(logged);
      this.log.push(logged);
    }
    if (decision.events.length > 0) this.#version++;
    for (const { id, reply } of decision.effects?.answers ?? []) this.answers.set(id, reply);
    return decision;
  }
}

/** The code of a reply that refuses; undefined if it does not. */
export const codeOf = (reply: Reply | undefined): string | undefined =>
  reply && !reply.ok ? reply.error.code : undefined;

/** A resting limit order, as `submit` and accounts send it. */
export const limit = (
  orderId: string,
  side: string,
  price: string,
  quantity: string,
  more = {},
) => ({
  orderId,
  side,
  type: 'limit',
  timeInForce: 'GTC',
  price,
  quantity,
  ...more,
});

/** The same, as an account sends it. */
export const fromAccount = (account: string, order: object) => ({
  request: `${account}-request`,
  account,
  selfTradePrevention: 'EXPIRE_TAKER',
  ...order,
});
