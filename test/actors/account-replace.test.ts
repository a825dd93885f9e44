import { describe, test } from 'vitest';
import { buy, deposited, given, replace, resting, sell } from './given.ts';
import { accepted, canceled, refusedFor, replaced, traded } from './symbol-steps.ts';

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
          budget: '33.33',
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

  test('to more at a lower price, too, holds no more than the larger of the two', () => {
    resting()
      .when('replace-order', replace('a', 'b', '1', '22'))
      .thenSent({ name: 'replace-order', body: { budget: '22.22' } })
      .thenBalance('USD', '77.78', '22.22')
      .answered('replace', 2, 1, replaced('1.00', '22.000'))
      .thenBalance('USD', '77.78', '22.22');
  });

  test('may use the last of the available balance', () => {
    const all = () =>
      given(deposited('USD', '1212.00'))
        .when('place-order', buy('a', { price: '100', quantity: '10' }))
        .answered('place', 1, 1, accepted);
    all()
      .thenBalance('USD', '202.00', '1010.00')
      .when('replace-order', replace('a', 'b', '60', '20'))
      .thenBalance('USD', '0.00', '1212.00')
      .answered('replace', 2, 1, replaced('60.00', '20.000'))
      .thenBalance('USD', '0.00', '1212.00');
    all()
      .when('replace-order', replace('a', 'b', '60', '20.001'))
      .thenRejected('account/insufficient-funds');
  });

  test('that fills at the old price have made too dear is refused and frees what it added', () => {
    resting()
      .when('replace-order', replace('a', 'b', '1', '22'))
      .updated(1, traded('10.00', '1.900', '19.19'))
      .thenBalance('USD', '77.78', '3.03')
      .answered('replace', 2, 1, refusedFor('account/insufficient-funds'))
      .thenAnswers(2, { ok: false, error: { code: 'account/insufficient-funds' } })
      .thenOrder('a', { ordStatus: 'PartiallyFilled', price: '10.00', leavesQty: '0.100' })
      .thenBalance('USD', '79.80', '1.01')
      .updated(1, traded('10.00', '0.100', '1.01'))
      .thenBalance('USD', '79.80', '0.00');
  });

  test('of a sell counts what it sold towards what it holds', () => {
    resting(sell('a'))
      .updated(1, traded('10.00', '0.500', '4.95'))
      .when('replace-order', replace('a', 'b', '9', '4'))
      .thenSent({ name: 'replace-order', body: { budget: '4.00000000' } })
      .thenBalance('BTC', '1.00000000', '3.50000000')
      .updated(1, traded('10.00', '1.000', '9.90'))
      .thenBalance('BTC', '1.00000000', '2.50000000')
      .answered('replace', 2, 1, replaced('9.00', '4.000'))
      .thenBalance('BTC', '1.00000000', '2.50000000');
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

  test('behind another holds the larger of both until both are answered', () => {
    const two = () =>
      resting()
        .when('replace-order', replace('a', 'b', '15', '3'))
        .thenSent({ name: 'replace-order', body: { budget: '45.45' } })
        .when('replace-order', replace('b', 'c', '5', '8'))
        .thenSent({ name: 'replace-order', body: { budget: '45.45' } })
        .thenBalance('USD', '54.55', '45.45')
        .updated(1, traded('10.00', '0.500', '5.05'))
        .thenBalance('USD', '54.55', '40.40');
    two()
      .answered('replace', 2, 1, replaced('15.00', '3.000'))
      .thenBalance('USD', '54.55', '40.40')
      .updated(1, traded('15.00', '1.000', '15.15'))
      .answered('replace', 3, 1, refusedFor('account/insufficient-funds'))
      .thenOrder('b', { price: '15.00', leavesQty: '1.500' })
      .thenBalance('USD', '57.07', '22.73');
    two()
      .answered('replace', 2, 1, refusedFor('order/would-cross'))
      .thenBalance('USD', '54.55', '40.40')
      .answered('replace', 3, 1, replaced('5.00', '8.000'))
      .thenOrder('c', { price: '5.00', leavesQty: '7.500' })
      .thenBalance('USD', '57.07', '37.88');
    two()
      .when('cancel-order', { origClOrdId: 'a' })
      .answered('replace', 2, 1, replaced('15.00', '3.000'))
      .answered('replace', 3, 1, refusedFor('order/would-cross'))
      .answered('cancel', 4, 1, canceled('2.500'))
      .thenBalance('USD', '94.95', '0.00');
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
