/** A book of transfers as a snapshot keeps it: lists in the order of its maps, which is history too. */
import { z } from 'zod';
import type { Json } from '../../contracts/json.ts';
import { TransferProtocol } from '../../contracts/transfer.ts';
import {
  emptyBook,
  incomingKey,
  type AdmittedTransfer,
  type SentTransfer,
  type TransferBook,
} from './book.ts';

const text = z.string();
const moment = z.number().int();

const SavedSent = z.strictObject({
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
type SavedSent = z.infer<typeof SavedSent>;

const SavedAdmitted = z.strictObject({
  from: text,
  transferId: text,
  asset: text,
  amount: text,
  reference: text.exactOptional(),
});

export const SavedTransfers = z.strictObject({
  undecided: z.array(SavedSent),
  awaited: z.array(SavedSent),
  finished: z.array(SavedSent),
  admitted: z.array(SavedAdmitted),
  incomingEnded: z.array(z.tuple([text, text])),
});

/** Undefined for an account that has nothing to do with transfers. */
export function saveTransfers(book: TransferBook | undefined): Json | undefined {
  if (book === undefined) return undefined;
  const saved = {
    undecided: [...book.undecided.values()].map(saveSent),
    awaited: [...book.awaited.values()].map(saveSent),
    finished: [...book.finished.values()].map(saveSent),
    admitted: [...book.admitted.values()].map(saveAdmitted),
    incomingEnded: [...book.incomingEnded],
  };
  return Object.values(saved).some(({ length }) => length > 0) ? saved : undefined;
}

/** The book that was saved. */
export function loadTransfers(saved: z.infer<typeof SavedTransfers>): TransferBook {
  const book = emptyBook();
  for (const part of ['undecided', 'awaited', 'finished'] as const) {
    for (const sent of saved[part]) book[part].set(sent.transferId, loadSent(sent));
  }
  for (const { code } of book.finished.values()) if (code !== undefined) book.refused++;
  for (const { reference, ...admitted } of saved.admitted) {
    book.admitted.set(incomingKey(admitted), { ...admitted, reference });
  }
  for (const [key, state] of saved.incomingEnded) book.incomingEnded.set(key, state);
  return book;
}

/** Field by field: the same state must give the same text, wherever the transfer came from. */
function saveSent(sent: SentTransfer): SavedSent {
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

const loadSent = (saved: SavedSent): SentTransfer => ({
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

const saveAdmitted = (admitted: AdmittedTransfer): z.infer<typeof SavedAdmitted> => ({
  from: admitted.from,
  transferId: admitted.transferId,
  asset: admitted.asset,
  amount: admitted.amount,
  ...(admitted.reference !== undefined && { reference: admitted.reference }),
});
