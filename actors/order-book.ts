/**
 * A limit order book in integer ticks and lots. `match` finds what an incoming order would trade,
 * in price-time priority, and changes nothing; `add`, `reduce` and `remove` apply what was decided.
 *
 * Invariants: an order is in exactly one level, that of its price and side; a level lists its
 * orders by time, oldest first, and is never empty.
 */
import type { SelfTradePrevention, Side } from '../contracts/execution-report.ts';
import { PriceLadder } from './price-ladder.ts';

/** An order in the book; `Detail` is what its owner's bookkeeping needs to know of it. */
export interface BookOrder<Detail> {
  readonly id: string;
  readonly side: Side;
  readonly price: number;
  /** The lots still open. */
  readonly quantity: number;
  /** Whose order it is, for self-trade prevention; empty if nobody's. */
  readonly owner: string;
  readonly detail: Detail;
}

/** An incoming order, as matching sees it. */
export interface Taker {
  readonly side: Side;
  readonly quantity: number;
  /** The worst price at which it trades; undefined if any will do. */
  readonly limit: number | undefined;
  readonly owner: string;
  readonly selfTradePrevention: SelfTradePrevention;
  /** Trades everything or nothing. */
  readonly fillOrKill: boolean;
}

/** How much one command may do; `bytesOf` is what meeting a maker adds to `bytesMax`. */
export interface MatchLimits<Detail> {
  readonly tradesMax: number;
  readonly bytesMax: number;
  bytesOf(maker: BookOrder<Detail>): number;
}

/** A maker that the taker meets: it trades `quantity` lots, or at 0 expires as the taker's own. */
export interface Hit<Detail> {
  readonly maker: BookOrder<Detail>;
  readonly quantity: number;
}

export interface Match<Detail> {
  readonly hits: readonly Hit<Detail>[];
  /** The lots that found no counterpart. */
  readonly rest: number;
  /** Why matching ended although there were more orders within the limit. */
  readonly stopped: 'self-trade' | 'trade-limit' | undefined;
}

/** One price of one side. */
export interface BookLevel {
  readonly price: number;
  readonly quantity: number | bigint;
}

export class OrderBook<Detail> {
  readonly #orders = new Map<string, Node<Detail>>();
  readonly #buys = new PriceLadder<Level<Detail>>('buy');
  readonly #sells = new PriceLadder<Level<Detail>>('sell');

  /** How many orders are open. */
  get size(): number {
    return this.#orders.size;
  }

  get(id: string): BookOrder<Detail> | undefined {
    return this.#orders.get(id);
  }

  bestPrice(side: Side): number | undefined {
    return this.#ladder(side).best?.price;
  }

  worstPrice(side: Side): number | undefined {
    return this.#ladder(side).worst?.price;
  }

  /** Whether an order of this side and limit (undefined: at any price) meets a counterpart. */
  crosses(side: Side, limit: number | undefined): boolean {
    const best = this.#ladder(side === 'buy' ? 'sell' : 'buy').best;
    return best !== undefined && (limit === undefined || within(side, best.price, limit));
  }

