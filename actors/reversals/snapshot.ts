/** A book of reversals as a snapshot keeps it. */
import { z } from 'zod';
import type { Json } from '../../contracts/json.ts';
import { ReversalEvent } from '../../contracts/reversal.ts';
import { emptyReversals, type Reclaim, type ReversalBook } from './book.ts';

export const SavedReversals = z.strictObject({
  reclaims: z.array(ReversalEvent),
  done: z.array(z.string()),
});

/** Undefined for an account that has reversed nothing. */
export function saveReversals(book: ReversalBook | undefined): Json | undefined {
  if (book === undefined || book.reclaims.size + book.done.size === 0) return undefined;
  return { reclaims: [...book.reclaims.values()].map(saveReclaim), done: [...book.done] };
}

/** The book that was saved. */
export function loadReversals(saved: z.infer<typeof SavedReversals>): ReversalBook {
  const book = emptyReversals();
  for (const event of saved.reclaims) {
    if (event.type === 'reversal-requested') book.reclaims.set(event.of, event);
  }
  for (const of of saved.done) book.done.add(of);
  return book;
}

/** Field by field: the same state must give the same text, wherever it came from. */
const saveReclaim = (reclaim: Reclaim): Reclaim => ({
  type: reclaim.type,
  of: reclaim.of,
  asset: reclaim.asset,
  amount: reclaim.amount,
  ...(reclaim.reference !== undefined && { reference: reclaim.reference }),
  transferId: reclaim.transferId,
  from: reclaim.from,
  request: reclaim.request,
});
