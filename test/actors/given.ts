/**
 * One account, told as given / when / then: given events, when a command or message comes, then
 * this is what it leads to. Reads like the claim that the test is named for.
 */
import { expect } from 'vitest';
import { accountActor } from '../../actors/account.ts';
import type { Context, Decision, Instance } from '../../actors/actor.ts';
import type { OrderStep, SymbolReference } from '../../actors/order-messages.ts';
import { AccountEvent } from '../../contracts/account-events.ts';
import { actorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { defaultScales } from '../../contracts/money.ts';
import type { EventBody } from '../../contracts/record.ts';
import { refusal, type Reply } from '../../contracts/reply.ts';

/** The symbol BTC-USD, which every given account can order at. */
export const bitcoin: SymbolReference = {
  base: 'BTC',
  quote: 'USD',
  tickSize: '0.01',
  lotSize: '0.001',
  makerFee: '0',
  takerFee: '0.01',
  settlement: 'accounts',
  status: 'trading',
};

const references = new Map<string, SymbolReference>([
  ['symbol/BTC-USD', bitcoin],
  ['symbol/HALTED', { ...bitcoin, status: 'halted' }],
  ['symbol/MATCHING', { ...bitcoin, settlement: 'none' }],
]);

const account = accountActor(defaultScales);
const self = actorKey('account', 'alice');

export const deposited = (asset: string, amount: string): AccountEvent => ({
  type: 'deposited',
  asset,
  amount,
});
/** What an account needs for a few orders. */
export const funds = [deposited('USD', '100.00'), deposited('BTC', '5.00000000')] as const;

export const frozen: AccountEvent = { type: 'frozen' };
export const closed: AccountEvent = { type: 'closed' };

/** A limit buy of 2 BTC at 10.00 USD, unless said otherwise; it holds 20.20 with the fee of 1 %. */
export const buy = (clOrdId: string, changes: JsonObject = {}): JsonObject => ({
  clOrdId,
  symbol: 'BTC-USD',
  side: 'buy',
  type: 'limit',
  timeInForce: 'GTC',
  price: '10',
  quantity: '2',
  ...changes,
});

/** The same order to sell; it holds its 2 BTC. */
export const sell = (clOrdId: string, changes: JsonObject = {}): JsonObject =>
  buy(clOrdId, { side: 'sell', ...changes });

/** The body of a replace. */
export const replace = (
  origClOrdId: string,
  clOrdId: string,
  price: string,
  quantity: string,
): JsonObject => ({ origClOrdId, clOrdId, price, quantity });

/** An account to which this has happened. */
export const given = (...events: readonly AccountEvent[]): Given => new Given(events);

/** A funded account with an order (command c1, order alice-1) that the symbol has accepted. */
export const resting = (order: JsonObject = buy('a')): Given =>
  given(...funds)
    .when('place-order', order)
    .answered('place', 1, 1, { kind: 'accepted' });

class Given {
  readonly #instance: Instance = account.start();
  #version = 0;
  #commands = 0;
  /** What the last command or message came to. */
  #last: Decision = { events: [] };

  constructor(events: readonly AccountEvent[]) {
    for (const event of events) this.#evolve([JSON.parse(JSON.stringify(event))]);
  }

  /** A command arrives, with the id c1, c2, … in the order of arrival. */
  when(name: string, body: JsonObject = {}): this {
    const command = account.commands.get(name)?.parse({ name, ...body });
    return this.#apply(account.decide(this.#state, command, this.#context(`c${++this.#commands}`)));
  }

  /** The symbol answers the n-th command, which was about the account's n-th order. */
  answered(
    kind: 'place' | 'cancel' | 'replace',
    command: number,
    order: number,
    ...steps: OrderStep[]
  ): this {
    return this.#receive({
      orderId: `alice-${order}`,
      request: { kind, id: `c${command}` },
      steps,
    });
  }

  /** Another's order trades with the account's n-th. */
  updated(order: number, ...steps: OrderStep[]): this {
    return this.#receive({ orderId: `alice-${order}`, steps });
  }

  thenAccepted(result?: JsonObject): this {
    expect(this.#last.reply).toMatchObject({ ok: true, ...(result && { result }) });
    return this;
  }

  /** Refused, with these events (by default none). */
  thenRejected(code: string, ...events: readonly JsonObject[]): this {
    expect(this.#last.reply).toEqual(refusal(code, this.#message()));
    return this.thenEvents(...events);
  }

  /** Not answered yet; it asks the symbol for this, in order. */
  thenSent(...messages: readonly JsonObject[]): this {
    expect(this.#last.reply).toBeUndefined();
    expect(this.#last.effects?.send).toMatchObject(messages);
    return this;
  }

  /** The last message answered this command. */
  thenAnswers(command: number, reply: JsonObject): this {
    expect(this.#last.effects?.answers).toMatchObject([{ id: `c${command}`, reply }]);
    return this;
  }

  thenAnswersNobody(): this {
    expect(this.#last.effects?.answers ?? []).toEqual([]);
    return this;
  }

  thenEvents(...events: readonly JsonObject[]): this {
    expect(this.#last.events).toMatchObject(events);
    return this;
  }

  thenBalance(asset: string, available: string, held: string): this {
    expect(this.get('balance')).toMatchObject({
      result: { balances: { [asset]: { available, held } } },
    });
    return this;
  }

  /** What the `order` query says of it. */
  thenOrder(clOrdId: string, report: JsonObject): this {
    expect(this.get('order', { clOrdId })).toMatchObject({ ok: true, result: report });
    return this;
  }

  thenNoOrder(clOrdId: string): this {
    expect(this.get('order', { clOrdId })).toEqual(refusal('order/unknown'));
    return this;
  }

  get(name: string, body: JsonObject = {}): Reply {
    const query = account.queries.get(name);
    if (!query) throw new Error(`there is no query ${name}`);
    return query.read(this.#state, query.body.parse(body));
  }

  get #state() {
    const { value, context } = this.#instance;
    return { value, context, version: this.#version };
  }

  #receive(body: JsonObject): this {
    const message = { name: 'order-update', body: JSON.parse(JSON.stringify(body)) };
    return this.#apply(account.receive(this.#state, message, this.#context('')));
  }

  #context(id: string): Context {
    return {
      self,
      now: 1_700_000_000_000 + this.#version,
      at: `0:1-${this.#version + 1}`,
      id,
      partitions: 1,
      reference: (actor) => references.get(actor),
    };
  }

  #apply(decision: Decision): this {
    this.#last = decision;
    this.#evolve(JSON.parse(JSON.stringify(decision.events)));
    return this;
  }

  #evolve(events: readonly EventBody[]): void {
    for (const event of events) {
      AccountEvent.parse(event);
      this.#instance.evolve(event);
    }
    if (events.length > 0) this.#version++;
  }

  /** Messages are prose and may change; only their codes are promised. */
  #message(): string | undefined {
    const { reply } = this.#last;
    return reply?.ok === false ? reply.error.message : undefined;
  }
}