  /** The best levels of a side, best first. */
  levels(side: Side, depth: number): BookLevel[] {
    const found: BookLevel[] = [];
    this.#ladder(side).walk((level) => {
      found.push({ price: level.price, quantity: openQuantity(level) });
      return found.length < depth;
    });
    return found;
  }

  /** Every order: buys, then sells; best price first; oldest first. Adding them so restores it. */
  orders(): BookOrder<Detail>[] {
    const found: BookOrder<Detail>[] = [];
    for (const ladder of [this.#buys, this.#sells]) {
      ladder.walk((level) => {
        for (let node = level.first; node; node = node.next) found.push(node);
        return true;
      });
    }
    return found;
  }

  /** What the taker would trade now. Changes nothing. */
  match(taker: Taker, limits: MatchLimits<Detail>): Match<Detail> {
    const hits: Hit<Detail>[] = [];
    let rest = taker.quantity;
    let trades = 0;
    let bytes = 0;
    let stopped: Match<Detail>['stopped'];
    const mode = taker.owner === '' ? 'NONE' : taker.selfTradePrevention;
    this.#ladder(taker.side === 'buy' ? 'sell' : 'buy').walk((level) => {
      if (taker.limit !== undefined && !within(taker.side, level.price, taker.limit)) return false;
      for (let maker = level.first; maker; maker = maker.next) {
        bytes += limits.bytesOf(maker);
        if (trades === limits.tradesMax || bytes > limits.bytesMax) {
          stopped = 'trade-limit';
          return false;
        }
        if (mode !== 'NONE' && maker.owner === taker.owner) {
          // A fill-or-kill counts only what lies before its own order, whatever becomes of that.
          const makerExpires = mode !== 'EXPIRE_TAKER' && !taker.fillOrKill;
          if (makerExpires) hits.push({ maker, quantity: 0 });
          if (makerExpires && mode === 'EXPIRE_MAKER') continue;
          stopped = 'self-trade';
          return false;
        }
        const quantity = Math.min(rest, maker.quantity);
        hits.push({ maker, quantity });
        trades++;
        rest -= quantity;
        if (rest === 0) return false;
      }
      return true;
    });
    if (taker.fillOrKill && rest > 0) return { hits: [], rest: taker.quantity, stopped };
    return { hits, rest, stopped };
  }

  /** Puts an order behind those of its price. Its id must not be in the book. */
  add(order: BookOrder<Detail>): void {
    if (this.#orders.has(order.id)) throw new Error(`order ${order.id} is in the book already`);
    const { id, side, price, quantity, owner, detail } = order;
    const ladder = this.#ladder(side);
    let level = ladder.at(price);
    if (!level) {
      level = { price, total: 0, first: undefined, last: undefined };
      ladder.insert(level);
    }
    const previous = level.last;
    const node: Node<Detail> = {
      id,
      side,
      price,
      quantity,
      owner,
      detail,
      level,
      previous,
      next: undefined,
    };
    if (previous) previous.next = node;
    else level.first = node;
    level.last = node;
    level.total = sumOrUnknown(level.total, quantity);
    this.#orders.set(id, node);
  }

  /** Takes lots off an open order; it keeps its place, or leaves the book if none are left. */
  reduce(id: string, quantity: number): void {
    const node = this.#node(id);
    if (quantity > node.quantity)
      throw new Error(`order ${id} has only ${node.quantity} lots open`);
    if (quantity === node.quantity) return this.#unlink(node);
    node.quantity -= quantity;
    node.level.total -= quantity;
  }

  /** Takes an open order out of the book and returns it. */
  remove(id: string): BookOrder<Detail> {
    const node = this.#node(id);
    this.#unlink(node);
    return node;
  }

  #ladder(side: Side): PriceLadder<Level<Detail>> {
    return side === 'buy' ? this.#buys : this.#sells;
  }

  #node(id: string): Node<Detail> {
    const node = this.#orders.get(id);
    if (!node) throw new Error(`order ${id} is not in the book`);
    return node;
  }

  #unlink(node: Node<Detail>): void {
    const { level, previous, next } = node;
    this.#orders.delete(node.id);
    if (previous) previous.next = next;
    else level.first = next;
    if (next) next.previous = previous;
    else level.last = previous;
    level.total -= node.quantity;
    if (!level.first) this.#ladder(node.side).remove(level);
  }
}

interface Node<Detail> extends BookOrder<Detail> {
  quantity: number;
  readonly level: Level<Detail>;
  previous: Node<Detail> | undefined;
  next: Node<Detail> | undefined;
}

interface Level<Detail> {
  readonly price: number;
  /** The lots of all orders, or Infinity once they were too many to count exactly in a number. */
  total: number;
  first: Node<Detail> | undefined;
  last: Node<Detail> | undefined;
}

const within = (side: Side, price: number, limit: number): boolean =>
  side === 'buy' ? price <= limit : price >= limit;

const sumOrUnknown = (total: number, quantity: number): number =>
  total + quantity <= Number.MAX_SAFE_INTEGER ? total + quantity : Infinity;

function openQuantity<Detail>(level: Level<Detail>): number | bigint {
  if (level.total !== Infinity) return level.total;
  let sum = 0n;
  for (let node = level.first; node; node = node.next) sum += BigInt(node.quantity);
  return sum;
}
