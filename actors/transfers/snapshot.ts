/** A book of transfers as a snapshot keeps it: lists in the order of its maps, which is history too. */
import { z } from 'zod';
import { emptyBook, incomingKey, type AdmittedTransfer, type TransferBook } from './book.ts';
import { finished, loadSent, SavedSent, saveSent } from './sent.ts';

const text = z.string();

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

/** As JSON text; undefined for an account that has nothing to do with transfers. */
export function writeTransfers(book: TransferBook | undefined): string | undefined {
  if (book === undefined || isEmpty(book)) return undefined;
  const ended = Array.from(book.finished.values(), ({ text: saved }) => saved);
  return (
    `{"undecided":${JSON.stringify([...book.undecided.values()].map(saveSent))},` +
    `"awaited":${JSON.stringify([...book.awaited.values()].map(saveSent))},` +
    `"finished":[${ended.join(',')}],` +
    `"admitted":${JSON.stringify([...book.admitted.values()].map(saveAdmitted))},` +
    `"incomingEnded":${JSON.stringify([...book.incomingEnded])}}`
  );
}

const isEmpty = ({ undecided, awaited, finished: ended, admitted, incomingEnded }: TransferBook) =>
  [undecided, awaited, ended, admitted, incomingEnded].every(({ size }) => size === 0);

/** The book that was saved. */
export function loadTransfers(saved: z.infer<typeof SavedTransfers>): TransferBook {
  const book = emptyBook();
  for (const part of ['undecided', 'awaited'] as const) {
    for (const sent of saved[part]) book[part].set(sent.transferId, loadSent(sent));
  }
  for (const sent of saved.finished) {
    if (sent.code !== undefined) book.refused++;
    book.finished.set(sent.transferId, finished(loadSent(sent)));
  }
  for (const { reference, ...admitted } of saved.admitted) {
    book.admitted.set(incomingKey(admitted), { ...admitted, reference });
  }
  for (const [key, state] of saved.incomingEnded) book.incomingEnded.set(key, state);
  return book;
}

const saveAdmitted = (admitted: AdmittedTransfer): z.infer<typeof SavedAdmitted> => ({
  from: admitted.from,
  transferId: admitted.transferId,
  asset: admitted.asset,
  amount: admitted.amount,
  ...(admitted.reference !== undefined && { reference: admitted.reference }),
});
