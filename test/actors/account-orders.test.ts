import { describe, expect, test } from 'vitest';
import type { OrderStep } from '../../actors/order-messages.ts';
import { buy, funds, given, resting, sell } from './given.ts';
import { accepted, canceled, refusedFor, traded } from './symbol-steps.ts';

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

test('an update that cannot be read stops the account: it may move money', () => {
  const nameless = { kind: 'canceled', quantity: '2.000' } as OrderStep;
  expect(() => resting().updated(1, nameless)).toThrow(/reason/);
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
