import { describe, test } from 'vitest';
import { buy, replace, resting } from './given.ts';
import { canceled, refusedFor, replaced, traded } from './symbol-steps.ts';

describe('a replace', () => {
  test('asks the symbol by orderId and renames the order when answered', () => {
    resting()
      .when('replace-order', replace('a', 'b', '11', '3'))
      .thenSent({
        name: 'replace-order',
        body: {
          request: 'c2',
          account: 'alice',
          orderId: 'alice-1',
          price: '11.00',
          quantity: '3.000',
        },
      })
      .thenNoOrder('b')
      .answered('replace', 2, 1, replaced('11.00', '3.000'), traded('10.50', '1.000', '10.61'))
      .thenEvents(
        {
          type: 'order-replaced',
          origClOrdId: 'a',
          clOrdId: 'b',
          ordStatus: 'New',
          orderQty: '3.000',
        },
        { type: 'order-traded', clOrdId: 'b', ordStatus: 'PartiallyFilled', cumQty: '1.000' },
      )
      .thenAnswers(2, {
        ok: true,
        result: { clOrdId: 'b', orderId: 'alice-1', leavesQty: '2.000' },
      })
      .thenOrder('a', { ordStatus: 'Replaced', leavesQty: '0.000' })
      .thenOrder('b', { ordStatus: 'PartiallyFilled', fills: [{ amount: '10.61' }] })
      .thenBalance('USD', '66.67', '22.72');
  });

  test('keeps the larger of old and new hold until it is answered', () => {
    resting()
      .when('replace-order', replace('a', 'b', '10', '4'))
      .thenBalance('USD', '59.60', '40.40')
      .answered('replace', 2, 1, replaced('10.00', '4.000'))
      .thenBalance('USD', '59.60', '40.40')
      .when('replace-order', replace('b', 'c', '5', '1'))
      .thenBalance('USD', '59.60', '40.40')
      .answered('replace', 3, 1, replaced('5.00', '1.000'))
      .thenBalance('USD', '94.95', '5.05');
  });

  test('to more at a lower price holds for what may trade at the old price first', () => {
    resting()
      .when('replace-order', replace('a', 'b', '1', '22'))
      .thenBalance('USD', '59.60', '40.40')
      .updated(1, traded('10.00', '1.900', '19.19'))
      .answered('replace', 2, 1, replaced('1.00', '22.000'))
      .thenBalance('USD', '60.50', '20.31');
  });

  test('that is refused leaves the order as it was and frees the new name', () => {
    resting()
      .when('replace-order', replace('a', 'b', '20', '3'))
      .thenBalance('USD', '39.40', '60.60')
      .answered('replace', 2, 1, refusedFor('order/too-late'))
      .thenAnswers(2, { ok: false, error: { code: 'order/too-late' } })
      .thenOrder('a', { ordStatus: 'New', price: '10.00', orderQty: '2.000' })
      .thenNoOrder('b')
      .thenBalance('USD', '79.80', '20.20')
      .when('place-order', buy('b'))
      .thenSent({ name: 'submit-order' });
  });

  test.each([
    ['order/unknown', replace('never', 'b', '10', '2')],
    ['order/duplicate', replace('a', 'a', '10', '2')],
    ['order/off-tick', replace('a', 'b', '10.001', '2')],
    ['order/off-lot', replace('a', 'b', '10', '2.0001')],
    ['money/not-positive', replace('a', 'b', '10', '0')],
    ['order/above-protection', replace('a', 'b', '12.01', '2')],
    ['order/too-late', replace('a', 'b', '10', '0.5')],
    ['account/insufficient-funds', replace('a', 'b', '10', '20')],
  ])('is refused with %s before it leaves: %j', (code, body) => {
    resting(buy('a', { protectionPrice: '12' }))
      .updated(1, traded('10.00', '0.500', '5.00'))
      .when('replace-order', body)
      .thenRejected(code);
  });

  test('reserves its new name', () => {
    resting()
      .when('replace-order', replace('a', 'b', '11', '2'))
      .when('place-order', buy('b'))
      .thenRejected('order/duplicate')
      .when('replace-order', replace('a', 'b', '12', '2'))
      .thenRejected('order/duplicate');
  });

  test('may overtake nothing: fills at the old price come first and count', () => {
    resting()
      .when('replace-order', replace('a', 'b', '11', '3'))
      .updated(1, traded('10.00', '1.000', '10.10'))
      .answered('replace', 2, 1, replaced('11.00', '3.000'))
      .thenEvents({ ordStatus: 'PartiallyFilled', cumQty: '1.000', leavesQty: '2.000' })
      .thenBalance('USD', '67.68', '22.22');
  });

  test('needs no more than it reserved, though a fill was rounded up on the way', () => {
    resting()
      .when('replace-order', replace('a', 'b', '11', '3'))
      .thenBalance('USD', '66.67', '33.33')
      .updated(1, traded('10.00', '0.001', '0.02'))
      .answered('replace', 2, 1, replaced('11.00', '3.000'))
      .thenBalance('USD', '66.67', '33.31');
  });

  test('of an order that fills before it arrives is refused, and nothing stays held', () => {
    resting()
      .when('replace-order', replace('a', 'b', '11', '3'))
      .updated(1, traded('10.00', '2.000', '20.20'))
      .thenBalance('USD', '79.80', '0.00')
      .answered('replace', 2, 1, refusedFor('order/unknown'))
      .thenAnswers(2, { ok: false, error: { code: 'order/unknown' } })
      .thenOrder('a', { ordStatus: 'Filled' })
      .thenNoOrder('b')
      .thenBalance('USD', '79.80', '0.00');
  });

  test.each(['a', 'b'])('may be followed unanswered by a cancel of %s', (name) => {
    const sent = () =>
      resting()
        .when('replace-order', replace('a', 'b', '11', '3'))
        .when('cancel-order', { origClOrdId: name });
    sent()
      .answered('replace', 2, 1, replaced('11.00', '3.000'))
      .answered('cancel', 3, 1, canceled('3.000'))
      .thenAnswers(3, { ok: true, result: { clOrdId: 'b', ordStatus: 'Canceled' } })
      .thenOrder('a', { ordStatus: 'Replaced' })
      .thenBalance('USD', '100.00', '0.00');
    sent()
      .answered('replace', 2, 1, refusedFor('order/too-late'))
      .answered('cancel', 3, 1, canceled('2.000'))
      .thenAnswers(3, { ok: true, result: { clOrdId: 'a', ordStatus: 'Canceled' } })
      .thenBalance('USD', '100.00', '0.00');
  });

  test('behind an unanswered cancel is refused by the symbol', () => {
    resting()
      .when('cancel-order', { origClOrdId: 'a' })
      .when('replace-order', replace('a', 'b', '11', '3'))
      .answered('cancel', 2, 1, canceled('2.000'))
      .thenBalance('USD', '100.00', '0.00')
      .answered('replace', 3, 1, refusedFor('order/unknown'))
      .thenAnswers(3, { ok: false, error: { code: 'order/unknown' } })
      .thenBalance('USD', '100.00', '0.00');
  });

  test('may follow another of the same order, by either name', () => {
    for (const name of ['a', 'b']) {
      resting()
        .when('replace-order', replace('a', 'b', '11', '2'))
        .when('replace-order', replace(name, 'c', '12', '2'))
        .thenBalance('USD', '75.76', '24.24')
        .answered('replace', 2, 1, replaced('11.00', '2.000'))
        .thenAnswers(2, { ok: true, result: { clOrdId: 'b' } })
        .thenBalance('USD', '75.76', '24.24')
        .answered('replace', 3, 1, replaced('12.00', '2.000'))
        .thenEvents({ origClOrdId: 'b', clOrdId: 'c' })
        .thenOrder('b', { ordStatus: 'Replaced', price: '11.00' })
        .thenOrder('c', { ordStatus: 'New', price: '12.00' });
    }
  });

  test('whose order has ended may be refused after the account has closed', () => {
    resting()
      .when('replace-order', replace('a', 'b', '10', '3'))
      .updated(1, canceled('2.000'))
      .when('withdraw', { asset: 'USD', amount: '100' })
      .when('withdraw', { asset: 'BTC', amount: '5' })
      .when('close')
      .thenAccepted({ status: 'closed' })
      .answered('replace', 2, 1, refusedFor('order/unknown'))
      .thenAnswers(2, { ok: false, error: { code: 'order/unknown' } });
  });
});
