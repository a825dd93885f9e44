/**
 * The holds of one account.
 *
 * Invariants:
 * H1 a hold is captured, released or expired once: it leaves `open` for `closed` with that event;
 * H2 the account's held balance contains for it its amount, less what a capture has under way;
 * H3 the account has a deadline (`holdsDeadline`) at or before the `expiresAt` of each open hold that
 *    is not being captured; with the last that could expire, a capture or release clears it.
 */
import type { Units } from '../../contracts/money.ts';

export interface HoldBook {
  /** By holdId, in the order of holding. */
  readonly open: Map<string, Hold>;
  /** By holdId, oldest first, at most `closedHoldsKept`. */
  readonly closed: Map<string, HoldEnd>;
}

export interface Hold {
  readonly holdId: string;
  readonly asset: string;
  readonly amount: Units;
  readonly to: string | undefined;
  /** From this time on, in ms since 1970, it can only expire. */
  readonly expiresAt: number | undefined;
  readonly reference: string | undefined;
  capture: Capture | undefined;
}

/** A capture that `to` has not yet answered. */
export interface Capture {
  /** The id of the command that waits for it. */
  readonly request: string;
  readonly amount: Units;
  readonly to: string;
}

/** How a hold has ended. */
export type HoldEnd = 'captured' | 'released' | 'expired';

export const holdEnds = ['captured', 'released', 'expired'] as const satisfies readonly HoldEnd[];

/** More would make an account's snapshot too large for every change of it. */
export const openHoldsMax = 5_000;

/** How far back it is known how a hold has ended, and that its id was used. */
export const closedHoldsKept = 1_000;

/** The one deadline of an account's holds. */
export const holdsDeadline = 'holds';

export const emptyHolds = (): HoldBook => ({ open: new Map(), closed: new Map() });

export const isExpired = ({ expiresAt }: Hold, now: number): boolean =>
  expiresAt !== undefined && now >= expiresAt;

/** When the next hold expires that can expire by then; Infinity if none does. */
export function nextExpiry(book: HoldBook | undefined, now: number): number {
  let next = Infinity;
  for (const hold of book?.open.values() ?? []) {
    // The answer to its capture ends it, one way or the other.
    if (hold.capture && isExpired(hold, now)) continue;
    next = Math.min(next, hold.expiresAt ?? Infinity);
  }
  return next;
}
