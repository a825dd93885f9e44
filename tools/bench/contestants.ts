/**
 * The order books that the matching benchmark compares, each behind the same few calls. `translate`
 * turns a message into what the book takes, outside of the measured time; `open` gives a fresh one.
 */
import { OrderBook as NodejsOrderBook, Side as NodejsSide } from 'nodejs-order-book';
import type { IProcessOrder, LimitOrderOptions } from 'nodejs-order-book';
import type { ActorType, Context, Decision, Instance } from '../../actors/actor.ts';
import { OrderBook } from '../../actors/order-book.ts';
import { symbolActor } from '../../actors/symbol.ts';
import type { Side } from '../../contracts/execution-report.ts';
import { actorKey } from '../../contracts/ids.ts';
import { defaultScales } from '../../contracts/money.ts';
import { SymbolQuery } from '../../contracts/symbol.ts';
import type { Message, Place, Replace } from './feeds.ts';

/** An order book as the benchmark sees it. */
export interface Contestant<Command> {
  readonly name: string;
  translate(message: Message): Command;
  open(): Market<Command>;
}

export interface Market<Command> {
  /** Carries out one command; returns how many trades it made. */
  send(command: Command): number;
  /** Open quantity by price, best first, at most so many levels a side: for comparing books. */
  levels(depth: number): Levels;
}

export interface Levels {
  readonly buys: readonly (readonly [price: number, quantity: number])[];
  readonly sells: readonly (readonly [price: number, quantity: number])[];
}

/** Our book alone: matching, then the changes that matching found. */
export const bareBook: Contestant<Message> = {
  name: 'order book',
  translate: (message) => message,
  open: () => {
    const book = new OrderBook<undefined>();
    return {
      send: (message) => {
        switch (message.kind) {
          case 'place':
            return enter(book, message);
          case 'cancel':
            if (book.get(message.id)) book.remove(message.id);
            return 0;
          case 'replace':
            return replace(book, message);
        }
      },
      levels: (depth) => {
        const side = (of: Side): [number, number][] =>
          book.levels(of, depth).map(({ price, quantity }) => [price, Number(quantity)]);
        return { buys: side('buy'), sells: side('sell') };
      },
    };
  },
};

type Entry = Pick<Place, 'id' | 'side' | 'price' | 'quantity' | 'immediate'>;

function enter(book: OrderBook<undefined>, entry: Entry): number {
  const { id, side, price, quantity, immediate } = entry;
  let open = quantity;
  let trades = 0;
  if (book.crosses(side, price)) {
    const taker = { side, quantity, limit: price, owner: '', fillOrKill: false } as const;
    const { hits, rest } = book.match({ ...taker, selfTradePrevention: 'NONE' }, unlimited);
    for (const hit of hits) book.reduce(hit.maker.id, hit.quantity);
    trades = hits.length;
    open = rest;
  }
  if (open > 0 && !immediate) {
    book.add({ id, side, price, quantity: open, owner: '', detail: undefined });
  }
  return trades;
}

function replace(book: OrderBook<undefined>, { id, price, quantity }: Replace): number {
  const order = book.get(id);
  if (!order) return 0;
  book.remove(id);
  return enter(book, { id, side: order.side, price, quantity, immediate: false });
}

const unlimited = { tradesMax: Infinity, bytesMax: Infinity, bytesOf: () => 0 };

