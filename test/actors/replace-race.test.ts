/** A replace on its way to the symbol while the order there trades: whoever is first, it is paid. */
import { expect, test } from 'vitest';
import type { SymbolContext } from '../../actors/symbol-state.ts';
import { actorKey } from '../../contracts/ids.ts';
import { defaultScales } from '../../contracts/money.ts';
import { World, nonZero } from './world.ts';

const bob = actorKey('account', 'bob');
const bitcoin = actorKey('symbol', 'BTC-USD');

/** Alice has an order to buy 10 at 100.00 in the book; there are no fees. */
function given(dollars: string): World {
  const world = new World(defaultScales);
  const definition = { base: 'BTC', quote: 'USD', tickSize: '1', lotSize: '1' };
  world.ask('symbol', 'BTC-USD', 'list', { ...definition, settlement: 'accounts' });
  world.settle();
  world.ask('account', 'alice', 'deposit', { asset: 'USD', amount: dollars });
  world.ask('account', 'bob', 'deposit', { asset: 'BTC', amount: '100' });
  place(world, 'alice', 'buy', '100', '10');
  world.settle();
  return world;
}

const place = (world: World, account: string, side: string, price: string, quantity: string) =>
  world.ask('account', account, 'place-order', {
    clOrdId: `${account}-${side}-${price}`,
    symbol: 'BTC-USD',
    side,
    type: 'limit',
    timeInForce: 'GTC',
    price,
    quantity,
  });

const replace = (world: World, clOrdId: string, price: string, quantity: string) =>
  world.ask('account', 'alice', 'replace-order', {
    origClOrdId: 'alice-buy-100',
    clOrdId,
    price,
    quantity,
  });

/** Bob sells to Alice at the symbol before any request that Alice has under way arrives there. */
function sellFirst(world: World, price: string, quantity: string): void {
  place(world, 'bob', 'sell', price, quantity);
  world.hurry(bob, bitcoin);
}

/** Of Alice's requests, which alone are under way, the first arrives at the symbol. */
const firstArrives = (world: World): boolean => world.deliver(0);

const expectDollars = (world: World, available: string, held: string) => {
  expect(world.get('account', 'alice', 'balance')).toMatchObject({
    result: { balances: { USD: { available, held } } },
  });
  expect(nonZero(world.total())).toEqual(nonZero(world.external));
};

const bookSize = (world: World): number =>
  (world.state(bitcoin).context as SymbolContext).book.size;

test('a replace to 20 at 60 of 10 at 100 needs 1200, not 2200, and trades up to that', () => {
  const world = given('1200.00');
  const asked = replace(world, 'r', '60', '20');
  expectDollars(world, '0.00', '1200.00');
  world.settle();
  expect(asked.reply).toMatchObject({ ok: true, result: { ordStatus: 'New', leavesQty: '20' } });
  place(world, 'bob', 'sell', '50', '20');
  world.settle();
  expectDollars(world, '0.00', '0.00');
});

test('a replace is refused if the order first traded so much that it cannot be paid', () => {
  const world = given('1200.00');
  const asked = replace(world, 'r', '60', '20');
  sellFirst(world, '100', '6');
  world.settle();
  expect(asked.reply).toMatchObject({ ok: false, error: { code: 'account/insufficient-funds' } });
  expectDollars(world, '200.00', '400.00');
  place(world, 'bob', 'sell', '50', '4');
  world.settle();
  expectDollars(world, '200.00', '0.00');
});

test('a replace goes through if what the order first traded leaves just enough', () => {
  const world = given('2000.00');
  const asked = replace(world, 'r', '50', '15');
  sellFirst(world, '100', '5');
  world.settle();
  expect(asked.reply).toMatchObject({ ok: true, result: { cumQty: '5', leavesQty: '10' } });
  expectDollars(world, '1000.00', '500.00');
});

test('a replace comes too late for an order that first traded all it had', () => {
  const world = given('2000.00');
  const asked = replace(world, 'r', '90', '20');
  expectDollars(world, '200.00', '1800.00');
  sellFirst(world, '100', '10');
  world.settle();
  expect(asked.reply).toMatchObject({ ok: false, error: { code: 'order/unknown' } });
  expectDollars(world, '1000.00', '0.00');
});

test('of two replaces under way each is judged by what the order has cost by then', () => {
  const world = given('2000.00');
  const [first, second] = [replace(world, 'r1', '60', '20'), replace(world, 'r2', '50', '30')];
  expectDollars(world, '500.00', '1500.00');
  firstArrives(world);
  sellFirst(world, '60', '16');
  world.settle();
  expect(first.reply).toMatchObject({ ok: true, result: { clOrdId: 'r1', orderQty: '20' } });
  expect(second.reply).toMatchObject({ ok: false, error: { code: 'account/insufficient-funds' } });
  expectDollars(world, '800.00', '240.00');
});

test('a replace that asks for less is not refused for funds, whatever was asked before it', () => {
  const world = given('2000.00');
  const [first, second] = [replace(world, 'r1', '100', '20'), replace(world, 'r2', '60', '15')];
  firstArrives(world);
  sellFirst(world, '100', '10');
  world.settle();
  expect(first.reply).toMatchObject({ ok: true });
  expect(second.reply).toMatchObject({ ok: true, result: { cumQty: '10', leavesQty: '5' } });
  expectDollars(world, '700.00', '300.00');
});

test('an order that is cancelled behind a replace gives everything back', () => {
  const world = given('1200.00');
  replace(world, 'r', '60', '20');
  const asked = world.ask('account', 'alice', 'cancel-order', { origClOrdId: 'r' });
  sellFirst(world, '100', '2');
  world.settle();
  expect(asked.reply).toMatchObject({ ok: true, result: { ordStatus: 'Canceled', cumQty: '2' } });
  expectDollars(world, '1000.00', '0.00');
  expect(bookSize(world)).toBe(0);
});
