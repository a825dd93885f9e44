/**
 * Accounts and symbols under random commands, random interleavings of their channels, and restarts
 * from snapshots: money is conserved, every hold is explained, every command is answered once, and
 * in the end both sides agree on every order.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccountContext } from '../../actors/account-state.ts';
import type { SymbolContext } from '../../actors/symbol-state.ts';
import { actorKey, splitActorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { Scales } from '../../contracts/money.ts';
import { World, nonZero } from './world.ts';

const scales: Scales = { byAsset: { USD: 2, BTC: 8, KRW: 0 }, others: 8 };

/** Ticks that are no powers of ten, fees that never come out even, prices of few minor units. */
const symbols: { readonly [id: string]: JsonObject } = {
  'BTC-USD': {
    base: 'BTC',
    quote: 'USD',
    tickSize: '0.05',
    lotSize: '0.37',
    makerFee: '0.0013',
    takerFee: '0.0177',
  },
  'BTC-KRW': { base: 'BTC', quote: 'KRW', tickSize: '7', lotSize: '0.1', takerFee: '0.333' },
  'ETH-BTC': { base: 'ETH', quote: 'BTC', tickSize: '0.00001', lotSize: '1' },
};
const accounts = ['alice', 'bob', 'carol'];
/** Just enough for a few orders. */
const funds = { USD: '2.50', BTC: '4', KRW: '150', ETH: '20' };

interface Act {
  readonly kind: 'place' | 'cancel' | 'cancel-all' | 'replace' | 'other' | 'deliver' | 'restart';
  readonly account: string;
  readonly symbol: string;
  /** Which of the clOrdIds that the account has used, or, for a new order, a small pool's. */
  readonly name: number;
  readonly side: 'buy' | 'sell';
  readonly style: 'limit' | 'post-only' | 'IOC' | 'FOK' | 'market' | 'protected';
  readonly price: number;
  readonly quantity: number;
  readonly selfTradePrevention: string;
  readonly other: string;
  readonly picks: readonly number[];
}

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom<Act['kind'][]>(
    'place',
    'place',
    'place',
    'place',
    'place',
    'cancel',
    'cancel',
    'cancel-all',
    'replace',
    'replace',
    'replace',
    'replace',
    'other',
    'deliver',
    'deliver',
    'deliver',
    'deliver',
    'restart',
  ),
  account: fc.constantFrom(...accounts),
  symbol: fc.constantFrom(...Object.keys(symbols)),
  name: fc.nat(),
  side: fc.constantFrom('buy', 'sell'),
  style: fc.constantFrom(
    'limit',
    'limit',
    'limit',
    'post-only',
    'IOC',
    'FOK',
    'market',
    'protected',
  ),
  price: fc.integer({ min: 1, max: 6 }),
  quantity: fc.integer({ min: 1, max: 9 }),
  selfTradePrevention: fc.constantFrom('EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH', 'NONE'),
  other: fc.constantFrom(
    'deposit',
    'withdraw',
    'freeze',
    'unfreeze',
    'unfreeze',
    'halt',
    'resume',
    'resume',
    'close',
  ),
  picks: fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
});

const steps = (size: unknown, count: number): string => {
  const text = String(size);
  const decimals = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;
  return (Number(text) * count).toFixed(decimals);
};

function orderOf(clOrdId: string, one: Act): JsonObject {
  const { symbol, side, style, price, quantity, selfTradePrevention } = one;
  const { tickSize, lotSize } = symbols[symbol] ?? {};
  const market = style === 'market';
  const guarded = side === 'buy' && (market || style === 'protected');
  return {
    clOrdId,
    symbol,
    side,
    type: market ? 'market' : 'limit',
    timeInForce: style === 'IOC' || style === 'FOK' ? style : market ? 'IOC' : 'GTC',
    ...(!market && { price: steps(tickSize, price) }),
    quantity: steps(lotSize, quantity),
    ...(style === 'post-only' && { postOnly: true }),
    ...(guarded && { protectionPrice: steps(tickSize, price + 2) }),
    selfTradePrevention,
  };
}

const accountOf = (world: World, id: string): AccountContext =>
  world.state(actorKey('account', id)).context as AccountContext;
const symbolOf = (world: World, id: string): SymbolContext =>
  world.state(actorKey('symbol', id)).context as SymbolContext;