/** The symbol actor: judgement, its events, and the statechart that takes them. */
export const wholeSymbol: Contestant<object> = {
  name: 'symbol actor',
  translate: (message) => {
    if (message.kind === 'cancel') return { name: 'cancel', orderId: message.id };
    const price = String(message.price);
    const terms = { orderId: message.id, price, quantity: String(message.quantity) };
    if (message.kind === 'replace') return { name: 'replace', ...terms };
    const timeInForce = message.immediate ? 'IOC' : 'GTC';
    return { name: 'submit', ...terms, side: message.side, type: 'limit', timeInForce };
  },
  open: () => {
    const actor = symbolActor(defaultScales);
    const instance = actor.start();
    let version = 0;
    const evolve = ({ events }: Decision): number => {
      let trades = 0;
      for (const event of events) {
        instance.evolve(event);
        if (event.type === 'trade') trades++;
      }
      if (events.length > 0) version++;
      return trades;
    };
    const decide = (command: object): Decision =>
      actor.decide(stateOf(instance, version), command, contextOf(version));
    evolve(decide(listing));
    const confirmed = { name: 'replicated', body: { version } };
    evolve(actor.receive(stateOf(instance, version), confirmed, contextOf(version)));
    return {
      send: (command) => evolve(decide(command)),
      levels: (depth) => symbolLevels(actor, instance, depth),
    };
  },
};

const listing = {
  name: 'list',
  base: 'LOT',
  quote: 'TICK',
  tickSize: '1',
  lotSize: '1',
  settlement: 'none',
};

const stateOf = ({ value, context }: Instance, version: number) => ({ value, context, version });

const self = actorKey('symbol', 'LOT-TICK');

const contextOf = (version: number): Context => ({
  self,
  now: 1_700_000_000_000,
  at: `0:1-${version + 1}`,
  id: 'c',
  partitions: 1,
  reference: () => undefined,
});

function symbolLevels(actor: ActorType, instance: Instance, depth: number): Levels {
  const reply = actor.queries.get('book')?.read(stateOf(instance, 0), { depth });
  if (!reply?.ok) throw new Error('the symbol shows no book');
  const { bids, asks } = SymbolQuery.book.result.parse(reply.result);
  const numbers = (side: readonly [string, string][]): [number, number][] =>
    side.map(([price, quantity]) => [Number(price), Number(quantity)]);
  return { buys: numbers(bids), sells: numbers(asks) };
}

type NodejsCommand =
  | { readonly kind: 'place'; readonly options: LimitOrderOptions }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'replace'; readonly id: string; readonly update: NodejsUpdate };

interface NodejsUpdate {
  readonly price: number;
  readonly size: number;
}

/** Type witnesses: the package does not export the enum that its options ask for. */
type NodejsTimeInForce = NonNullable<LimitOrderOptions['timeInForce']>;
const immediateOrCancel = 'IOC' as NodejsTimeInForce;
const goodTillCancel = 'GTC' as NodejsTimeInForce;

/** The npm package, without its journal. */
export const nodejsOrderBook: Contestant<NodejsCommand> = {
  name: 'nodejs-order-book',
  translate: (message) => {
    const { kind, id } = message;
    if (kind === 'cancel') return { kind, id };
    const { price, quantity: size } = message;
    if (kind === 'replace') return { kind, id, update: { price, size } };
    const side = message.side === 'buy' ? NodejsSide.BUY : NodejsSide.SELL;
    const timeInForce = message.immediate ? immediateOrCancel : goodTillCancel;
    return { kind, options: { id, side, price, size, timeInForce } };
  },
  open: () => {
    const book = new NodejsOrderBook();
    return {
      send: (command) => {
        switch (command.kind) {
          case 'place':
            return tradesOf(book.limit(command.options), command.options.id);
          case 'cancel':
            book.cancel(command.id);
            return 0;
          case 'replace':
            return tradesOf(book.modify(command.id, command.update), command.id);
        }
      },
      levels: (depth) => {
        const [sells, buys] = book.depth();
        return { buys: buys.slice(0, depth), sells: sells.slice(0, depth) };
      },
    };
  },
};

/** It lists the makers that are filled, the taker too once it is, and apart one that is not. */
function tradesOf({ done, partial, err }: IProcessOrder, taker: string): number {
  if (err !== null) return 0;
  const filled = done.at(-1)?.id === taker ? done.length - 1 : done.length;
  return partial !== null && partial.id !== taker ? filled + 1 : filled;
}
