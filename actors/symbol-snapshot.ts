/** The JSON form of a symbol's state; its list of orders keeps their time priority. */
import { z } from 'zod';
import { SelfTradePrevention, Side } from '../contracts/execution-report.ts';
import type { Json } from '../contracts/json.ts';
import { Definition, Trade } from '../contracts/symbol.ts';
import type { Instrument } from './instrument.ts';
import type { SymbolReference } from './order-messages.ts';
import { definitionIn, referenceOf } from './symbol-listing.ts';
import { initialContext, latestTrades, type Order, type SymbolContext } from './symbol-state.ts';

/** The fields of an `Order` in the order of `saveOrder`. */
const SavedOrder = z.tuple([
  z.string(),
  Side,
  z.number(),
  z.number(),
  z.string(),
  z.boolean(),
  SelfTradePrevention,
  z.number().nullable(),
  z.number(),
  z.string(),
]);
type SavedOrder = z.infer<typeof SavedOrder>;

const Saved = z.object({
  definition: Definition.nullable(),
  orders: z.array(SavedOrder),
  trades: z.array(Trade),
  executions: z.number(),
  fees: z.string(),
  replications: z.array(
    z.object({
      version: z.number(),
      status: z.enum(['trading', 'halted']),
      missing: z.number(),
      requests: z.array(z.string()),
    }),
  ),
});

/** Plain JSON, the same for equal states. */
export function saveSymbol(context: SymbolContext): Json {
  if (context.passing) throw new Error('a symbol is saved between commands only');
  return {
    definition: context.listing ? definitionIn(context.listing.definition) : null,
    orders: context.book.orders().map(saveOrder),
    trades: latestTrades(context),
    executions: context.executions,
    fees: context.fees.toString(),
    replications: context.replications.map((one) => ({ ...one, requests: [...one.requests] })),
  };
}

/** The context that was saved. */
export function loadSymbol(
  json: Json,
  instrumentOf: (reference: SymbolReference) => Instrument,
): SymbolContext {
  const saved = Saved.parse(json);
  const context = initialContext();
  const { definition, trades, executions, replications } = saved;
  if (definition) {
    context.listing = { definition, instrument: instrumentOf(referenceOf(definition, 'trading')) };
  }
  for (const row of saved.orders) context.book.add(loadOrder(row));
  return { ...context, trades, executions, replications, fees: BigInt(saved.fees) };
}

const saveOrder = ({ id, side, price, quantity, owner, detail }: Order): SavedOrder => [
  id,
  side,
  price,
  quantity,
  owner,
  detail.postOnly,
  detail.selfTradePrevention,
  detail.protectionPrice ?? null,
  detail.traded,
  detail.exact.toString(),
];

const loadOrder = (row: SavedOrder): Order => {
  const [id, side, price, quantity, owner, ...rest] = row;
  const [postOnly, selfTradePrevention, protectionPrice, traded, exact] = rest;
  return {
    id,
    side,
    price,
    quantity,
    owner,
    detail: {
      postOnly,
      selfTradePrevention,
      protectionPrice: protectionPrice ?? undefined,
      traded,
      exact: BigInt(exact),
    },
  };
};
