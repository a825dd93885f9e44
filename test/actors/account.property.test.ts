/**
 * Accounts and symbols under random commands, random interleavings of their channels, and restarts
 * from snapshots: money is conserved, every hold is explained, every command is answered once, and
 * in the end both sides agree on every order. A failure prints its seed and path.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AccountEvent } from '../../contracts/account-events.ts';
import { parseUnits } from '../../contracts/money.ts';
import { TradeEvent } from '../../contracts/symbol-events.ts';
import {
  accountOf,
  accounts,
  act,
  funds,
  perform,
  scales,
  symbolOf,
  symbols,
} from './random-acts.ts';
import { World, nonZero } from './world.ts';

/** True between any two records. */
function expectSound(world: World): void {
  expect(nonZero(world.total())).toEqual(nonZero(world.external));
  for (const id of accounts) {
    const account = accountOf(world, id);
    const held = new Map<string, bigint>();
    for (const { side, market, taken, standing, replaces } of account.orders.values()) {
      const asset = side === 'buy' ? market.terms.quote : market.terms.base;
      let hold = standing;
      for (const { budget } of replaces) if (budget - taken > hold) hold = budget - taken;
      held.set(asset, (held.get(asset) ?? 0n) + hold);
      expect(standing >= 0n).toBe(true);
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
  const inBooks = [...symbols.keys()].map((id) => symbolOf(world, id).book.size);
  expect(inBooks.reduce((sum, size) => sum + size)).toBe(open.length);
  for (const id of accounts) {
    const { replaces, cancelAlls, orders, orderIds } = accountOf(world, id);
    expect([replaces.size, cancelAlls.size, orderIds.size]).toEqual([0, 0, orders.size]);
  }
}

/** Of each order that was cancelled: what its account booked is what the symbol traded. */
function expectSameHistory(world: World): void {
  const traded = new Map<string, bigint>();
  const count = (orderId: string, quantity: string) =>
    traded.set(orderId, (traded.get(orderId) ?? 0n) + lotsOf(quantity));
  for (const { event } of world.log) {
    const { data: trade } = TradeEvent.safeParse(event);
    if (!trade) continue;
    count(trade.makerOrderId, trade.quantity);
    count(trade.takerOrderId, trade.quantity);
  }
  for (const { event } of world.log) {
    const { data: ended } = AccountEvent.safeParse(event);
    if (ended?.type !== 'order-canceled') continue;
    expect(lotsOf(ended.cumQty)).toBe(traded.get(ended.orderId) ?? 0n);
  }
}

/** How many replaces the symbol refused because fills that overtook them had left too little. */
const countOvertaken = (world: World): number =>
  world.log.filter(({ event }) => {
    const { data: refused } = AccountEvent.safeParse(event);
    if (refused?.type !== 'replace-refused') return false;
    const reply = world.asked.get(refused.request)?.reply;
    return reply?.ok === false && reply.error.code === 'account/insufficient-funds';
  }).length;

const lotsOf = (quantity: string): bigint => parseUnits(quantity, 8) ?? 0n;

test('money, holds and orders stay exact under any commands in any interleaving', () => {
  let overtaken = 0;
  fc.assert(
    fc.property(
      fc.array(act, { minLength: 40, maxLength: 160, size: 'max' }),
      fc.nat(),
      (acts, seed) => {
        const world = new World(scales);
        for (const [id, definition] of symbols) {
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
        overtaken += countOvertaken(world);
        for (const id of accounts) {
          for (const [, { held }] of accountOf(world, id).balances) expect(held).toBe(0n);
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(overtaken, 'the commands are such that fills overtake replaces').toBeGreaterThan(0);
}, 120_000);
