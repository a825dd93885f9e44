/** Traders who act at random: they place, replace and cancel orders, and pay in and out. */
import { expect } from 'vitest';
import { exact, type Sums } from './audit.ts';
import type { Chance } from './chance.ts';
import { limitOrder, marketOrder, type Order, type Report } from './orders.ts';
import { fresh } from './suite.ts';
import { resultOf, type Answer } from './wire.ts';

export interface Trader {
  readonly chance: Chance;
  /** Symbols, without their type. */
  readonly symbols: readonly [string, ...string[]];
  /** What was paid in and not out again. */
  readonly external: Sums;
  /** The orders of its own that it may still change. */
  readonly open: string[];
  /** Sends a command of its account until it has an outcome. */
  ask(name: string, body: unknown): Promise<Answer>;
}

/** Does one thing, as chance has it. */
export const act = (trader: Trader): Promise<void> => trader.chance.pick(actions)(trader);

async function place({ chance, symbols, open, ask }: Trader): Promise<void> {
  const order = randomOrder(chance.pick(symbols), chance);
  const { reply } = await ask('place-order', order);
  if (!reply.ok) return;
  expectAddsUp(reply.result as Report);
  open.push(order.clOrdId);
}

async function replace({ chance, open, ask }: Trader): Promise<void> {
  const origClOrdId = open.pop() ?? 'none';
  const clOrdId = fresh('r');
  const terms = { price: randomPrice(chance), quantity: randomQuantity(chance) };
  const { reply } = await ask('replace-order', { origClOrdId, clOrdId, ...terms });
  if (reply.ok) open.push(clOrdId);
}

async function cancel({ open, ask }: Trader): Promise<void> {
  await ask('cancel-order', { origClOrdId: open.pop() ?? 'none' });
}

async function cancelAllSeldom({ chance, ask }: Trader): Promise<void> {
  if (chance.below(10) === 0) resultOf(await ask('cancel-all', {}));
}

async function payIn({ chance, external, ask }: Trader): Promise<void> {
  const cash = { asset: chance.pick(['USD', 'BTC']), amount: `${chance.below(50) + 1}.5` };
  resultOf(await ask('deposit', cash));
  external.add(cash.asset, cash.amount);
}

async function payOut({ chance, external, ask }: Trader): Promise<void> {
  const cash = { asset: chance.pick(['USD', 'BTC']), amount: `${chance.below(90) + 1}.25` };
  const { reply } = await ask('withdraw', cash);
  if (reply.ok) external.subtract(cash.asset, cash.amount);
}

type Action = (trader: Trader) => Promise<void>;
const orders: readonly [Action, ...Action[]] = [place, place, place, place, replace, cancel];
const actions: readonly [Action, ...Action[]] = [...orders, cancelAllSeldom, payIn, payOut];

/** A multiple of 0.05 from 9 up to 12. */
const randomPrice = (chance: Chance): string =>
  `${9 + chance.below(3)}.${chance.below(10)}${chance.pick(['0', '5'])}`;

const randomQuantity = (chance: Chance): string =>
  `${chance.below(3)}.${chance.below(9_000) + 1_000}`;

function randomOrder(symbol: string, chance: Chance): Order {
  const side = chance.pick(['buy', 'sell']);
  const quantity = randomQuantity(chance);
  const selfTradePrevention = chance.pick(['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH', 'NONE']);
  if (chance.below(6) === 0) {
    const protection = side === 'buy' ? { protectionPrice: '11' } : {};
    return marketOrder(symbol, side, quantity, { selfTradePrevention, ...protection });
  }
  const timeInForce = chance.pick(['GTC', 'GTC', 'GTC', 'IOC', 'FOK']);
  const postOnly = timeInForce === 'GTC' && chance.below(5) === 0;
  const rest = { timeInForce, selfTradePrevention, postOnly };
  return limitOrder(symbol, side, randomPrice(chance), quantity, rest);
}

/** orderQty = cumQty + leavesQty + cancelled. */
function expectAddsUp({ ordStatus, orderQty, cumQty, leavesQty }: Report): void {
  const known = exact(cumQty) + exact(leavesQty);
  if (ordStatus === 'Canceled') expect(known).toBeLessThanOrEqual(exact(orderQty));
  else expect(known).toBe(exact(orderQty));
}
