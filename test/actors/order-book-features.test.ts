/** The published Gherkin features of an order book; see the README in test/data/orderbook. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Report } from '../../contracts/symbol.ts';
import { instrument } from '../../actors/instrument.ts';
import { readFeature, type Step } from './gherkin.ts';
import { LoneSymbol } from './lone-symbol.ts';

const definition = {
  base: 'SHARE',
  quote: 'USD',
  tickSize: '0.1',
  lotSize: '1',
  settlement: 'none',
} as const;
const { priceText } = instrument(
  { ...definition, makerFee: '0', takerFee: '0', status: 'trading' },
  { byAsset: {}, others: 2 },
);

/** A market in which each broker has one order, named like its broker. */
class BrokerMarket {
  readonly symbol = new LoneSymbol().list(definition);
  #sides = new Map<string, string>();
  #trades: string[][] = [];

  run({ text, table: [, ...rows] }: Step): void {
    if (text === 'the following orders are submitted:') this.#submit(rows);
    else if (text === 'no trades are generated') expect(this.#trades).toEqual([]);
    else if (text === 'the following trades are generated:') expect(this.#trades).toEqual(rows);
    else if (text === 'market order book looks like:')
      expect(this.#book(rows.length)).toEqual(rows);
    else throw new Error(`no such step: ${text}`);
  }

  #submit(rows: readonly (readonly string[])[]): void {
    this.#trades = [];
    for (const [broker = '', side = '', quantity = '', price = ''] of rows) {
      this.#sides.set(broker, side.toLowerCase());
      const reply = this.symbol.command('submit', {
        orderId: broker,
        side: side.toLowerCase(),
        quantity,
        ...(price === 'M'
          ? { type: 'market', timeInForce: 'IOC' }
          : { type: 'limit', timeInForce: 'GTC', price }),
      });
      if (!reply?.ok) throw new Error(JSON.stringify(reply));
      const { reports } = reply.result as unknown as { reports: Report[] };
      for (const report of reports)
        if (report.type === 'trade') this.#trades.push(this.#trade(report));
    }
  }

  #trade({
    price,
    quantity,
    makerOrderId,
    takerOrderId,
  }: Extract<Report, { type: 'trade' }>): string[] {
    const takerBuys = this.#sides.get(takerOrderId) === 'buy';
    const brokers = takerBuys ? [takerOrderId, makerOrderId] : [makerOrderId, takerOrderId];
    return [...brokers, quantity, price];
  }

  /** Order by order, bids on the left; an empty cell where a side has fewer rows. */
  #book(rows: number): string[][] {
    const { orders } = this.symbol.save().context as unknown as { orders: SavedRow[] };
    const sideOf = (wanted: string): string[][] =>
      orders
        .filter(([, side]) => side === wanted)
        .map(([broker, , price, quantity]) => [broker, String(quantity), priceText(price)]);
    const bids = sideOf('buy');
    const asks = sideOf('sell').map((cells) => cells.toReversed());
    const empty = ['', '', ''];
    return Array.from({ length: Math.max(rows, bids.length, asks.length) }, (_, row) => [
      ...(bids[row] ?? empty),
      ...(asks[row] ?? empty),
    ]);
  }
}

type SavedRow = [id: string, side: string, price: number, quantity: number];

for (const name of ['LimitOrder', 'MarketOrder']) {
  const file = new URL(`../data/orderbook/OrderBook.${name}.Matching.feature`, import.meta.url);
  const scenarios = readFeature(readFileSync(file, 'utf8'));
  describe(`OrderBook.${name}.Matching.feature`, () => {
    test('has its scenarios', () => expect(scenarios.length).toBe(name === 'LimitOrder' ? 5 : 4));
    for (const { name: claim, steps } of scenarios) {
      test(claim, () => {
        const market = new BrokerMarket();
        for (const step of steps) market.run(step);
      });
    }
  });
}
