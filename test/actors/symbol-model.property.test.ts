/** The symbol actor equals the naive one after every command, for all kinds of orders. */
import fc from 'fast-check';
import { test } from 'vitest';
import type { SelfTradePrevention, Side } from '../../contracts/execution-report.ts';
import type { NaiveTerms } from './naive-symbol.ts';
import { SymbolPair, type Kind, type Step } from './symbol-pair.ts';

const seeded = { seed: 20_210_417 };

const terms = fc
  .record({
    tickSize: fc.constantFrom('1', '0.05', '0.01', '0.00025', '2.50'),
    lotSize: fc.constantFrom('1', '0.001', '0.00000001', '0.3'),
    fees: fc.constantFrom(
      ['0', '0'],
      ['0', '0.001'],
      ['0.0007', '0.0015'],
      ['0.333333333333333333', '0.999999999999999999'],
    ),
    quoteScale: fc.constantFrom(0, 2, 8),
  })
  .map(({ fees: [makerFee = '0', takerFee = '0'], ...rest }): NaiveTerms => ({
    ...rest,
    makerFee,
    takerFee,
  }));

const price = fc.integer({ min: 1, max: 12 });
const quantity = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 60 }));
const which = fc.nat({ max: 1_000 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      name: fc.constant('submit' as const),
      account: fc.constantFrom('alice', 'bob', 'carol'),
      side: fc.constantFrom<Side>('buy', 'sell'),
      kind: fc.constantFrom<Kind>(
        'GTC',
        'GTC',
        'post-only',
        'IOC',
        'FOK',
        'market IOC',
        'market FOK',
      ),
      price,
      quantity,
      protection: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      selfTradePrevention: fc.constantFrom<SelfTradePrevention>(
        'EXPIRE_TAKER',
        'EXPIRE_MAKER',
        'EXPIRE_BOTH',
        'NONE',
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ name: fc.constant('cancel' as const), which }) },
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant('replace' as const),
      which,
      price,
      quantity,
      short: fc.oneof({ arbitrary: fc.constant(true), weight: 1 }, fc.constant(false)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('reload' as const) }) },
);

for (const settlement of ['accounts', 'none'] as const) {
  test(`with settlement ${settlement} every command does what the naive symbol does`, () => {
    fc.assert(
      fc.property(terms, fc.array(step, { maxLength: 120, size: 'max' }), (given, steps) => {
        const pair = new SymbolPair(given, settlement);
        for (const one of steps) pair.run(one);
      }),
      { ...seeded, numRuns: 300 },
    );
  });
}
