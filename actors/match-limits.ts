/**
 * How far one command may go. Besides the number of trades it is bounded in bytes: the reply that
 * lists the trades must fit a NATS message, and the record with all events and messages the log.
 * The sizes are upper bounds from the lengths of the ids and of the longest price, quantity and
 * amount that the command can come to, so they depend on nothing but state and command.
 */
import { scopedId } from './scoped-id.ts';
import type { MatchLimits } from './order-book.ts';
import type { Entry, Venue } from './symbol-matching.ts';
import { listingOf, type OrderDetail } from './symbol-state.ts';

/** Trades of one command; further counterparts end it with `trade-limit`. */
export const tradesPerCommandMax = 5_000;

const replyBytesMax = 800_000;
const recordBytesMax = 3_600_000;

/** The limits of one command's matching. */
export function matchLimits(venue: Venue, entry: Entry): MatchLimits<OrderDetail> {
  const { definition } = listingOf(venue.state);
  return definition.settlement === 'accounts'
    ? limitsOfAccountOrder(venue, entry)
    : limitsOfSubmittedOrder(venue, entry);
}

/** The reply lists reports; the record holds them once more as events, in about twice the bytes. */
function limitsOfSubmittedOrder(venue: Venue, entry: Entry): MatchLimits<OrderDetail> {
  const { price, quantity } = longestTexts(venue, entry);
  const each = reportBytes + price + quantity + entry.id.length;
  return {
    tradesMax: tradesPerCommandMax,
    bytesMax: replyBytesMax,
    bytesOf: (maker) => each + maker.id.length,
  };
}

/** The reply lists the taker's fills; the record holds them, the events and a message per maker. */
function limitsOfAccountOrder(venue: Venue, entry: Entry): MatchLimits<OrderDetail> {
  const { price, quantity, amount } = longestTexts(venue, entry);
  const { definition, instrument } = listingOf(venue.state);
  const execId = scopedId(venue.symbol, venue.state.executions + tradesPerCommandMax).length;
  const fill = fillBytes + execId + price + quantity + amount;
  const event =
    eventBytes + execId + price + quantity + entry.id.length + venue.at.length + 2 * amount;
  const base = instrument.baseText(instrument.baseUnits(entry.quantity)).length;
  const value = definition.base.length + definition.quote.length + base + amount;
  const message = messageBytes + fill + value;
  const each = fill + event + message;
  return {
    tradesMax: Math.min(tradesPerCommandMax, Math.floor(replyBytesMax / fill)),
    bytesMax: recordBytesMax,
    bytesOf: (maker) => each + 2 * maker.id.length + maker.owner.length,
  };
}

interface Lengths {
  readonly price: number;
  readonly quantity: number;
  readonly amount: number;
}

/** The longest texts that a trade of this entry can have. */
function longestTexts({ state }: Venue, entry: Entry): Lengths {
  const { definition, instrument } = listingOf(state);
  const highest =
    entry.side === 'sell'
      ? state.book.bestPrice('buy')
      : (entry.limit ?? state.book.worstPrice('sell'));
  const price = highest ?? 1;
  const { quantity } = entry;
  const texts = {
    price: instrument.priceText(price).length,
    quantity: instrument.quantityText(quantity).length,
  };
  if (definition.settlement === 'none') return { ...texts, amount: 0 };
  // One digit more than the whole order's: no trade books more than that and one unit of rounding.
  const amount = instrument.quoteText(instrument.holdFor('buy', price, quantity)).length + 1;
  return { ...texts, amount };
}

const bytesOfJson = (value: object): number => JSON.stringify(value).length + 1;

const reportBytes = bytesOfJson({
  type: 'trade',
  price: '',
  quantity: '',
  makerOrderId: '',
  takerOrderId: '',
});

const fillBytes = bytesOfJson({
  execId: '',
  price: '',
  quantity: '',
  amount: '',
  liquidity: 'taker',
});

const eventBytes = bytesOfJson({
  type: 'trade',
  execId: '',
  price: '',
  quantity: '',
  side: 'sell',
  makerOrderId: '',
  takerOrderId: '',
  at: '',
  makerAmount: '',
  takerAmount: '',
});

/** All of a message to a maker but its fill and its value's texts. */
const messageBytes = bytesOfJson({
  to: 'account/',
  n: Number.MAX_SAFE_INTEGER,
  name: 'order-update',
  body: { orderId: '', steps: [{ kind: 'traded', fills: [] }] },
  value: { '': '-', ' ': '-' },
});
