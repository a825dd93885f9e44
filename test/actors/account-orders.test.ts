import { describe, expect, test } from 'vitest';
import type { OrderStep } from '../../actors/order-messages.ts';
import { buy, deposited, frozen, given } from './given.ts';

const funds = [deposited('USD', '100.00'), deposited('BTC', '5.00000000')] as const;
const sell = (clOrdId: string, changes = {}) => buy(clOrdId, { side: 'sell', ...changes });
const accepted: OrderStep = { kind: 'accepted' };
const refusedFor = (code: string): OrderStep => ({ kind: 'refused', code, message: 'No.' });
const canceled = (quantity: string): OrderStep => ({
  kind: 'canceled',
  reason: 'requested',
  quantity,
});
const traded = (price: string, quantity: string, amount: string): OrderStep => ({
  kind: 'traded',
  fills: [{ execId: 'BTC-USD-1', price, quantity, amount, liquidity: 'maker' }],
});
/** An order that the symbol has accepted: command c1, order alice-1. */
const resting = (order = buy('a')) =>
  given(...funds)
    .when('place-order', order)
    .answered('place', 1, 1, accepted);
const replace = (origClOrdId: string, clOrdId: string, price: string, quantity: string) => ({
  origClOrdId,
  clOrdId,
  price,
  quantity,
});

describe('a new order', () => {
  test('holds what it may cost, goes to the symbol and is answered when that has it', () => {
    given(...funds)
      .when('place-order', buy('a'))
      .thenSent({
        to: 'symbol/BTC-USD',
        name: 'submit-order',
        body: {
          request: 'c1',
          account: 'alice',
          orderId: 'alice-1',
          side: 'buy',
          type: 'limit',
          timeInForce: 'GTC',
          price: '10',
          quantity: '2',
          selfTradePrevention: 'EXPIRE_TAKER',
        },
      })
      .thenBalance('USD', '79.80', '20.20')
      .answered('place', 1, 1, accepted)
      .thenEvents({ type: 'order-accepted', orderType: 'limit', clOrdId: 'a', ordStatus: 'New' })
      .thenAnswers(1, {
        ok: true,
        result: {
          orderId: 'alice-1',
          clOrdId: 'a',
          symbol: 'BTC-USD',
          side: 'buy',
          type: 'limit',
          timeInForce: 'GTC',
          price: '10.00',
          ordStatus: 'New',
          orderQty: '2.000',
          cumQty: '0.000',
          leavesQty: '2.000',
          avgPx: '0',
          fills: [],
        },
      });
  });

  test('to buy holds at its protectionPrice, to sell its quantity', () => {
    given(...funds)
      .when('place-order', buy('a', { protectionPrice: '20' }))
      .thenBalance('USD', '59.60', '40.40');
    given(...funds)
      .when('place-order', sell('a'))
      .thenBalance('BTC', '3.00000000', '2.00000000');
  });

  test.each([
    ['request/malformed', sell('a', { protectionPrice: '10' })],
    ['request/malformed', buy('a', { type: 'market', timeInForce: 'IOC', protectionPrice: '10' })],
    ['request/malformed', buy('a', { postOnly: true, timeInForce: 'IOC' })],
    ['money/not-positive', buy('a', { price: '0' })],
    ['money/not-positive', buy('a', { quantity: '0.000' })],
    ['money/too-large', buy('a', { quantity: '99999999999999999999' })],
  ])('that is wrong in itself is refused with %s and leaves no trace: %j', (code, order) => {
    given(...funds)
      .when('place-order', order)
      .thenRejected(code)
      .thenNoOrder('a');
  });

  test.each([
    ['symbol/unknown', buy('a', { symbol: 'NOWHERE' })],
    ['symbol/settlement', buy('a', { symbol: 'MATCHING' })],
    ['symbol/halted', buy('a', { symbol: 'HALTED' })],
    ['order/off-tick', buy('a', { price: '10.001' })],
    ['order/off-lot', buy('a', { quantity: '0.0001' })],
    ['order/above-protection', buy('a', { protectionPrice: '9.99' })],
    ['account/insufficient-funds', buy('a', { quantity: '9.901' })],
    ['account/insufficient-funds', sell('a', { quantity: '5.001' })],
  ])('that is refused with %s is seen as Rejected: %j', (code, order) => {
    given(...funds)
      .when('place-order', order)
      .thenRejected(code, { type: 'order-rejected', ordStatus: 'Rejected', reason: code })
      .thenOrder('a', { clOrdId: 'a', ordStatus: 'Rejected', reason: code })
      .thenBalance('USD', '100.00', '0.00')
      .thenBalance('BTC', '5.00000000', '0.00000000');
  });

  test('to buy at market needs a protectionPrice', () => {
    const market = {
      clOrdId: 'a',
      symbol: 'BTC-USD',
      side: 'buy',
      type: 'market',
      timeInForce: 'IOC',
      quantity: '1',
    };
    given(...funds)
      .when('place-order', market)
      .thenRejected('order/protection-required', { price: null, orderQty: '1.000' })
      .when('place-order', { ...market, protectionPrice: '11' })
      .thenBalance('USD', '88.89', '11.11')
      .answered('place', 2, 2, accepted, traded('10.00', '0.400', '4.04'), {
        kind: 'canceled',
        reason: 'immediate-or-cancel',
        quantity: '0.600',
      })
      .thenAnswers(2, {
        ok: true,
        result: {
          price: null,
          ordStatus: 'Canceled',
          reason: 'immediate-or-cancel',
          cumQty: '0.400',
          leavesQty: '0.000',
          avgPx: '10.0000000000',
          fills: [{ amount: '4.04' }],
        },
      })
      .thenBalance('USD', '95.96', '0.00')
      .thenBalance('BTC', '5.40000000', '0.00000000');
  });

  test('of a frozen account is refused; what rests still trades and may be cancelled', () => {
    given(...funds, frozen)
      .when('place-order', buy('a'))
      .thenRejected('account/frozen', { ordStatus: 'Rejected' });
    resting()
      .when('freeze')
      .updated(1, traded('10.00', '0.500', '5.00'))
      .thenBalance('USD', '79.80', '15.20')
      .when('replace-order', replace('a', 'b', '10', '1'))
      .thenRejected('account/frozen')
      .when('cancel-order', { origClOrdId: 'a' })
      .answered('cancel', 4, 1, canceled('1.500'))
      .thenBalance('USD', '95.00', '0.00');
  });

  test('needs a clOrdId that no order has, open or closed', () => {
    const duplicate = (account: ReturnType<typeof given>) =>
      account.when('place-order', buy('a')).thenRejected('order/duplicate');
    duplicate(given(...funds).when('place-order', buy('a')));
    duplicate(resting()).thenOrder('a', { ordStatus: 'New' });
    duplicate(resting().updated(1, canceled('2.000'))).thenOrder('a', { ordStatus: 'Canceled' });
    duplicate(resting().updated(1, traded('10', '2.000', '20.00'))).thenOrder('a', {
      ordStatus: 'Filled',
    });
  });

  test('may take the clOrdId of a rejected one, which it hides', () => {
    given(...funds)
      .when('place-order', buy('a', { price: '1000' }))
      .thenRejected('account/insufficient-funds', { orderId: 'alice-1' })
      .when('place-order', buy('a'))
      .answered('place', 2, 2, refusedFor('order/would-cross'))
      .thenAnswers(2, { ok: false, error: { code: 'order/would-cross', message: 'No.' } })
      .thenEvents({ type: 'order-rejected', orderId: 'alice-2', reason: 'order/would-cross' })
      .thenBalance('USD', '100.00', '0.00')
      .thenOrder('a', { ordStatus: 'Rejected', reason: 'order/would-cross', leavesQty: '0.000' })
      .when('place-order', buy('a'))
      .answered('place', 3, 3, accepted)
      .thenOrder('a', { orderId: 'alice-3', ordStatus: 'New' });
  });

  test('is the last of 5,000 that may be open', () => {
    const account = given(deposited('USD', '1000000.00'));
    for (let n = 1; n <= 5_000; n++)
      account.when('place-order', buy(`o${n}`, { quantity: '0.001' }));
    account
      .when('place-order', buy('more', { quantity: '0.001' }))
      .thenRejected('account/too-many-orders', { ordStatus: 'Rejected' })
      .updated(7, canceled('0.001'))
      .when('place-order', buy('more', { quantity: '0.001' }))
      .thenSent({ name: 'submit-order' });
  });
});

