/** Random commands of a few accounts at a few symbols, and of the world that they live in. */
import fc from 'fast-check';
import type { AccountContext } from '../../actors/account-state.ts';
import type { SymbolContext } from '../../actors/symbol-state.ts';
import { actorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { decimalsWritten, formatUnits, parseUnits, type Scales } from '../../contracts/money.ts';
import type { World } from './world.ts';

export const scales: Scales = { byAsset: { USD: 2, BTC: 8, KRW: 0 }, others: 8 };

/** Ticks that are no powers of ten, fees that never come out even, prices of few minor units. */
export const symbols: ReadonlyMap<string, Terms> = new Map([
  [
    'BTC-USD',
    {
      base: 'BTC',
      quote: 'USD',
      tickSize: '0.05',
      lotSize: '0.37',
      makerFee: '0.0013',
      takerFee: '0.0177',
    },
  ],
  ['BTC-KRW', { base: 'BTC', quote: 'KRW', tickSize: '7', lotSize: '0.1', takerFee: '0.333' }],
  ['ETH-BTC', { base: 'ETH', quote: 'BTC', tickSize: '0.00001', lotSize: '1' }],
]);

export const accounts = ['alice', 'bob', 'carol'] as const;

/** Just enough for a few orders. */
export const funds = { USD: '2.50', BTC: '4', KRW: '150', ETH: '20' } as const;

type Terms = {
  readonly base: string;
  readonly quote: string;
  readonly tickSize: string;
  readonly lotSize: string;
  readonly makerFee?: string;
  readonly takerFee?: string;
};

const weighted = <T extends string>(weights: { readonly [value in T]: number }) =>
  fc.oneof(
    ...Object.keys(weights).map((value) => ({
      arbitrary: fc.constant(value as T),
      weight: weights[value as T],
    })),
  );

/** One thing that happens; each kind uses the fields that it needs. */
export const act = fc.record({
  kind: weighted({
    place: 5,
    cancel: 2,
    'cancel-all': 1,
    replace: 3,
    enlarge: 4,
    cash: 1,
    freeze: 1,
    halt: 1,
    deliver: 5,
    restart: 1,
  }),
  account: fc.constantFrom(...accounts),
  symbol: fc.constantFrom(...symbols.keys()),
  /** Which of the clOrdIds in use is meant, and whether a new order takes one of a small pool. */
  name: fc.nat(),
  side: fc.constantFrom('buy', 'sell'),
  style: weighted({ limit: 3, postOnly: 1, IOC: 1, FOK: 1, market: 1, protected: 1 }),
  price: fc.integer({ min: 1, max: 6 }),
  quantity: fc.integer({ min: 1, max: 9 }),
  selfTradePrevention: fc.constantFrom('EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH', 'NONE'),
  /** Of two opposites, whether the rarer happens: a withdrawal, a freeze, a halt. */
  rarer: fc.oneof(
    { arbitrary: fc.constant(true), weight: 1 },
    { arbitrary: fc.constant(false), weight: 4 },
  ),
  picks: fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
});
export type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

export const accountOf = (world: World, id: string): AccountContext =>
  world.state(actorKey('account', id)).context as AccountContext;

export const symbolOf = (world: World, id: string): SymbolContext =>
  world.state(actorKey('symbol', id)).context as SymbolContext;

/** Lets it happen. */
export function perform(world: World, one: Act): void {
  const { account, symbol, quantity, rarer } = one;
  const ask = (name: string, body: JsonObject = {}) => world.ask('account', account, name, body);
  const { orderIds, orders } = accountOf(world, account);
  const names = [...orderIds.keys()];
  // Mostly a name that is open or reserved; sometimes one that may be closed, taken or rejected.
  const pooled = `p${one.name % 7}`;
  const old = names[one.name % names.length] ?? pooled;
  const fresh = one.name % 3 === 0 ? pooled : `f${world.asked.size}`;
  switch (one.kind) {
    case 'place':
      ask('place-order', orderOf(fresh, one));
      return;
    case 'cancel':
      ask('cancel-order', { origClOrdId: old });
      return;
    case 'cancel-all':
      ask('cancel-all', quantity % 2 === 0 ? {} : { symbol });
      return;
    case 'replace': {
      const { tickSize, lotSize } = termsOf(orders.get(orderIds.get(old) ?? '')?.symbol ?? symbol);
      const price = times(tickSize, one.price);
      const change = { price, quantity: times(lotSize, quantity) };
      ask('replace-order', { origClOrdId: old, clOrdId: fresh, ...change });
      return;
    }
    case 'enlarge':
      enlarge(world, one, fresh);
      return;
    case 'cash':
      ask(rarer ? 'withdraw' : 'deposit', { asset: 'BTC', amount: times('0.01', quantity) });
      return;
    case 'freeze':
      ask(rarer ? 'freeze' : 'unfreeze');
      return;
    case 'halt':
      world.ask('symbol', symbol, rarer ? 'halt' : 'resume');
      return;
    case 'deliver':
      for (const pick of one.picks) world.deliver(pick);
      return;
    case 'restart':
      for (const actor of world.actors) world.restart(actor);
      return;
  }
}

/**
 * A buy is to become larger at a lower price, and mostly a sale to it overtakes the replace, which
 * may by then be too dear for its budget.
 */
function enlarge(world: World, one: Act, clOrdId: string): void {
  const buys = [...accountOf(world, one.account).orders.values()].filter(
    ({ side, price }) => side === 'buy' && price !== undefined,
  );
  const order = buys[one.name % buys.length];
  if (order?.price === undefined) return;
  const { symbol } = order;
  const { tickSize, lotSize } = termsOf(symbol);
  world.ask('account', one.account, 'replace-order', {
    origClOrdId: order.clOrdId,
    clOrdId,
    price: times(tickSize, Math.max(1, order.price - one.price)),
    quantity: times(lotSize, order.quantity + one.quantity),
  });
  if (one.rarer) return;
  const seller = accounts.find((account) => account !== one.account) ?? one.account;
  const leaves = order.quantity - order.cumQuantity;
  const sale = orderOf(`s${world.asked.size}`, {
    ...one,
    symbol,
    side: 'sell',
    style: 'limit',
    price: order.price,
    quantity: Math.max(1, Math.min(one.quantity, leaves - 1)),
  });
  world.ask('account', seller, 'place-order', sale);
  world.hurry(actorKey('account', seller), actorKey('symbol', symbol));
}

function orderOf(clOrdId: string, one: Act): JsonObject {
  const { symbol, side, style, price, quantity, selfTradePrevention } = one;
  const { tickSize, lotSize } = termsOf(symbol);
  const market = style === 'market';
  const immediate = style === 'IOC' || style === 'FOK' ? style : undefined;
  return {
    clOrdId,
    symbol,
    side,
    type: market ? 'market' : 'limit',
    timeInForce: immediate ?? (market ? 'IOC' : 'GTC'),
    ...(!market && { price: times(tickSize, price) }),
    quantity: times(lotSize, quantity),
    ...(style === 'postOnly' && { postOnly: true }),
    ...(side === 'buy' &&
      (market || style === 'protected') && { protectionPrice: times(tickSize, price + 2) }),
    selfTradePrevention,
  };
}

function termsOf(symbol: string): Terms {
  const terms = symbols.get(symbol);
  if (!terms) throw new Error(`${symbol} is not listed`);
  return terms;
}

/** A whole number of ticks or lots, as text. */
function times(size: string, count: number): string {
  const decimals = decimalsWritten(size);
  return formatUnits((parseUnits(size, decimals) ?? 0n) * BigInt(count), decimals);
}
