/**
 * Keeps an order book equal to a recorded one: turns changes of price levels into the orders of one
 * market-making account. Pure: the same changes always give the same commands, so that a demo that
 * was cut off can work out where it stood.
 *
 * I1 One open order per price level; its open quantity is the level's.
 * I2 Within an update deletions come first, then changes, then additions: in the order received, an
 *    update that moves the market could cross the mirror's own orders.
 * I3 A side has at most `depth` levels, the best: the feed sends no deletion for a level that falls
 *    below its depth, so what is worse is cancelled here.
 * I4 Levels priced above 2^53 − 1 ticks, which no order may be, are left out: the recording has
 *    one, an offer of XMR for 99,999,997.00000000 USD.
 */
import type { AccountCommand } from '../../contracts/account.ts';
import type { Side } from '../../contracts/execution-report.ts';
import { decimalsWritten, formatUnits, parseUnits, type Units } from '../../contracts/money.ts';
import type { LevelChange } from './feed.ts';

/** A command of the market maker's or the taker's account. */
export type OrderCommand = Extract<
  AccountCommand,
  { name: 'place-order' | 'replace-order' | 'cancel-order' }
>;

/** Commands that may be sent together; a phase is answered before the next is sent. */
export type Phase = readonly OrderCommand[];

/** A trade against a level, and what the market maker then does to restore the level. */
export interface Strike {
  readonly take: OrderCommand;
  readonly restore: OrderCommand;
}

export interface Mirror {
  /** The commands of the market maker that apply an update. */
  apply(changes: readonly LevelChange[]): Phase[];
  /** A taker's order for all or half of a side's best level; undefined if there is none. */
  strike(side: Side, share: 'all' | 'half'): Strike | undefined;
}

export interface MirrorOptions {
  readonly symbol: string;
  readonly tickSize: string;
  readonly depth: number;
  /** Begins every clOrdId; another one for each time that a recording is played. */
  readonly label: string;
}

/** All quantities of the feed have eight decimals; so has our lotSize. */
export const lotDecimals = 8;
export const lotSize = '0.00000001';

interface Level {
  readonly side: Side;
  readonly price: string;
  clOrdId: string;
  open: Units;
  /** What the level's order has traded so far: FIX's total quantity counts it. */
  traded: Units;
}

export function createMirror({ symbol, tickSize, depth, label }: MirrorOptions): Mirror {
  const sides = { buy: new Map<string, Level>(), sell: new Map<string, Level>() };
  const tickDecimals = decimalsWritten(tickSize);
  let orders = 0;

  const nextId = (side: Side, price: string): string =>
    `${label}-${side}-${price.replace('.', '_')}-${++orders}`;

  function remove(side: Side, price: string): Phase {
    const level = sides[side].get(price);
    if (level === undefined) return [];
    sides[side].delete(price);
    return [{ name: 'cancel-order', origClOrdId: level.clOrdId }];
  }

  function add(side: Side, price: string, open: Units): OrderCommand {
    const level = { side, price, clOrdId: nextId(side, price), open, traded: 0n };
    sides[side].set(price, level);
    return limitOrder(symbol, { side, price, clOrdId: level.clOrdId, quantity: open }, 'GTC');
  }

  function resize(level: Level, open: Units): OrderCommand {
    const origClOrdId = level.clOrdId;
    level.clOrdId = nextId(level.side, level.price);
    level.open = open;
    return {
      name: 'replace-order',
      origClOrdId,
      clOrdId: level.clOrdId,
      price: level.price,
      quantity: formatUnits(level.traded + open, lotDecimals),
    };
  }

  function set(change: LevelChange): OrderCommand {
    const level = sides[change.side].get(change.price);
    const open = lots(change.quantity);
    return level === undefined ? add(change.side, change.price, open) : resize(level, open);
  }

  function cutToDepth(): Phase {
    const beyond = [sides.buy, sides.sell].flatMap((levels) =>
      levels.size > depth ? bestFirst(levels).slice(depth) : [],
    );
    return beyond.flatMap((level) => remove(level.side, level.price));
  }

  return {
    apply(changes) {
      const isKnown = ({ side, price }: LevelChange): boolean => sides[side].has(price);
      const last = lastOfEachLevel(changes).filter(
        ({ price }) => exact(price, tickDecimals) <= Number.MAX_SAFE_INTEGER,
      );
      const deleted = last.filter((change) => lots(change.quantity) === 0n);
      const kept = last.filter((change) => lots(change.quantity) !== 0n);
      const changed = kept.filter(isKnown);
      const added = kept.filter((change) => !isKnown(change));
      const phases = [
        deleted.flatMap(({ side, price }) => remove(side, price)),
        changed.map(set),
        added.map(set),
        cutToDepth(),
      ];
      return phases.filter((phase) => phase.length > 0);
    },
    strike(side, share) {
      const level = bestFirst(sides[side])[0];
      if (level === undefined) return undefined;
      const quantity = share === 'all' || level.open < 2n ? level.open : level.open / 2n;
      const taker = side === 'buy' ? 'sell' : 'buy';
      const clOrdId = nextId(taker, level.price);
      const take = limitOrder(
        symbol,
        { side: taker, price: level.price, clOrdId, quantity },
        'IOC',
      );
      if (quantity === level.open) return { take, restore: add(side, level.price, level.open) };
      level.traded += quantity;
      return { take, restore: resize(level, level.open) };
    },
  };
}

interface Order {
  readonly side: Side;
  readonly price: string;
  readonly clOrdId: string;
  readonly quantity: Units;
}

const limitOrder = (symbol: string, order: Order, timeInForce: 'GTC' | 'IOC'): OrderCommand => ({
  name: 'place-order',
  clOrdId: order.clOrdId,
  symbol,
  side: order.side,
  type: 'limit',
  timeInForce,
  price: order.price,
  quantity: formatUnits(order.quantity, lotDecimals),
});

function bestFirst(levels: ReadonlyMap<string, Level>): Level[] {
  const priced = [...levels.values()].map((level) => ({ level, price: units(level.price) }));
  const direction = priced[0]?.level.side === 'buy' ? -1 : 1;
  priced.sort((a, b) => (a.price === b.price ? 0 : a.price < b.price ? -direction : direction));
  return priced.map(({ level }) => level);
}

/** Of several changes of one level within an update the last one holds. */
const lastOfEachLevel = (changes: readonly LevelChange[]): LevelChange[] => [
  ...new Map(changes.map((change) => [`${change.side} ${change.price}`, change])).values(),
];

/** A price at a scale that every price fits, to compare it with others. */
const units = (decimal: string): Units => exact(decimal, 18);

const lots = (quantity: string): Units => exact(quantity, lotDecimals);

function exact(decimal: string, scale: number): Units {
  const value = parseUnits(decimal, scale);
  if (value === undefined) throw new Error(`"${decimal}" has more than ${scale} decimals`);
  return value;
}
