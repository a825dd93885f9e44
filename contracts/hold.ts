/** Holds on an account's money: commands, results and events. */
import { z } from 'zod';
import { Asset, IdText } from './ids.ts';
import { Decimal } from './money.ts';

/** In ms since 1970. */
const Moment = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Commands about holds; `to` is named in the hold or, if it is not, in its capture. */
export const holdCommands = [
  z.strictObject({
    name: z.literal('hold'),
    holdId: IdText,
    asset: Asset,
    amount: Decimal,
    to: IdText.optional(),
    expiresAt: Moment.optional(),
    reference: z.string().max(128).optional(),
  }),
  z.strictObject({
    name: z.literal('capture'),
    holdId: IdText,
    amount: Decimal.optional(),
    to: IdText.optional(),
  }),
  z.strictObject({ name: z.literal('release'), holdId: IdText }),
] as const;

/** What the commands about holds answer. */
export const holdResults = {
  hold: z.strictObject({ holdId: z.string(), status: z.literal('held') }),
  capture: z.strictObject({
    holdId: z.string(),
    status: z.literal('captured'),
    amount: z.string(),
  }),
  release: z.strictObject({ holdId: z.string(), status: z.literal('released') }),
} as const;

const held = {
  holdId: z.string(),
  asset: z.string(),
  amount: z.string(),
  reference: z.string().optional(),
};

/** What is published of holds; `amount` is what the event is about, not always what was held. */
export const holdEvents = [
  z.strictObject({
    type: z.literal('held'),
    ...held,
    to: z.string().optional(),
    expiresAt: Moment.optional(),
  }),
  /** `to` has the amount; `released` is available again. */
  z.strictObject({ type: z.literal('captured'), ...held, to: z.string(), released: z.string() }),
  z.strictObject({ type: z.literal('released'), ...held }),
  z.strictObject({ type: z.literal('hold-expired'), ...held }),
  /** Of the account that a captured amount goes to: `holdId` is the other account's. */
  z.strictObject({ type: z.literal('capture-received'), ...held, from: z.string() }),
] as const;

/** What stays in the log: the amount is under way to `to`, or has come back. */
export const holdEventsInternal = [
  z.strictObject({
    type: z.literal('capture-requested'),
    holdId: z.string(),
    request: z.string(),
    amount: z.string(),
    to: z.string(),
  }),
  z.strictObject({ type: z.literal('capture-refused'), holdId: z.string() }),
] as const;
