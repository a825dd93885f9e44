/**
 * The rules of matching and settling once more, in the plainest way: one array of orders in order
 * of arrival, sorted anew for each command, and fractions of bigints for money. The model that the
 * real symbol is compared with; it knows nothing of trade limits.
 */
import { parseUnits } from '../../contracts/money.ts';
import type {
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from '../../contracts/execution-report.ts';

export interface NaiveTerms {
  readonly tickSize: string;
  readonly lotSize: string;
  readonly makerFee: string;
  readonly takerFee: string;
  readonly quoteScale: number;
}

export interface NaiveFill {
  readonly price: number;
  readonly quantity: number;
  readonly liquidity: 'maker' | 'taker';
}

/** Prices in ticks, quantities in lots. */
export interface NaiveOrder {
  readonly id: string;
  readonly account: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  price: number | undefined;
  readonly protection: number | undefined;
  readonly postOnly: boolean;
  readonly selfTradePrevention: SelfTradePrevention;
  /** Still open. */
  quantity: number;
  /** Asked for in total. */
  total: number;
  canceled: number;
  readonly fills: NaiveFill[];
}

export type Happening =
  | {
      readonly kind: 'trade';
      readonly maker: NaiveOrder;
      readonly price: number;
      readonly quantity: number;
      readonly makerAmount: bigint;
      readonly takerAmount: bigint;
    }
  | {
      readonly kind: 'canceled';
      readonly order: NaiveOrder;
      readonly quantity: number;
      readonly reason: string;
    };

export class NaiveSymbol {
  /** The open ones, in order of arrival. */
  orders: NaiveOrder[] = [];
  fees = 0n;
  readonly #terms: NaiveTerms;

  constructor(terms: NaiveTerms) {
    this.#terms = terms;
  }

  find(id: string): NaiveOrder | undefined {
    return this.orders.find((order) => order.id === id);
  }

  /** Best first, then oldest first. */
  side(side: Side): NaiveOrder[] {
    const better = (one: NaiveOrder, other: NaiveOrder): number =>
      side === 'buy'
        ? (other.price ?? 0) - (one.price ?? 0)
        : (one.price ?? 0) - (other.price ?? 0);
    return this.orders.filter((order) => order.side === side).toSorted(better);
  }

  /** Those that an order of this side and limit meets, in the order in which it meets them. */
  facing(side: Side, limit: number | undefined): NaiveOrder[] {
    return this.side(side === 'buy' ? 'sell' : 'buy').filter(({ price = 0 }) => {
      if (limit === undefined) return true;
      return side === 'buy' ? price <= limit : price >= limit;
    });
  }

  cancel(order: NaiveOrder, reason: string): Happening {
    const { quantity } = order;
    this.orders = this.orders.filter((other) => other !== order);
    order.canceled += quantity;
    order.quantity = 0;
    return { kind: 'canceled', order, quantity, reason };
  }

  replace(order: NaiveOrder, price: number, open: number): Happening[] {
    this.orders = this.orders.filter((other) => other !== order);
    order.price = price;
    order.total += open - order.quantity;
    order.quantity = open;
    return this.enter(order);
  }

  enter(taker: NaiveOrder): Happening[] {
    const happened: Happening[] = [];
    const facing = this.facing(taker.side, taker.price ?? taker.protection);
    const isOwn = (maker: NaiveOrder): boolean =>
      taker.account !== '' &&
      taker.selfTradePrevention !== 'NONE' &&
      maker.account === taker.account;
    let end: string | undefined = {
      GTC: undefined,
      IOC: 'immediate-or-cancel',
      FOK: 'fill-or-kill',
    }[taker.timeInForce];
    const reachable = facing.some(isOwn) ? facing.slice(0, facing.findIndex(isOwn)) : facing;
    const enough = reachable.reduce((sum, { quantity }) => sum + quantity, 0) >= taker.quantity;
    if (taker.timeInForce === 'FOK' && !enough) return [this.cancel(taker, 'fill-or-kill')];
    for (const maker of facing) {
      if (taker.quantity === 0) break;
      if (isOwn(maker)) {
        const mode = taker.selfTradePrevention;
        if (mode !== 'EXPIRE_TAKER') happened.push(this.cancel(maker, 'self-trade'));
        if (mode === 'EXPIRE_MAKER') continue;
        end = 'self-trade';
        break;
      }
      happened.push(this.#trade(maker, taker));
    }
    if (taker.quantity === 0) return happened;
    if (end !== undefined) return [...happened, this.cancel(taker, end)];
    this.orders.push(taker);
    return happened;
  }

  #trade(maker: NaiveOrder, taker: NaiveOrder): Happening {
    const quantity = Math.min(maker.quantity, taker.quantity);
    const price = maker.price ?? 0;
    const makerAmount = this.#fill(maker, { price, quantity, liquidity: 'maker' });
    const takerAmount = this.#fill(taker, { price, quantity, liquidity: 'taker' });
    this.fees += taker.side === 'buy' ? takerAmount - makerAmount : makerAmount - takerAmount;
    if (maker.quantity === 0) this.orders = this.orders.filter((other) => other !== maker);
    return { kind: 'trade', maker, price, quantity, makerAmount, takerAmount };
  }

  /** Adds a fill and returns what it books: the new rounded total less the old one. */
  #fill(order: NaiveOrder, fill: NaiveFill): bigint {
    const before = this.bookedTotal(order);
    order.fills.push(fill);
    order.quantity -= fill.quantity;
    return this.bookedTotal(order) - before;
  }

  /** What an order will have booked in all if its new rest trades at the worst price, as taker. */
  mostBooked(order: NaiveOrder, newPrice: number, rest: number): bigint {
    const price = order.protection ?? newPrice;
    const worst: NaiveFill = { price, quantity: rest, liquidity: 'taker' };
    return this.bookedTotal({ ...order, fills: [...order.fills, worst] });
  }

  /** ⌈Σ value × (1 + fee)⌉ of a buyer, ⌊Σ value × (1 − fee)⌋ of a seller, in minor units of quote. */
  bookedTotal({ side, fills }: NaiveOrder): bigint {
    const { tickSize, lotSize, makerFee, takerFee, quoteScale } = this.#terms;
    const tick = parseUnits(tickSize, 18) ?? 0n;
    const lot = parseUnits(lotSize, 18) ?? 0n;
    const one = 10n ** 18n;
    let numerator = 0n;
    for (const { price, quantity, liquidity } of fills) {
      const fee = parseUnits(liquidity === 'maker' ? makerFee : takerFee, 18) ?? 0n;
      const factor = side === 'buy' ? one + fee : one - fee;
      numerator += BigInt(price) * tick * BigInt(quantity) * lot * factor;
    }
    numerator *= 10n ** BigInt(quoteScale);
    const denominator = one * one * one;
    const down = numerator / denominator;
    return side === 'buy' && numerator % denominator > 0n ? down + 1n : down;
  }
}
