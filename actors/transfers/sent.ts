/** A transfer at its payer, as it lives and as it is saved. */
import { z } from 'zod';
import { TransferProtocol } from '../../contracts/transfer.ts';

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

const text = z.string();
const moment = z.number().int();

/** As a snapshot keeps it. */
export const SavedSent = z.strictObject({
  transferId: text,
  protocol: TransferProtocol,
  to: text,
  asset: text,
  amount: text,
  reference: text.exactOptional(),
  begun: moment,
  deadline: moment,
  state: text,
  answered: z.boolean(),
  decided: moment.exactOptional(),
  ended: moment.exactOptional(),
  code: text.exactOptional(),
  outOfOrder: z.boolean(),
  askedLate: z.literal(true).exactOptional(),
});
export type SavedSent = z.infer<typeof SavedSent>;

/** One that has ended. It never changes again and is seldom asked for, but stands in every snapshot. */
export interface FinishedTransfer {
  /** Refused or undone. */
  readonly refused: boolean;
  /** The JSON text of it as saved. */
  readonly text: string;
}

/** Field by field: the same state must give the same text, wherever the transfer came from. */
export function saveSent(sent: SentTransfer): SavedSent {
  const { transferId, protocol, to, asset, amount, reference, begun, deadline } = sent;
  const { state, answered, decided, ended, code, outOfOrder, askedLate } = sent;
  // Most are like this, and an account has 200 of them: spreading parts would cost five times as much.
  if (reference === undefined && code === undefined && decided !== undefined && ended !== undefined)
    return {
      transferId,
      protocol,
      to,
      asset,
      amount,
      begun,
      deadline,
      state,
      answered,
      decided,
      ended,
      outOfOrder,
    };
  return {
    transferId,
    protocol,
    to,
    asset,
    amount,
    ...(reference !== undefined && { reference }),
    begun,
    deadline,
    state,
    answered,
    ...(decided !== undefined && { decided }),
    ...(ended !== undefined && { ended }),
    ...(code !== undefined && { code }),
    outOfOrder,
    ...(askedLate && { askedLate }),
  };
}

export const loadSent = (saved: SavedSent): SentTransfer => ({
  transferId: saved.transferId,
  protocol: saved.protocol,
  to: saved.to,
  asset: saved.asset,
  amount: saved.amount,
  reference: saved.reference,
  begun: saved.begun,
  deadline: saved.deadline,
  state: saved.state,
  answered: saved.answered,
  decided: saved.decided,
  ended: saved.ended,
  code: saved.code,
  outOfOrder: saved.outOfOrder,
  askedLate: saved.askedLate ?? false,
});

/** What is kept of a transfer that has ended. */
export const finished = (sent: SentTransfer): FinishedTransfer => ({
  refused: sent.code !== undefined,
  text: JSON.stringify(saveSent(sent)),
});

/** The transfer that was kept. */
export const unfold = ({ text: saved }: FinishedTransfer): SentTransfer =>
  loadSent(SavedSent.parse(JSON.parse(saved)));
