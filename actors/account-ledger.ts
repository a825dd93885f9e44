/** What an account owns, by what it is kept for: the lines of a trial balance. */
import { formatUnits, parseUnits, scaleOf, type Scales, type Units } from '../contracts/money.ts';
import { heldBy } from './account-order.ts';
import type { AccountContext } from './account-state.ts';
import type { Ledger, State } from './actor.ts';

/** Without what is available these lines are what is held, by the invariant A2 of account-state.ts. */
export function accountLedger(scales: Scales, { context }: State<AccountContext>): Ledger {
  const { balances, orders, holds, transfers } = context;
  const lines = {
    available: new Map<string, Units>(),
    'held for orders': new Map<string, Units>(),
    'held for holds': new Map<string, Units>(),
    'held for transfers': new Map<string, Units>(),
  };
  for (const [asset, { available }] of balances) add(lines.available, asset, available);
  for (const order of orders.values()) {
    const { base, quote } = order.market.terms;
    add(lines['held for orders'], order.side === 'buy' ? quote : base, heldBy(order));
  }
  for (const { asset, amount, capture } of holds?.open.values() ?? [])
    add(lines['held for holds'], asset, amount - (capture?.amount ?? 0n));
  for (const { asset, amount } of transfers?.undecided.values() ?? [])
    add(lines['held for transfers'], asset, parseUnits(amount, scaleOf(scales, asset)) ?? 0n);
  return Object.fromEntries(
    Object.entries(lines).map(([line, sums]) => [
      line,
      Object.fromEntries(
        [...sums].map(([asset, units]) => [asset, formatUnits(units, scaleOf(scales, asset))]),
      ),
    ]),
  );
}

function add(sums: Map<string, Units>, asset: string, units: Units): void {
  if (units !== 0n) sums.set(asset, (sums.get(asset) ?? 0n) + units);
}
