/**
 * What an account knows of transfers. The maps are changed by evolution.ts alone.
 *
 * Invariants:
 * T1 A transfer that it sends is in exactly one of `undecided`, `awaited`, `finished`; its state is
 *    one of its protocol's chart.
 * T2 The account's held balance contains the amount of each in `undecided`, and of no other.
 * T3 Its deadline is set if and only if `undecided` has something, and then for the moment at which
 *    the first of them expires, or earlier.
 * T4 A transfer that it is to receive is in `admitted` from its yes until it is told the decision.
 */
import { unfold, type FinishedTransfer, type SentTransfer } from './sent.ts';

/** A transfer that was admitted at its payee. */
export interface AdmittedTransfer {
  readonly from: string;
  readonly transferId: string;
  readonly asset: string;
  readonly amount: string;
  readonly reference: string | undefined;
}

export interface TransferBook {
  /** By id, in the order of their deadlines: what the payer may still undo. */
  readonly undecided: Map<string, SentTransfer>;
  /** By id: what only the payee's answer can end. */
  readonly awaited: Map<string, SentTransfer>;
  /** By id, oldest first. */
  readonly finished: Map<string, FinishedTransfer>;
  /** How many of the finished were refused or undone. */
  refused: number;
  /** By `incomingKey`. */
  readonly admitted: Map<string, AdmittedTransfer>;
  /** By `incomingKey`, oldest first: how the latest ended, `received` or `voided`. */
  readonly incomingEnded: Map<string, string>;
}

/** So many transfers of one account may be under way in each direction. */
export const transfersMax = 10_000;

/**
 * So many completed transfers the `transfer` query reaches back at least, and so many that were refused
 * or undone, which must not crowd out the others: each weighs on snapshots.
 */
export const completedKept = 200;
export const refusedKept = 50;

/** Channels keep order, so that this guards against nothing but a mistake of ours. */
export const incomingEndedKept = 20;

/** A book without a transfer. */
export const emptyBook = (): TransferBook => ({
  undecided: new Map(),
  awaited: new Map(),
  finished: new Map(),
  refused: 0,
  admitted: new Map(),
  incomingEnded: new Map(),
});

/** Names an incoming transfer: its id is unique per payer, whose id has no slash. */
export const incomingKey = ({ from, transferId }: { from: string; transferId: string }): string =>
  `${from}/${transferId}`;

/** The transfer that this account sends or sent, as far as it remembers. */
export function sentTransfer(
  book: TransferBook | undefined,
  transferId: string,
): SentTransfer | undefined {
  const underWay = book?.undecided.get(transferId) ?? book?.awaited.get(transferId);
  if (underWay) return underWay;
  const ended = book?.finished.get(transferId);
  return ended && unfold(ended);
}

/** Whether money may still come, or come back, so that the account has to stay. */
export function expectsMoney(book: TransferBook | undefined): boolean {
  if (book === undefined) return false;
  if (book.undecided.size > 0 || book.admitted.size > 0) return true;
  for (const { decided } of book.awaited.values()) if (decided === undefined) return true;
  return false;
}
