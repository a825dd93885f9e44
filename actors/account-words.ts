/** An account's history in words. */
import type { AccountEvent } from '../contracts/account-events.ts';
import type { ExecutionReport } from '../contracts/execution-report.ts';
import type { Words } from './actor.ts';

export const accountWords: Words<AccountEvent> = { event: happened, asked };

/** The commands whose records begin with these events; others begin with what a message brought. */
const commands: { readonly [Type in AccountEvent['type']]?: string } = {
  'symbol-met': 'place-order',
  'order-placed': 'place-order',
  'replace-requested': 'replace-order',
  'cancel-all-requested': 'cancel-all',
  'capture-requested': 'capture',
  captured: 'capture',
  released: 'release',
  frozen: 'freeze',
  unfrozen: 'unfreeze',
  closed: 'close',
  'reversal-requested': 'reverse',
  'deposit-reversed': 'reverse',
  'withdrawal-reversed': 'reverse',
};

function asked(event: AccountEvent): string | undefined {
  const { type } = event;
  if (type === 'deposited') return `deposit ${amountIn(event)}`;
  if (type === 'withdrawn') return `withdraw ${amountIn(event)}`;
  if (type === 'held') return `hold ${amountIn(event)} as ${event.holdId}`;
  if (type === 'transfer-begun' || type === 'transfer-rejected')
    return `transfer ${amountIn(event)} to ${event.to} (${event.protocol})`;
  return commands[type];
}

type EventOf<Type extends AccountEvent['type']> = Extract<AccountEvent, { type: Type }>;
type OrderEvent = Extract<AccountEvent, { readonly ordStatus: string }>;

function happened(event: AccountEvent): string {
  if ('ordStatus' in event) return ofOrder(event);
  if ('transferId' in event) return ofTransfer(event);
  if ('holdId' in event) return ofHold(event);
  switch (event.type) {
    case 'deposited':
      return `deposited ${amountIn(event)}${referenceIn(event)}`;
    case 'withdrawn':
      return `withdrew ${amountIn(event)}${referenceIn(event)}`;
    case 'deposit-reversed':
      return `reversed the deposit at ${event.of}: ${amountIn(event)} gone${referenceIn(event)}`;
    case 'withdrawal-reversed':
      return `reversed the withdrawal at ${event.of}: ${amountIn(event)} back${referenceIn(event)}`;
    case 'reversal-refused':
      return `the reversal of ${event.of} was refused`;
    case 'symbol-met':
      return `first order for ${event.symbol} (${event.base} for ${event.quote})`;
    case 'replace-requested':
      return `asks to replace order ${event.orderId} by ${event.clOrdId}: ${event.quantity} at ${event.price}`;
    case 'replace-refused':
      return 'the replacement was refused, the order stays as it was';
    case 'cancel-all-requested':
      return `asks to cancel ${event.orders} orders`;
    case 'cancel-all-answered':
      return event.canceled ? 'one of these is canceled' : 'one of these was closed already';
    case 'frozen':
    case 'unfrozen':
    case 'closed':
      return event.type;
  }
}

type HoldEvent = Extract<AccountEvent, { readonly holdId: string }>;

function ofHold(event: HoldEvent): string {
  const { holdId } = event;
  switch (event.type) {
    case 'held':
      return `held ${amountIn(event)} as ${holdId}${forWhom(event)}${referenceIn(event)}`;
    case 'captured':
      return `captured ${amountIn(event)} of hold ${holdId} for ${event.to}, released ${event.released}`;
    case 'released':
      return `released hold ${holdId}: ${amountIn(event)}`;
    case 'hold-expired':
      return `hold ${holdId} expired: ${amountIn(event)} available again`;
    case 'capture-received':
      return `received ${amountIn(event)} of ${event.from}'s hold ${holdId}${referenceIn(event)}`;
    case 'capture-requested':
      return `captures ${event.amount} of hold ${holdId} for ${event.to}`;
    case 'capture-refused':
      return `the capture of hold ${holdId} was refused, the hold stays`;
  }
}

function forWhom({ to, expiresAt }: EventOf<'held'>): string {
  const until = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString()}`;
  return `${to === undefined ? '' : ` for ${to}`}${until}`;
}

type TransferEvent = Extract<AccountEvent, { readonly transferId: string }>;

function ofTransfer(event: TransferEvent): string {
  const transfer = `transfer ${event.transferId}`;
  switch (event.type) {
    case 'transfer-sent':
      return `sent ${amountIn(event)} to ${event.to} (${transfer})${referenceIn(event)}`;
    case 'transfer-received':
      return `received ${amountIn(event)} from ${event.from} (${transfer})${referenceIn(event)}`;
    case 'transfer-begun':
      return `set aside ${amountIn(event)} for ${event.to} (${transfer})${referenceIn(event)}`;
    case 'transfer-rejected':
      return `${transfer} of ${amountIn(event)} to ${event.to} did not begin: ${event.code}`;
    case 'transfer-refused':
      return `${transfer} was refused by its payee: ${event.code}`;
    case 'transfer-expired':
      return `${transfer} passed its deadline and is undone`;
    case 'transfer-answered':
      return `${transfer}: its payee answered after it was undone`;
    case 'transfer-settled':
      return `${transfer}: its payee is done`;
    case 'transfer-admitted':
      return `will take ${amountIn(event)} from ${event.from} (${transfer})`;
    case 'transfer-voided':
      return `will not take ${transfer} of ${event.from}`;
    case 'transfer-reversed':
      return `reversed ${transfer}: ${amountIn(event)} back from ${event.from}${referenceIn(event)}`;
    case 'transfer-returned':
      return `returned ${amountIn(event)} to ${event.to} (${transfer})${referenceIn(event)}`;
    case 'reversal-requested':
      return `asks ${event.from} to return ${amountIn(event)} (${transfer})`;
  }
}

function ofOrder(event: OrderEvent): string {
  const { clOrdId, side, orderQty, cumQty, symbol, price, reason } = event;
  const order = `order ${clOrdId}`;
  const terms = `${side} ${orderQty} ${symbol} at ${price ?? 'market'}`;
  const why = reason === undefined ? '' : ` (${reason})`;
  switch (event.type) {
    case 'order-placed':
      return `${order} placed: ${terms}, ${event.timeInForce}, holding ${event.hold}`;
    case 'order-accepted':
      return `${order} accepted: ${terms}`;
    case 'order-traded':
      return `${order} traded: ${fillsIn(event)}; ${cumQty} of ${orderQty} filled`;
    case 'order-canceled':
      return `${order} canceled${why}: ${cumQty} of ${orderQty} filled`;
    case 'order-rejected':
      return `${order} rejected${why}: ${terms}`;
    case 'order-replaced':
      return `order ${event.origClOrdId} replaced by ${clOrdId}: ${terms}`;
  }
}

const fillsShown = 5;

function fillsIn({ side, fills }: Pick<ExecutionReport, 'side' | 'fills'>): string {
  const did = side === 'buy' ? 'bought' : 'sold';
  const told = fills
    .slice(0, fillsShown)
    .map(
      ({ quantity, price, amount, liquidity }) =>
        `${did} ${quantity} at ${price} for ${amount} as ${liquidity}`,
    );
  const more = fills.length - told.length;
  return [...told, ...(more > 0 ? [`${more} fills more`] : [])].join(', ');
}

const amountIn = ({ amount, asset }: { readonly amount: string; readonly asset: string }): string =>
  `${amount} ${asset}`;

const referenceIn = ({ reference }: { readonly reference?: string | undefined }): string =>
  reference === undefined ? '' : `, reference ${JSON.stringify(reference)}`;
