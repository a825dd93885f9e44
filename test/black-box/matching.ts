/** Matching as a service: orders that are submitted to a symbol itself. */
import { listedSymbol } from './suite.ts';
import type { Answer, Wire } from './wire.ts';

export interface Submission {
  readonly orderId: string;
  readonly side?: string;
  readonly type?: string;
  readonly timeInForce?: string;
  readonly price?: string;
  readonly quantity?: string;
  readonly postOnly?: boolean;
}

/** A new symbol for matching alone, in ticks of 0.5 and lots of 0.01; with its type. */
export const matchingSymbol = async (wire: Wire): Promise<string> =>
  `symbol/${await listedSymbol(wire, { tickSize: '0.5', lotSize: '0.01', settlement: 'none' })}`;

/** A GTC limit buy of 1, unless said otherwise. */
export const submit = (wire: Wire, symbol: string, order: Submission): Promise<Answer> =>
  wire.cmd(symbol, 'submit', submission(order));

/** A GTC limit sell. */
export const ask = (wire: Wire, symbol: string, orderId: string, price: string, quantity = '1') =>
  submit(wire, symbol, { orderId, side: 'sell', price, quantity });

/** The body of `submit`: a GTC limit buy of 1, unless said otherwise. */
export const submission = (order: Submission): Submission => ({
  side: 'buy',
  type: 'limit',
  timeInForce: 'GTC',
  quantity: '1',
  ...order,
});
