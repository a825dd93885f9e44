/** Orders as tests write them: a limit order for one unit, unless said otherwise. */
import { expect } from 'vitest';
import { fresh } from './suite.ts';
import { readOf, type Answer, type Wire } from './wire.ts';

export interface Order {
  readonly clOrdId: string;
  readonly symbol: string;
  readonly side: string;
  readonly type: string;
  readonly timeInForce: string;
  readonly price?: string;
  readonly quantity: string;
  readonly postOnly?: boolean;
  readonly protectionPrice?: string;
  readonly selfTradePrevention?: string;
}

export interface Report {
  readonly orderId: string;
  readonly clOrdId: string;
  readonly ordStatus: string;
  readonly orderQty: string;
  readonly cumQty: string;
  readonly leavesQty: string;
  readonly reason?: string;
  readonly fills: readonly { readonly execId: string; readonly price: string }[];
}

/** A GTC limit order. */
export const limitOrder = (
  symbol: string,
  side: 'buy' | 'sell',
  price: string,
  quantity: string,
  more: Partial<Order> = {},
): Order => ({
  clOrdId: fresh('o'),
  symbol,
  side,
  type: 'limit',
  timeInForce: 'GTC',
  price,
  quantity,
  ...more,
});

/** An IOC market order; a buy needs a protection price. */
export const marketOrder = (
  symbol: string,
  side: 'buy' | 'sell',
  quantity: string,
  more: Partial<Order> = {},
): Order => ({
  clOrdId: fresh('o'),
  symbol,
  side,
  type: 'market',
  timeInForce: 'IOC',
  quantity,
  ...more,
});

/** What a report of this order must be: what the order says, and the rest as given. */
export const reportOf = (order: Order, rest: Record<string, unknown>): Record<string, unknown> => ({
  orderId: expect.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  clOrdId: order.clOrdId,
  symbol: order.symbol,
  side: order.side,
  type: order.type,
  timeInForce: order.timeInForce,
  time: expect.any(Number),
  fills: [],
  ...rest,
});

export const place = (wire: Wire, account: string, order: Order, id?: string): Promise<Answer> =>
  wire.cmd(account, 'place-order', order, id);

/** The order as its account knows it now. */
export const orderNow = async (wire: Wire, account: string, clOrdId: string): Promise<Report> =>
  readOf<Report>(await wire.read(account, 'order', { clOrdId }));

export type Balances = Record<string, { readonly available: string; readonly held: string }>;

export const balancesOf = async (wire: Wire, account: string): Promise<Balances> =>
  readOf<{ balances: Balances }>(await wire.read(account, 'balance')).balances;

/** The levels of a book, without its sequence. */
export async function bookOf(
  wire: Wire,
  symbol: string,
): Promise<{ bids: unknown; asks: unknown }> {
  const { bids, asks } = readOf<{ bids: unknown; asks: unknown }>(
    await wire.read(`symbol/${symbol}`, 'book', { depth: 1_000 }),
  );
  return { bids, asks };
}
