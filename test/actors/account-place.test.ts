import { describe, test } from 'vitest';
import { buy, deposited, frozen, funds, given, replace, resting, sell } from './given.ts';
import { accepted, canceled, refusedFor, traded } from './symbol-steps.ts';

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
