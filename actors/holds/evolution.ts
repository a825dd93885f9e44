/** What the events of holds add up to. */
import type { AccountEvent } from '../../contracts/account-events.ts';
import { parseUnits, scaleOf, type Scales, type Units } from '../../contracts/money.ts';
import { known } from '../account-order.ts';
import { closedHoldsKept, type Hold, type HoldBook, type HoldEnd } from './book.ts';

/** What of an account the holds change. */
export interface HoldBooks {
  readonly book: HoldBook;
  fundsOf(asset: string): { available: Units; held: Units };
}

/** The events that `evolveHold` takes. */
export type HoldEvent = Extract<
  AccountEvent,
  {
    type:
      | 'held'
      | 'captured'
      | 'released'
      | 'hold-expired'
      | 'capture-requested'
      | 'capture-refused';
  }
>;

/** Moves an account by one event of a hold, in place. */
export function evolveHold({ book, fundsOf }: HoldBooks, event: HoldEvent, scales: Scales): void {
  switch (event.type) {
    case 'held': {
      const hold = newHold(event, scales);
      const funds = fundsOf(hold.asset);
      funds.available -= hold.amount;
      funds.held += hold.amount;
      if (funds.available < 0n) throw new Error(`hold ${hold.holdId} holds more than there is`);
      book.open.set(hold.holdId, hold);
      return;
    }
    case 'capture-requested': {
      const hold = openHold(book, event.holdId);
      const { request, to } = event;
      const amount = unitsOf({ asset: hold.asset, amount: event.amount }, scales);
      hold.capture = { request, amount, to };
      fundsOf(hold.asset).held -= amount;
      return;
    }
    case 'capture-refused': {
      const hold = openHold(book, event.holdId);
      fundsOf(hold.asset).held += hold.capture?.amount ?? 0n;
      hold.capture = undefined;
      return;
    }
    case 'captured':
      return end('captured');
    case 'released':
      return end('released');
    case 'hold-expired':
      return end('expired');
  }

  /** What the account still holds of it becomes available: all, or what was not captured. */
  function end(how: HoldEnd): void {
    const hold = openHold(book, event.holdId);
    const rest = hold.amount - (hold.capture?.amount ?? 0n);
    const funds = fundsOf(hold.asset);
    funds.held -= rest;
    funds.available += rest;
    book.open.delete(hold.holdId);
    rememberEnd(book, hold.holdId, how);
  }
}

function newHold(event: Extract<HoldEvent, { type: 'held' }>, scales: Scales): Hold {
  const { holdId, asset, to, expiresAt, reference } = event;
  return {
    holdId,
    asset,
    amount: unitsOf(event, scales),
    to,
    expiresAt,
    reference,
    capture: undefined,
  };
}

function openHold({ open }: HoldBook, holdId: string): Hold {
  const found = open.get(holdId);
  if (!found) throw new Error(`hold ${holdId} is not open`);
  return found;
}

function rememberEnd({ closed }: HoldBook, holdId: string, how: HoldEnd): void {
  closed.set(holdId, how);
  if (closed.size <= closedHoldsKept) return;
  const [oldest] = closed.keys();
  if (oldest !== undefined) closed.delete(oldest);
}

const unitsOf = ({ asset, amount }: { asset: string; amount: string }, scales: Scales): Units =>
  known(parseUnits(amount, scaleOf(scales, asset)));
