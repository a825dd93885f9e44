/**
 * The exchange as a workload: a few accounts that pay in and out, take that back, hold money for each
 * other and trade at two symbols.
 */
import { accountActor } from '../../actors/account.ts';
import { symbolActor } from '../../actors/symbol.ts';
import type { Json } from '../../contracts/json.ts';
import { formatUnits, type Scales } from '../../contracts/money.ts';
import type { Dice } from './dice.ts';
import { epochMs } from './life.ts';
import { ReversibleEntries } from './reversible-entries.ts';
import type { Act, Workload } from './workload.ts';

export const scales: Scales = { byAsset: { USD: 2, BTC: 4 }, others: 8 };

const accounts = ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay'].map((id) => `account/${id}`);

const symbols = {
  'BTC-USD': { base: 'BTC', quote: 'USD', tickSize: '0.05', lotSize: '0.37' },
  'ETH-BTC': { base: 'ETH', quote: 'BTC', tickSize: '0.01', lotSize: '1' },
} as const;
const fees = { makerFee: '0.0013', takerFee: '0.0177', settlement: 'accounts' } as const;

const command = (actor: string, name: string, body: Act['body'] = {}): Act => ({
  verb: 'cmd',
  actor,
  name,
  body,
});

/** Each is used once by each account; what is left of them is released in the end. */
const holds = Array.from({ length: 6 }, (_, n) => `h${n}`);

/** A whole number of ticks or lots. */
const times = (size: string, count: number): string => {
  const decimals = size.split('.')[1]?.length ?? 0;
  return formatUnits(BigInt(size.replace('.', '')) * BigInt(count), decimals);
};

export function exchange(): Workload {
  let orders = 0;
  const entries = new ReversibleEntries();
  return {
    types: [accountActor(scales), symbolActor(scales)],
    prologue: [
      ...Object.entries(symbols).map(([id, terms]) =>
        command(`symbol/${id}`, 'list', { ...terms, ...fees }),
      ),
      ...accounts.map((account) => command(account, 'deposit', { asset: 'USD', amount: '900' })),
      ...accounts.map((account) => command(account, 'deposit', { asset: 'BTC', amount: '90' })),
      ...accounts.map((account) => command(account, 'deposit', { asset: 'ETH', amount: '90' })),
    ],
    act: (dice) => {
      orders++;
      const reversal = dice.chance(0.05) ? entries.reversal(dice) : undefined;
      return reversal ?? anAct(dice, orders);
    },
    told: (act, answer) => entries.note(act, answer),
    look: (actor) =>
      actor.startsWith('account/') ? { verb: 'get', actor, name: 'balance', body: {} } : undefined,
    epilogue: [
      ...accounts.map((account) => command(account, 'cancel-all')),
      ...accounts.flatMap((account) =>
        holds.map((holdId) => command(account, 'release', { holdId })),
      ),
      ...accounts.map((account): Act => ({
        verb: 'get',
        actor: account,
        name: 'balance',
        body: {},
      })),
    ],
    judge: ({ actor, name }, result) => {
      if (name !== 'balance') return undefined;
      const { balances } = result as unknown as Balance;
      const left = Object.entries(balances).filter(([, { held }]) => /[1-9]/.test(held));
      if (left.length === 0) return undefined;
      return `${actor} has no orders and no holds, and still holds ${JSON.stringify(Object.fromEntries(left))}`;
    },
  };
}

interface Balance {
  readonly balances: { readonly [asset: string]: { readonly held: string } };
}

function anAct(dice: Dice, count: number): Act {
  const account = dice.pick(accounts);
  const roll = dice.random.next();
  if (roll < 0.15) return { verb: 'get', actor: account, name: 'balance', body: {} };
  if (roll < 0.2) {
    const symbol = dice.pick(Object.keys(symbols));
    return { verb: 'get', actor: `symbol/${symbol}`, name: 'book', body: { depth: 5 } };
  }
  if (roll < 0.35) {
    const amount = `${dice.whole(1, 40)}`;
    return command(account, dice.pick(['deposit', 'withdraw']), { asset: 'USD', amount });
  }
  if (roll < 0.42) return command(account, 'cancel-order', { origClOrdId: someOrder(dice, count) });
  if (roll < 0.45) return command(account, 'cancel-all');
  if (roll < 0.5) return command(account, 'replace-order', replacement(dice, count));
  if (roll < 0.65) return aboutHold(account, dice);
  return command(account, 'place-order', order(dice, count));
}

/** Receivers that do not exist, times that have passed, amounts that are too large: all of it happens. */
function aboutHold(account: string, dice: Dice): Act {
  const holdId = dice.pick(holds);
  const roll = dice.random.next();
  const amount = `${dice.whole(0, 60)}`;
  if (roll < 0.5) {
    const to = dice.chance(0.9) ? dice.pick(accounts).slice('account/'.length) : 'nobody';
    const expiry = dice.chance(0.7) && { expiresAt: epochMs + dice.whole(0, 15_000) };
    return command(account, 'hold', { holdId, asset: 'USD', amount, to, ...expiry });
  }
  if (roll < 0.6) return command(account, 'release', { holdId });
  return command(account, 'capture', { holdId, ...(dice.chance(0.5) && { amount }) });
}

const someOrder = (dice: Dice, count: number): string =>
  `o${dice.whole(Math.max(1, count - 20), count)}`;

function replacement(dice: Dice, count: number): Record<string, Json> {
  const { tickSize, lotSize } = symbols['BTC-USD'];
  return {
    origClOrdId: someOrder(dice, count),
    clOrdId: `o${count}`,
    price: times(tickSize, dice.whole(10, 16)),
    quantity: times(lotSize, dice.whole(1, 9)),
  };
}

function order(dice: Dice, count: number): Record<string, Json> {
  const symbol = dice.chance(0.7) ? 'BTC-USD' : 'ETH-BTC';
  const { tickSize, lotSize } = symbols[symbol];
  return {
    clOrdId: `o${count}`,
    symbol,
    side: dice.pick(['buy', 'sell']),
    type: 'limit',
    timeInForce: dice.pick(['GTC', 'GTC', 'GTC', 'IOC', 'FOK']),
    price: times(tickSize, dice.whole(10, 16)),
    quantity: times(lotSize, dice.whole(1, 9)),
    ...(dice.chance(0.3) && { selfTradePrevention: 'NONE' }),
  };
}
