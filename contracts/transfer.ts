import { z } from 'zod';

/**
 * How a transfer is brought to its end: try, confirm or cancel; a saga that the payer orchestrates;
 * two-phase commit; a saga that payer and payee carry on without a coordinator.
 */
export const TransferProtocol = z.enum(['tcc', 'saga', '2pc', 'choreography']);
export type TransferProtocol = z.infer<typeof TransferProtocol>;

/** What the command answers when the payee can no longer refuse. */
export const TransferResult = z.strictObject({
  transferId: z.string(),
  status: z.literal('completed'),
});

/** One phase of a participant; `phase` is null where the protocol has none for this decision. */
const Phase = z.strictObject({
  phase: z.string().nullable(),
  status: z.enum(['not sent', 'sent', 'answered']),
});

/** The phase table of a transfer, as the paying account knows it. Times are in ms since 1970. */
export const TransferReport = z.strictObject({
  transferId: z.string(),
  status: z.enum(['pending', 'completed', 'refused']),
  protocol: TransferProtocol,
  to: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().exactOptional(),
  /** Why it was refused. */
  code: z.string().exactOptional(),
  /** The protocol's word for it: `confirm` or `cancel`, `complete` or `compensate`, `commit` or `abort`. */
  decision: z.string().nullable(),
  /** The payee was told to undo what it had not been asked yet. */
  outOfOrder: z.boolean(),
  participants: z.array(
    z.strictObject({
      role: z.enum(['payer', 'payee']),
      first: Phase,
      second: Phase,
    }),
  ),
  times: z.strictObject({
    begun: z.number(),
    deadline: z.number(),
    decided: z.number().exactOptional(),
    /** Nothing of it is under way any more. */
    ended: z.number().exactOptional(),
  }),
});
export type TransferReport = z.infer<typeof TransferReport>;

const terms = {
  transferId: z.string(),
  protocol: TransferProtocol,
  to: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().exactOptional(),
  deadline: z.number().int(),
};
const moved = {
  transferId: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().exactOptional(),
};
const moment = { transferId: z.string(), time: z.number().int() };

/** What happens to a transfer at either account; `from` and `to` are the ids of accounts. */
export const transferEvents = [
  /** At the payer: the payee can no longer refuse; the money is on its way. */
  z.strictObject({ type: z.literal('transfer-sent'), to: z.string(), ...moved, time: moment.time }),
  /** At the payee: the money is available. */
  z.strictObject({ type: z.literal('transfer-received'), from: z.string(), ...moved }),

  // From here on: in the log but not published. First the payer's.

  /** The amount is set aside. */
  z.strictObject({ type: z.literal('transfer-begun'), ...terms, time: moment.time }),
  /** It never began. */
  z.strictObject({
    type: z.literal('transfer-rejected'),
    ...terms,
    code: z.string(),
    time: moment.time,
  }),
  /** The payee refused, and keeps nothing of it. */
  z.strictObject({ type: z.literal('transfer-refused'), ...moment, code: z.string() }),
  /** It was undone by its deadline. */
  z.strictObject({ type: z.literal('transfer-expired'), ...moment }),
  /** The payee's answer to the first phase came after it was undone. */
  z.strictObject({ type: z.literal('transfer-answered'), transferId: z.string() }),
  /** The payee has carried out the decision. */
  z.strictObject({ type: z.literal('transfer-settled'), ...moment }),

  // Then the payee's.

  /** From here on the payee takes the money when it comes, whatever happens to it. */
  z.strictObject({ type: z.literal('transfer-admitted'), from: z.string(), ...moved }),
  /** It will not come; nor will this transfer be admitted any more. */
  z.strictObject({
    type: z.literal('transfer-voided'),
    transferId: z.string(),
    from: z.string(),
  }),
] as const;
export type TransferEvent = z.infer<(typeof transferEvents)[number]>;

/** The events of transfers that stay in the log. */
export const transferEventsInternal = [
  'transfer-begun',
  'transfer-rejected',
  'transfer-refused',
  'transfer-expired',
  'transfer-answered',
  'transfer-settled',
  'transfer-admitted',
  'transfer-voided',
] as const;