describe('a fill', () => {
  test('of a buy is paid from the hold and brings base', () => {
    resting()
      .updated(1, traded('9.99', '0.500', '5.00'))
      .thenEvents({
        type: 'order-traded',
        ordStatus: 'PartiallyFilled',
        cumQty: '0.500',
        leavesQty: '1.500',
      })
      .thenAnswersNobody()
      .thenBalance('USD', '79.80', '15.20')
      .thenBalance('BTC', '5.50000000', '0.00000000')
      .updated(1, traded('10.00', '1.500', '15.15'))
      .thenEvents({
        type: 'order-traded',
        ordStatus: 'Filled',
        avgPx: '9.9975000000',
        fills: [{ quantity: '1.500' }],
      })
      .thenBalance('USD', '79.85', '0.00')
      .thenOrder('a', {
        ordStatus: 'Filled',
        fills: [{ quantity: '0.500' }, { quantity: '1.500' }],
      });
  });

  test('of a sell takes base from the hold and brings quote', () => {
    resting(sell('a'))
      .updated(1, traded('10.00', '0.500', '4.95'))
      .thenBalance('BTC', '3.00000000', '1.50000000')
      .thenBalance('USD', '104.95', '0.00');
  });

  test('is remembered as one of the last hundred', () => {
    const account = resting(buy('a', { quantity: '0.105', price: '10' }));
    for (let n = 1; n <= 104; n++) account.updated(1, traded('10.00', '0.001', '0.01'));
    account.thenOrder('a', { cumQty: '0.104' });
    const reply = account.get('order', { clOrdId: 'a' });
    expect(reply).toMatchObject({ result: { fills: { length: 100 } } });
  });

  test('beyond the order is our bug and stops the account', () => {
    expect(() => resting().updated(1, traded('10.00', '2.001', '1.00'))).toThrow(/traded more/);
    expect(() => resting().updated(1, traded('10.00', '2.000', '20.21'))).toThrow(/traded more/);
    expect(() => resting().updated(1, canceled('1.999'))).toThrow(/other lots/);
  });
});

