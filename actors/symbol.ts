/**
 * A traded symbol: its definition, its order book, its trades and the fees it keeps. Where it
 * settles at `accounts`, orders come as messages from accounts and what happens to them goes back;
 * with settlement `none` it only matches what `submit`, `cancel` and `replace` bring.
 */
import { setup } from 'xstate';
import { z } from 'zod';
import type { Side } from '../contracts/execution-report.ts';
import { splitActorKey } from '../contracts/ids.ts';
import type { Json } from '../contracts/json.ts';
import type { Scales, Value } from '../contracts/money.ts';
import { refusal, success, type Reply } from '../contracts/reply.ts';
import { SymbolCommand, SymbolQuery, SymbolResult, type Report } from '../contracts/symbol.ts';
import {
  accept,
  defineActor,
  query,
  reject,
  type ActorType,
  type Context,
  type Decision,
  type Incoming,
  type State,
} from './actor.ts';
import { instrument, type Instrument } from './instrument.ts';
import type { SymbolReference } from './order-messages.ts';
import { receiveOrderRequest } from './symbol-account-orders.ts';
import { publishedOrder } from './published-order.ts';
import { internalSymbolEvents, SymbolEvent } from '../contracts/symbol-events.ts';
import {
  definitionIn,
  judgeList,
  judgeStatus,
  receiveReplicated,
  referenceOf,
} from './symbol-listing.ts';
import type { Venue } from './symbol-matching.ts';
import {
  judgeCancel,
  judgeReplace,
  judgeSubmit,
  refused,
  type Judged,
  type Refused,
} from './symbol-orders.ts';
import { loadSymbol, saveSymbol } from './symbol-snapshot.ts';
import {
  applyAccepted,
  applyCanceled,
  applyReplaced,
  applyReplacing,
  applyReplicating,
  applyReplicationConfirmed,
  applyReplicationJoined,
  applyTrade,
  initialContext,
  latestTrades,
  type Listing,
  type SymbolContext,
} from './symbol-state.ts';
import { symbolWords } from './symbol-words.ts';

/** The symbol actor of a cluster whose assets have these scales. */
export function symbolActor(scales: Scales): ActorType {
  const instrumentOf = (reference: SymbolReference): Instrument => instrument(reference, scales);
  return defineActor({
    type: 'symbol',
    command: SymbolCommand,
    event: SymbolEvent,
    machine: symbolMachine(instrumentOf),
    decide: (state, command, context) => decide(state, command, context, scales),
    receive,
    query: queries,
    results: { commands: SymbolResult, queries: SymbolQuery },
    internal: internalSymbolEvents,
    publish: publishedOrder,
    persist: { save: saveSymbol, load: (saved) => loadSymbol(saved, instrumentOf) },
    holdings: feesKept,
    ledger: (state) => ({ 'fees kept': feesKept(state) }),
    words: symbolWords,
  });
}

/** All that a symbol owns. */
const feesKept = ({ context: { listing, fees } }: State<SymbolContext>): Value =>
  listing ? { [listing.definition.quote]: listing.instrument.quoteText(fees) } : {};

/** Which histories a symbol can have; `symbol-state.ts` says what the events add up to. */
const symbolMachine = (instrumentOf: (reference: SymbolReference) => Instrument) =>
  setup({
    types: { context: {} as SymbolContext, events: {} as SymbolEvent },
  }).createMachine({
    context: initialContext,
    initial: 'none',
    on: {
      replicating: { actions: ({ context, event }) => applyReplicating(context, event) },
      'replication-joined': {
        actions: ({ context, event }) => applyReplicationJoined(context, event),
      },
      'replication-confirmed': {
        actions: ({ context, event }) => applyReplicationConfirmed(context, event),
      },
    },
    states: {
      none: {
        on: {
          listed: {
            target: 'trading',
            actions: ({ context, event }) => {
              const definition = definitionIn(event);
              const instrument = instrumentOf(referenceOf(definition, 'trading'));
              context.listing = { definition, instrument };
            },
          },
        },
      },
      trading: {
        on: {
          halted: 'halted',
          accepted: { actions: ({ context, event }) => applyAccepted(context, event) },
          trade: { actions: ({ context, event }) => applyTrade(context, event) },
          canceled: { actions: ({ context, event }) => applyCanceled(context, event) },
          replacing: { actions: ({ context, event }) => applyReplacing(context, event) },
          replaced: { actions: ({ context }) => applyReplaced(context) },
        },
      },
      halted: {
        on: {
          resumed: 'trading',
          canceled: { actions: ({ context, event }) => applyCanceled(context, event) },
        },
      },
    },
  });

