/**
 * Orders of accounts: their messages, judged, and what goes back. A request is always answered,
 * and each order that a request touched gets one `order-update`, which carries what the receiving
 * account's holdings change by.
 */
import { z } from 'zod';
import { codes } from '../contracts/codes.ts';
import type { Fill, Side } from '../contracts/execution-report.ts';
import { actorKey } from '../contracts/ids.ts';
import type { Units, Value } from '../contracts/money.ts';
import { react, type Decision, type Incoming, type Outgoing, type State } from './actor.ts';
import type { Instrument } from './instrument.ts';
import { OrderRequest, type OrderStep, type OrderUpdate } from './order-messages.ts';
import type { SymbolEvent } from '../contracts/symbol-events.ts';
import type { Expired, Traded, Venue } from './symbol-matching.ts';
import {
  judgeCancel,
  judgeReplace,
  judgeSubmit,
  refused,
  type Judged,
  type Refused,
} from './symbol-orders.ts';
import { listingOf, type SymbolContext } from './symbol-state.ts';

/** Judges an account's message; throws at one that is none of the three. */
export function receiveOrderRequest(
  state: State<SymbolContext>,
  { name, body }: Incoming,
  venue: Venue,
): Decision<SymbolEvent> {
  const parsed = OrderRequest.safeParse({ name, body });
  // If it vanished, its account would wait for ever and nobody would know why.
  if (!parsed.success) {
    const why = z.prettifyError(parsed.error);
    throw new Error(`symbols do not understand this message ${name}: ${why}`);
  }
  const request = parsed.data;
  const outcome = judge(state, request, venue);
  const send =
    outcome.kind === 'refused'
      ? [update(request, [refusedStep(outcome)])]
      : updatesOf(request, outcome, listingOf(venue.state).instrument);
  return react(outcome.kind === 'refused' ? [] : outcome.events, { send });
}

function judge(state: State<SymbolContext>, request: OrderRequest, venue: Venue): Judged | Refused {
  const { listing } = state.context;
  if (!listing) return refused('symbol/unknown');
  if (listing.definition.settlement !== 'accounts') return refused('symbol/settlement');
  const { body } = request;
  if (request.name === 'cancel-order') return judgeCancel(venue, body.orderId, body.account);
  if (state.value === 'halted') return refused('symbol/halted');
  const order = { id: body.orderId, owner: body.account };
  return request.name === 'submit-order'
    ? judgeSubmit(venue, { ...request.body, ...order })
    : judgeReplace(venue, { ...request.body, ...order });
}

/** The requester's update first, then one for each other order, as they were met. */
function updatesOf(request: OrderRequest, outcome: Judged, instrument: Instrument): Outgoing[] {
  const traded = outcome.met.filter((met) => 'quantity' in met);
  const steps: OrderStep[] = [];
  if (request.name === 'submit-order') steps.push({ kind: 'accepted' });
  if (request.name === 'replace-order') steps.push(replacedStep(outcome));
  if (traded.length > 0) steps.push({ kind: 'traded', fills: traded.map(takerFill) });
  if (outcome.canceled) steps.push(canceledStep(outcome.canceled));
  return [
    update(request, steps, takerValue(traded, instrument)),
    ...outcome.met.map((met) => makerUpdate(met, instrument)),
  ];
}

const kinds = {
  'submit-order': 'place',
  'cancel-order': 'cancel',
  'replace-order': 'replace',
} as const;

const update = (request: OrderRequest, steps: OrderStep[], value?: Value): Outgoing =>
  orderUpdate(
    request.body.account,
    {
      orderId: request.body.orderId,
      request: { kind: kinds[request.name], id: request.body.request },
      steps,
    },
    value,
  );

function makerUpdate(met: Traded | Expired, instrument: Instrument): Outgoing {
  const { maker } = met;
  if (!('quantity' in met)) {
    return orderUpdate(maker.owner, { orderId: maker.id, steps: [canceledStep(met.event)] });
  }
  const fills = [fillOf(met, 'maker')];
  return orderUpdate(
    maker.owner,
    { orderId: maker.id, steps: [{ kind: 'traded', fills }] },
    valueOf(instrument, maker.side, met.quantity, bookedBy(met).maker),
  );
}

const orderUpdate = (account: string, body: OrderUpdate, value?: Value): Outgoing => ({
  to: actorKey('account', account),
  name: 'order-update',
  body,
  ...(value && { value }),
});

const takerFill = (traded: Traded): Fill => fillOf(traded, 'taker');

const fillOf = ({ event }: Traded, liquidity: Fill['liquidity']): Fill => ({
  execId: event.execId,
  price: event.price,
  quantity: event.quantity,
  amount: (liquidity === 'maker' ? event.makerAmount : event.takerAmount) ?? '',
  liquidity,
});

const bookedBy = ({ booked, event }: Traded): { maker: Units; taker: Units } => {
  if (!booked) throw new Error(`${event.execId} books nothing although it settles at accounts`);
  return booked;
};

function takerValue(traded: readonly Traded[], instrument: Instrument): Value | undefined {
  const [first] = traded;
  if (!first) return undefined;
  let lots = 0;
  let amount = 0n;
  for (const trade of traded) {
    lots += trade.quantity;
    amount += bookedBy(trade).taker;
  }
  return valueOf(instrument, first.event.side, lots, amount);
}

/** A buyer's holdings grow by base and shrink by what it is charged; a seller's the other way. */
function valueOf(instrument: Instrument, side: Side, lots: number, amount: Units): Value {
  const sign = side === 'buy' ? 1n : -1n;
  return {
    [instrument.base]: instrument.baseText(sign * instrument.baseUnits(lots)),
    [instrument.quote]: instrument.quoteText(-sign * amount),
  };
}

function replacedStep({ events }: Judged): OrderStep {
  const event = events.find(({ type }) => type === 'replaced');
  if (event?.type !== 'replaced') throw new Error('a replace that was judged has no `replaced`');
  return { kind: 'replaced', price: event.price, quantity: event.quantity };
}

const canceledStep = ({ reason, quantity }: Expired['event']): OrderStep => ({
  kind: 'canceled',
  reason,
  quantity,
});

const refusedStep = ({ code, message }: Refused): OrderStep => ({
  kind: 'refused',
  code,
  message: message ?? codes[code].message,
});
