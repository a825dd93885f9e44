import { z } from 'zod';
import {
  ExecutionReport,
  OrderType,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from './execution-report.ts';
import { holdCommands, holdResults } from './hold.ts';
import { Asset, IdText } from './ids.ts';
import { Decimal } from './money.ts';
import { RecordAddress } from './reversal.ts';
import { TransferProtocol, TransferReport, TransferResult } from './transfer.ts';

const Reference = z.string().max(128);
const cash = { asset: Asset, amount: Decimal, reference: Reference.optional() };

/** Every command of an account. */
export const AccountCommand = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('deposit'), ...cash }),
  z.strictObject({ name: z.literal('withdraw'), ...cash }),
  ...holdCommands,
  z.strictObject({
    name: z.literal('reverse'),
    of: RecordAddress,
    reference: Reference.optional(),
  }),
  z.strictObject({
    name: z.literal('transfer'),
    to: IdText,
    ...cash,
    protocol: TransferProtocol.optional(),
  }),
  z.strictObject({
    name: z.literal('place-order'),
    clOrdId: IdText,
    symbol: IdText,
    side: Side,
    type: OrderType,
    timeInForce: TimeInForce,
    price: Decimal.optional(),
    quantity: Decimal,
    postOnly: z.boolean().optional(),
    protectionPrice: Decimal.optional(),
    selfTradePrevention: SelfTradePrevention.optional(),
  }),
  z.strictObject({ name: z.literal('cancel-order'), origClOrdId: IdText }),
  z.strictObject({ name: z.literal('cancel-all'), symbol: IdText.optional() }),
  z.strictObject({
    name: z.literal('replace-order'),
    origClOrdId: IdText,
    clOrdId: IdText,
    price: Decimal,
    quantity: Decimal,
  }),
  z.strictObject({ name: z.literal('freeze') }),
  z.strictObject({ name: z.literal('unfreeze') }),
  z.strictObject({ name: z.literal('close') }),
]);
export type AccountCommand = z.infer<typeof AccountCommand>;

export const AccountStatus = z.enum(['none', 'open', 'frozen', 'closed']);
export type AccountStatus = z.infer<typeof AccountStatus>;

const Holding = z.strictObject({ available: z.string(), held: z.string() });

/** What each command answers when it succeeds. */
export const AccountResult = {
  deposit: z.strictObject({ asset: z.string(), available: z.string(), held: z.string() }),
  withdraw: z.strictObject({ asset: z.string(), available: z.string(), held: z.string() }),
  reverse: z.strictObject({
    of: z.string(),
    asset: z.string(),
    available: z.string(),
    held: z.string(),
  }),
  transfer: TransferResult,
  ...holdResults,
  'place-order': ExecutionReport,
  'cancel-order': ExecutionReport,
  'cancel-all': z.strictObject({ canceled: z.number().int() }),
  'replace-order': ExecutionReport,
  freeze: z.strictObject({ status: AccountStatus }),
  unfreeze: z.strictObject({ status: AccountStatus }),
  close: z.strictObject({ status: AccountStatus }),
} as const satisfies Record<AccountCommand['name'], z.ZodType>;

/** The body of each query, and what it answers. */
export const AccountQuery = {
  balance: {
    body: z.strictObject({}),
    result: z.strictObject({ status: AccountStatus, balances: z.record(z.string(), Holding) }),
  },
  orders: {
    body: z.strictObject({
      after: z.string().max(64).optional(),
      limit: z.number().int().min(1).max(500).optional(),
    }),
    result: z.strictObject({
      orders: z.array(ExecutionReport.omit({ fills: true })),
      next: z.string().optional(),
    }),
  },
  order: { body: z.strictObject({ clOrdId: IdText }), result: ExecutionReport },
  transfer: { body: z.strictObject({ transferId: z.string().max(128) }), result: TransferReport },
} as const;
