import { describe, expect, test } from 'vitest';
import { closed, deposited, frozen, given } from './given.ts';

const hundred = deposited('USD', '100.00');

describe('an account', () => {
  test('is opened by its first deposit', () => {
    given()
      .when('deposit', { asset: 'USD', amount: '12.5', reference: 'order 7' })
      .thenAccepted({ asset: 'USD', available: '12.50', held: '0.00' })
      .thenEvents({ type: 'deposited', asset: 'USD', amount: '12.50', reference: 'order 7' });
  });

  test.each([
    ['withdraw', { asset: 'USD', amount: '1' }],
    ['cancel-order', { origClOrdId: 'a' }],
    ['cancel-all', {}],
    ['replace-order', { origClOrdId: 'a', clOrdId: 'b', price: '1', quantity: '1' }],
    ['freeze', {}],
    ['unfreeze', {}],
    ['close', {}],
  ])('that was never opened refuses %s', (name, body) => {
    given().when(name, body).thenRejected('account/unknown');
  });

  test('that was never opened has no balances', () => {
    expect(given().get('balance')).toEqual({ ok: true, result: { status: 'none', balances: {} } });
  });

  test('lists its balances in the order of their code units, whatever they are called', () => {
    const account = given(
      deposited('constructor', '1.00000000'),
      deposited('ETH', '1.00000000'),
      deposited('BTC', '1.00000000'),
    );
    const reply = account.get('balance');
    expect(JSON.stringify(reply)).toContain(
      '"balances":{"BTC":{"available":"1.00000000","held":"0.00000000"},"ETH":{',
    );
    account.thenBalance('constructor', '1.00000000', '0.00000000');
  });

  test('that is frozen takes deposits and no withdrawals', () => {
    given(hundred, frozen)
      .when('withdraw', { asset: 'USD', amount: '1' })
      .thenRejected('account/frozen')
      .when('deposit', { asset: 'USD', amount: '1' })
      .thenAccepted({ available: '101.00' });
  });

  test('may be frozen and unfrozen again and again', () => {
    given(hundred)
      .when('freeze')
      .thenAccepted({ status: 'frozen' })
      .thenEvents({ type: 'frozen' })
      .when('freeze')
      .thenAccepted({ status: 'frozen' })
      .thenEvents()
      .when('unfreeze')
      .thenAccepted({ status: 'open' })
      .thenEvents({ type: 'unfrozen' })
      .when('unfreeze')
      .thenAccepted({ status: 'open' })
      .thenEvents();
  });

  test('that has money cannot be closed', () => {
    given(hundred).when('close').thenRejected('account/not-empty');
  });

  test('that is empty closes for good, also when frozen', () => {
    const withdrawn = { type: 'withdrawn', asset: 'USD', amount: '100.00' } as const;
    for (const events of [
      [hundred, withdrawn],
      [hundred, withdrawn, frozen],
    ]) {
      given(...events)
        .when('close')
        .thenAccepted({ status: 'closed' })
        .when('close')
        .thenRejected('account/closed')
        .when('unfreeze')
        .thenRejected('account/closed');
    }
  });

  test('that is closed refuses deposits', () => {
    given(hundred, { type: 'withdrawn', asset: 'USD', amount: '100.00' }, closed)
      .when('deposit', { asset: 'USD', amount: '1' })
      .thenRejected('account/closed');
  });
});

describe('an amount', () => {
  test.each([
    ['money/too-precise', { asset: 'USD', amount: '1.001' }],
    ['money/too-precise', { asset: 'KRW', amount: '0.5' }],
    ['money/not-positive', { asset: 'USD', amount: '0.000' }],
  ])('is refused with %s: %j', (code, body) => {
    given(hundred).when('deposit', body).thenRejected(code);
    given(hundred).when('withdraw', body).thenRejected(code);
  });

  test('may have trailing zeros beyond its scale', () => {
    given(hundred)
      .when('withdraw', { asset: 'USD', amount: '99.9900' })
      .thenAccepted({ available: '0.01' });
  });

  test('may not bring an absurd total', () => {
    given(deposited('WEI', `${'9'.repeat(37)}.00000000`))
      .when('deposit', { asset: 'WEI', amount: '1' })
      .thenAccepted()
      .when('deposit', { asset: 'WEI', amount: '0.00000001' })
      .thenRejected('money/too-large');
  });

  test('comes in at most 1,000 assets, so that a balance always fits a reply', () => {
    given(...Array.from({ length: 1_000 }, (_, n) => deposited(`A${n}`, '1')))
      .when('deposit', { asset: 'A0', amount: '1' })
      .thenAccepted()
      .when('deposit', { asset: 'B0', amount: '1' })
      .thenRejected('account/too-many-assets');
  });

  test('leaves by withdrawal only as far as it is available', () => {
    given(hundred)
      .when('withdraw', { asset: 'USD', amount: '100.01' })
      .thenRejected('account/insufficient-funds')
      .when('withdraw', { asset: 'USD', amount: '100' })
      .thenAccepted({ asset: 'USD', available: '0.00', held: '0.00' })
      .thenEvents({ type: 'withdrawn', asset: 'USD', amount: '100.00' });
  });
});
