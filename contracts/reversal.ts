import { z } from 'zod';

/** The address of a record, as replies and events carry it: `17:3-4711`. */
export const RecordAddress = z
  .string()
  .regex(
    /^\d{1,9}:\d{1,15}-\d{1,15}$/,
    'must be the `at` of a reply or event, such as "17:3-4711"',
  );

const entry = {
  of: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().exactOptional(),
};
const transfer = { ...entry, transferId: z.string() };

/** What happens when an entry is reversed; `of` is the entry's address. */
export const reversalEvents = [
  /** The money of a deposit is gone again, that of a withdrawal or a transfer is back. */
  z.strictObject({ type: z.literal('deposit-reversed'), ...entry }),
  z.strictObject({ type: z.literal('withdrawal-reversed'), ...entry }),
  z.strictObject({ type: z.literal('transfer-reversed'), ...transfer, from: z.string() }),
  /** At the payee of a transfer: it has gone back. */
  z.strictObject({ type: z.literal('transfer-returned'), ...transfer, to: z.string() }),

  // From here on: in the log but not published, at the payer of a transfer.

  /** The payee is asked; `request` is the command that waits. */
  z.strictObject({
    type: z.literal('reversal-requested'),
    ...transfer,
    from: z.string(),
    request: z.string(),
  }),
  /** The payee has refused. */
  z.strictObject({ type: z.literal('reversal-refused'), of: z.string() }),
] as const;
export const ReversalEvent = z.discriminatedUnion('type', reversalEvents);
export type ReversalEvent = z.infer<typeof ReversalEvent>;

/** The events of reversals that stay in the log. */
export const reversalEventsInternal = ['reversal-requested', 'reversal-refused'] as const;