function decide(
  state: State<SymbolContext>,
  command: SymbolCommand,
  context: Context,
  scales: Scales,
): Decision<SymbolEvent> {
  if (command.name === 'list') return judgeList(state, definitionIn(command), scales, context);
  const { listing } = state.context;
  if (!listing) return reject('symbol/unknown');
  switch (command.name) {
    case 'halt':
      return judgeStatus(state, 'halted', context);
    case 'resume':
      return judgeStatus(state, 'trading', context);
    case 'submit':
    case 'cancel':
    case 'replace': {
      if (listing.definition.settlement !== 'none') return reject('symbol/settlement');
      const outcome = judgeOrder(state, command, venueOf(state, context));
      if (outcome.kind === 'refused') return reject(outcome.code, outcome.message);
      return accept(outcome.events, { reports: outcome.events.flatMap(reportOf) });
    }
  }
}

function judgeOrder(
  state: State<SymbolContext>,
  command: Extract<SymbolCommand, { name: 'submit' | 'cancel' | 'replace' }>,
  venue: Venue,
): Judged | Refused {
  // No accounts stand behind these orders, so none can trade with itself.
  const order = { id: command.orderId, owner: '' };
  if (command.name === 'cancel') return judgeCancel(venue, order.id, order.owner);
  if (state.value === 'halted') return refused('symbol/halted');
  return command.name === 'submit'
    ? judgeSubmit(venue, { ...command, ...order, selfTradePrevention: 'NONE' })
    : judgeReplace(venue, { ...command, ...order });
}

/** What the caller of `submit`, `cancel` and `replace` reads of an event. */
function reportOf(event: SymbolEvent): Report[] {
  switch (event.type) {
    case 'accepted': {
      const { type, orderId, price, quantity } = event;
      return [{ type, orderId, price, quantity }];
    }
    case 'canceled':
    case 'replaced':
      return [event];
    case 'trade': {
      const { type, price, quantity, makerOrderId, takerOrderId } = event;
      return [{ type, price, quantity, makerOrderId, takerOrderId }];
    }
    case 'listed':
    case 'halted':
    case 'resumed':
    case 'replacing':
    case 'replicating':
    case 'replication-joined':
    case 'replication-confirmed':
      return [];
  }
}

const Replicated = z.object({ version: z.number().int() });

function receive(
  state: State<SymbolContext>,
  message: Incoming,
  context: Context,
): Decision<SymbolEvent> {
  if (message.name !== 'replicated') {
    return receiveOrderRequest(state, message, venueOf(state, context));
  }
  return receiveReplicated(state, Replicated.parse(message.body).version);
}

const venueOf = (state: State<SymbolContext>, { self, at }: Context): Venue => ({
  state: state.context,
  symbol: splitActorKey(self).id,
  at,
});

const queries = {
  book: query(SymbolQuery.book.body, (state: State<SymbolContext>, { depth = 10 }) =>
    ifListed(state, ({ instrument }) => ({
      sequence: state.version,
      bids: levelsOf(state.context, instrument, 'buy', depth),
      asks: levelsOf(state.context, instrument, 'sell', depth),
    })),
  ),
  trades: query(SymbolQuery.trades.body, (state: State<SymbolContext>, { limit }) =>
    ifListed(state, () => ({ trades: latestTrades(state.context, limit).toReversed() })),
  ),
  fees: query(SymbolQuery.fees.body, (state: State<SymbolContext>) =>
    ifListed(state, ({ definition, instrument }) => ({
      fees: { [definition.quote]: instrument.quoteText(state.context.fees) },
    })),
  ),
  definition: query(SymbolQuery.definition.body, (state: State<SymbolContext>) =>
    ifListed(state, ({ definition }) => definitionIn(definition)),
  ),
};

const ifListed = (state: State<SymbolContext>, result: (listing: Listing) => Json): Reply => {
  const { listing } = state.context;
  return listing ? success(result(listing)) : refusal('symbol/unknown');
};

const levelsOf = (
  { book }: SymbolContext,
  { priceText, quantityText }: Instrument,
  side: Side,
  depth: number,
): [string, string][] =>
  book.levels(side, depth).map(({ price, quantity }) => [priceText(price), quantityText(quantity)]);
