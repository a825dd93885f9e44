/** What an actor's history tells, at `<prefix>.get.<type>.<id>.history` and on the command line. */
import { z } from 'zod';
import { Address } from './dead-letter.ts';
import type { Json } from './json.ts';

/** The records of one page at most, and unless another number is asked for. */
export const historyLimit = { max: 500, default: 100 } as const;

/** `after` is `next` of an earlier page, or `at` of any record of the actor. */
export const HistoryQuery = z.strictObject({
  after: Address.exactOptional(),
  limit: z.number().int().min(1).max(historyLimit.max).exactOptional(),
});
export type HistoryQuery = z.infer<typeof HistoryQuery>;

/** One record of an actor, in words and as it is. */
export const HistoryRecord = z.object({
  at: Address,
  /** In ms since 1970. */
  time: z.number(),
  /** The actor's, after it. */
  version: z.number(),
  /** Of a command. */
  id: z.string().exactOptional(),
  /** What was asked, by whom. */
  asked: z.string(),
  /** What happened, a sentence each. */
  happened: z.array(z.string()),
  /** The events as the log has them; without those that would make a page too large. */
  events: z.array(z.custom<Json>((event) => event !== undefined)),
  /** The actor's state after it, and what it had: an account's balances. */
  status: z.string(),
  balances: z.custom<Json>((balances) => balances !== undefined),
});
export type HistoryRecord = z.infer<typeof HistoryRecord>;

/** A page, oldest first; without `next` it is the last, as far as the log goes now. */
export const HistoryPage = z.object({
  records: z.array(HistoryRecord),
  next: Address.exactOptional(),
});
export type HistoryPage = z.infer<typeof HistoryPage>;

/** What can be asked of an actor of any type; one that has a query of this name answers itself. */
export const EveryQuery = { history: { body: HistoryQuery, result: HistoryPage } } as const;
