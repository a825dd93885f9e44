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
import type { TransferProtocol } from '../../contracts/transfer.ts';

/** A transfer at its payer. Amounts are as on the wire, times in ms since 1970. */
export interface SentTransfer {
  readonly transferId: string;
  readonly protocol: TransferProtocol;
  readonly to: string;
  readonly asset: string;
  readonly amount: string;
  readonly reference: string | undefined;
  readonly begun: number;
  readonly deadline: number;
  /** In its protocol's chart. */
  state: string;
  /** The payee has answered the first phase. */
  answered: boolean;
  decided: number | undefined;
  ended: number | undefined;
  /** Why it was refused or undone. */
  code: string | undefined;
  outOfOrder: boolean;
  /** The payee was asked after the deadline and refused with its code: it had nothing to undo. */
  askedLate: boolean;
}

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
  readonly finished: Map<string, SentTransfer>;
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

/** The transfer that this account sends or sent. */
export const sentTransfer = (
  book: TransferBook | undefined,
  transferId: string,
): SentTransfer | undefined =>
  book?.undecided.get(transferId) ??
  book?.awaited.get(transferId) ??
  book?.finished.get(transferId);

/** Whether money may still come, or come back, so that the account has to stay. */
export function expectsMoney(book: TransferBook | undefined): boolean {
  if (book === undefined) return false;
  if (book.undecided.size > 0 || book.admitted.size > 0) return true;
  for (const { decided } of book.awaited.values()) if (decided === undefined) return true;
  return false;
}