describe('a cancel', () => {
  test('is answered when the symbol has cancelled, and releases the hold', () => {
    resting()
      .when('cancel-order', { origClOrdId: 'a' })
      .thenSent({
        to: 'symbol/BTC-USD',
        name: 'cancel-order',
        body: { request: 'c2', account: 'alice', orderId: 'alice-1' },
      })
      .answered('cancel', 2, 1, canceled('2.000'))
      .thenAnswers(2, {
        ok: true,
        result: { ordStatus: 'Canceled', reason: 'requested', leavesQty: '0.000', fills: [] },
      })
      .thenBalance('USD', '100.00', '0.00');
  });

  test('of an order that is closed or never was is refused', () => {
    given(...funds)
      .when('cancel-order', { origClOrdId: 'a' })
      .thenRejected('order/unknown');
    resting()
      .updated(1, canceled('2.000'))
      .when('cancel-order', { origClOrdId: 'a' })
      .thenRejected('order/unknown');
  });

  test('may follow its place, whatever becomes of that', () => {
    const sent = () =>
      given(...funds)
        .when('place-order', buy('a'))
        .when('cancel-order', { origClOrdId: 'a' });
    sent()
      .answered('place', 1, 1, accepted)
      .thenAnswers(1, { ok: true, result: { ordStatus: 'New' } })
      .answered('cancel', 2, 1, canceled('2.000'))
      .thenAnswers(2, { ok: true, result: { ordStatus: 'Canceled' } });
    sent()
      .answered('place', 1, 1, refusedFor('symbol/halted'))
      .thenAnswers(1, { ok: false, error: { code: 'symbol/halted' } })
      .answered('cancel', 2, 1, refusedFor('order/unknown'))
      .thenAnswers(2, { ok: false, error: { code: 'order/unknown' } });
  });

  test('of all orders counts those really cancelled, and waits for all', () => {
    const two = () =>
      given(...funds)
        .when('place-order', buy('a', { quantity: '1' }))
        .when('place-order', buy('b', { quantity: '1' }))
        .when('cancel-all', { symbol: 'BTC-USD' })
        .thenSent({ body: { orderId: 'alice-1' } }, { body: { orderId: 'alice-2' } })
        .answered('place', 1, 1, accepted)
        .answered('place', 2, 2, accepted, traded('10.00', '1.000', '10.00'))
        .answered('cancel', 3, 1, canceled('1.000'))
        .thenAnswersNobody();
    two()
      .answered('cancel', 3, 2, refusedFor('order/unknown'))
      .thenAnswers(3, { ok: true, result: { canceled: 1 } });
  });

  test('of all orders is answered at once if there are none', () => {
    resting().when('cancel-all', { symbol: 'OTHER' }).thenAccepted({ canceled: 0 });
  });
});

describe('the queries', () => {
  const small = (n: number) => buy(`o${n}`, { quantity: '0.001' });

  test('give open orders in the order of placing, in pages, without fills', () => {
    const account = given(...funds);
    for (let n = 1; n <= 5; n++) account.when('place-order', small(n));
    account.updated(2, canceled('0.001'));
    const page = (
      body: { limit?: number; after?: string },
      names: readonly string[],
      next?: string,
    ) =>
      expect(account.get('orders', body)).toEqual({
        ok: true,
        result: {
          orders: names.map((clOrdId) => expect.objectContaining({ clOrdId })),
          ...(next !== undefined && { next }),
        },
      });
    page({ limit: 2 }, ['o1', 'o3'], '3');
    page({ limit: 2, after: '3' }, ['o4', 'o5']);
    page({}, ['o1', 'o3', 'o4', 'o5']);
    expect(JSON.stringify(account.get('orders'))).not.toContain('fills');
    expect(account.get('orders', { after: 'x' })).toMatchObject({
      error: { code: 'request/malformed' },
    });
  });

  test('reach back a thousand closed orders, refused ones among them', () => {
    const account = given(...funds);
    for (let n = 1; n <= 1_000; n++) account.when('place-order', buy(`o${n}`, { price: '1000' }));
    account
      .thenOrder('o1', { ordStatus: 'Rejected' })
      .when('place-order', buy('a', { price: '1000' }))
      .thenNoOrder('o1')
      .thenOrder('o2', { ordStatus: 'Rejected' });
  });
});
