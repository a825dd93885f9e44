/** An account's holds as its snapshot keeps them. */
import { z } from 'zod';
import type { Json } from '../../contracts/json.ts';
import { emptyHolds, holdEnds, type Hold, type HoldBook } from './book.ts';

const units = z.string().transform((text) => BigInt(text));

/** Lists keep the order of their maps. */
export const SavedHolds = z.strictObject({
  open: z.array(
    z.strictObject({
      holdId: z.string(),
      asset: z.string(),
      amount: units,
      to: z.string().nullable(),
      expiresAt: z.number().int().nullable(),
      reference: z.string().nullable(),
      capture: z.strictObject({ request: z.string(), amount: units, to: z.string() }).nullable(),
    }),
  ),
  closed: z.array(z.tuple([z.string(), z.enum(holdEnds)])),
});

export const saveHolds = ({ open, closed }: HoldBook): Json => ({
  open: [...open.values()].map(saveHold),
  closed: [...closed].map(([holdId, end]) => [holdId, end]),
});

export function loadHolds({ open, closed }: z.infer<typeof SavedHolds>): HoldBook {
  const book = emptyHolds();
  for (const { to, expiresAt, reference, capture, ...hold } of open) {
    book.open.set(hold.holdId, {
      ...hold,
      to: to ?? undefined,
      expiresAt: expiresAt ?? undefined,
      reference: reference ?? undefined,
      capture: capture ?? undefined,
    });
  }
  for (const [holdId, end] of closed) book.closed.set(holdId, end);
  return book;
}

/** Field by field: the same state must give the same text. */
const saveHold = ({ holdId, asset, amount, to, expiresAt, reference, capture }: Hold): Json => ({
  holdId,
  asset,
  amount: amount.toString(),
  to: to ?? null,
  expiresAt: expiresAt ?? null,
  reference: reference ?? null,
  capture: capture
    ? { request: capture.request, amount: capture.amount.toString(), to: capture.to }
    : null,
});
