/** What a symbol's `order-update` can tell of an order. */
import type { OrderStep } from '../../actors/order-messages.ts';

export const accepted: OrderStep = { kind: 'accepted' };

export const refusedFor = (code: string): OrderStep => ({ kind: 'refused', code, message: 'No.' });

export const canceled = (quantity: string): OrderStep => ({
  kind: 'canceled',
  reason: 'requested',
  quantity,
});

export const replaced = (price: string, quantity: string): OrderStep => ({
  kind: 'replaced',
  price,
  quantity,
});

/** One fill, as a maker; `amount` is the quote booked, fee included. */
export const traded = (price: string, quantity: string, amount: string): OrderStep => ({
  kind: 'traded',
  fills: [{ execId: 'BTC-USD-1', price, quantity, amount, liquidity: 'maker' }],
});