function perform(world: World, one: Act): void {
  const ask = (name: string, body: JsonObject = {}) =>
    world.ask('account', one.account, name, body);
  const { orderIds } = accountOf(world, one.account);
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
      ask('cancel-all', one.quantity % 2 === 0 ? {} : { symbol: one.symbol });
      return;
    case 'replace': {
      const order = accountOf(world, one.account).orders.get(orderIds.get(old) ?? '');
      const { tickSize, lotSize } = symbols[order?.symbol ?? one.symbol] ?? {};
      const price = steps(tickSize, one.price);
      ask('replace-order', {
        origClOrdId: old,
        clOrdId: fresh,
        price,
        quantity: steps(lotSize, one.quantity),
      });
      return;
    }
    case 'other':
      if (one.other === 'halt' || one.other === 'resume')
        world.ask('symbol', one.symbol, one.other);
      else if (one.other.endsWith('freeze') || one.other === 'close') ask(one.other);
      else ask(one.other, { asset: 'BTC', amount: `${one.quantity}` });
      return;
    case 'deliver':
      for (const pick of one.picks) world.deliver(pick);
      return;
    case 'restart':
      for (const actor of world.actors) world.restart(actor);
      return;
  }
}

/** True between any two records. */
function expectSound(world: World): void {
  expect(nonZero(world.total())).toEqual(nonZero(world.external));
  for (const id of accounts) {
    const account = accountOf(world, id);
    const held = new Map<string, bigint>();
    for (const { side, market, hold, standing, replaces } of account.orders.values()) {
      const asset = side === 'buy' ? market.terms.quote : market.terms.base;
      held.set(asset, (held.get(asset) ?? 0n) + hold);
      expect(standing >= 0n && hold >= standing).toBe(true);
      if (replaces.length === 0) expect(hold).toBe(standing);
    }
    for (const [asset, balance] of account.balances) {
      expect(balance.available >= 0n).toBe(true);
      expect(balance.held).toBe(held.get(asset) ?? 0n);
    }
  }
}

/** True when nothing is under way: every command is answered, and both sides agree. */
function expectAgreement(world: World): void {
  for (const asked of world.asked.values()) expect(asked.reply, asked.name).toBeDefined();
  const open = accounts.flatMap((id) =>
    [...accountOf(world, id).orders.values()].map((order) => ({ owner: id, order })),
  );
  for (const { owner, order } of open) {
    expect(order.replaces).toEqual([]);
    const resting = symbolOf(world, order.symbol).book.get(order.orderId);
    const quantity = order.quantity - order.cumQuantity;
    expect(resting).toMatchObject({ owner, side: order.side, price: order.price, quantity });
  }
  const inBooks = Object.keys(symbols).map((id) => symbolOf(world, id).book.size);
  expect(inBooks.reduce((sum, size) => sum + size)).toBe(open.length);
  for (const id of accounts) {
    const { replaces, cancelAlls, orders, orderIds } = accountOf(world, id);
    expect([replaces.size, cancelAlls.size, orderIds.size]).toEqual([0, 0, orders.size]);
  }
}

/** Per order: what its account booked is what the symbol traded and cancelled. */
function expectSameHistory(world: World): void {
  const traded = new Map<string, number>();
  const count = (orderId: string, quantity: unknown) =>
    traded.set(orderId, (traded.get(orderId) ?? 0) + Number(quantity));
  for (const { actor, event } of world.log) {
    if (splitActorKey(actor).type !== 'symbol' || event.type !== 'trade') continue;
    count(String(event['makerOrderId']), event['quantity']);
    count(String(event['takerOrderId']), event['quantity']);
  }
  for (const { actor, event } of world.log) {
    if (splitActorKey(actor).type !== 'account' || event.type !== 'order-canceled') continue;
    expect(Number(event['cumQty'])).toBeCloseTo(traded.get(String(event['orderId'])) ?? 0, 6);
  }
}

test('money, holds and orders stay exact under any commands in any interleaving', () => {
  fc.assert(
    fc.property(
      fc.array(act, { minLength: 5, maxLength: 120, size: 'max' }),
      fc.nat(),
      (acts, seed) => {
        const world = new World(scales);
        for (const [id, definition] of Object.entries(symbols)) {
          world.ask('symbol', id, 'list', { ...definition, settlement: 'accounts' });
        }
        world.settle();
        for (const id of accounts) {
          for (const [asset, amount] of Object.entries(funds))
            world.ask('account', id, 'deposit', { asset, amount });
        }
        for (const one of acts) {
          perform(world, one);
          expectSound(world);
        }
        let turn = seed;
        const pick = () => (turn = (turn * 31 + 7) % 1_000_003);
        world.settle(pick);
        expectSound(world);
        expectAgreement(world);

        for (const id of accounts) world.ask('account', id, 'cancel-all');
        world.settle(pick);
        expectSound(world);
        expectAgreement(world);
        expectSameHistory(world);
        for (const id of accounts) {
          for (const [, { held }] of accountOf(world, id).balances) expect(held).toBe(0n);
        }
      },
    ),
    { numRuns: 150 },
  );
}, 120_000);
