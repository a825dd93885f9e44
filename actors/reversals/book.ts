/**
 * Which entries an account has reversed, or waits to. An entry is named by the address of its record,
 * for as long as there are archives: the account itself need not remember what it once did.
 */
import { parseUnits, scaleOf, type Scales } from '../../contracts/money.ts';
import type { ReversalEvent } from '../../contracts/reversal.ts';
import type { Balance } from '../balances.ts';

/** A transfer that its payee is asked to give back. */
export type Reclaim = Extract<ReversalEvent, { type: 'reversal-requested' }>;

export interface ReversalBook {
  /** By the entry's address. */
  readonly reclaims: Map<string, Reclaim>;
  /** Addresses, the oldest first. None is forgotten, or it could be reversed again. */
  readonly done: Set<string>;
}

/** So many entries of one account can be reversed. */
export const reversalsMax = 10_000;

/** A book without a reversal. */
export const emptyReversals = (): ReversalBook => ({ reclaims: new Map(), done: new Set() });

/** Moves an account by one event of a reversal, in place. */
export function evolveReversal(
  { book, fundsOf }: { book: ReversalBook; fundsOf: (asset: string) => Balance },
  event: ReversalEvent,
  scales: Scales,
): void {
  switch (event.type) {
    case 'reversal-requested':
      book.reclaims.set(event.of, event);
      return;
    case 'reversal-refused':
      book.reclaims.delete(event.of);
      return;
    case 'withdrawal-reversed':
    case 'transfer-reversed':
      book.reclaims.delete(event.of);
      book.done.add(event.of);
      fundsOf(event.asset).available += unitsOf(event, scales);
      return;
    case 'deposit-reversed':
      book.done.add(event.of);
      return take(fundsOf(event.asset), event, scales);
    case 'transfer-returned':
      return take(fundsOf(event.asset), event, scales);
  }
}

function take(funds: Balance, event: { asset: string; amount: string }, scales: Scales): void {
  funds.available -= unitsOf(event, scales);
  if (funds.available < 0n)
    throw new Error(`${event.asset} ${event.amount} are not there any more`);
}

function unitsOf({ asset, amount }: { asset: string; amount: string }, scales: Scales): bigint {
  const units = parseUnits(amount, scaleOf(scales, asset));
  if (units === undefined) throw new Error(`${amount} ${asset} is too precise`);
  return units;
}
