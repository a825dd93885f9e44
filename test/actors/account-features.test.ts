/** The published Gherkin features of an exchange's risk engine; see test/data/orderbook. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AccountQuery } from '../../contracts/account.ts';
import type { ExecutionReport } from '../../contracts/execution-report.ts';
import { formatUnits } from '../../contracts/money.ts';
import type { Reply } from '../../contracts/reply.ts';
import { SymbolQuery } from '../../contracts/symbol.ts';
import { readFeature, type Step } from './gherkin.ts';
import { World, type Asked } from './world.ts';

/** ETH_XBT: one lot is 100,000 units of ETH, one price step 10 satoshi for a lot. */
const unitsPerLot = 100_000;
const definition = {
  base: 'ETH',
  quote: 'XBT',
  tickSize: '0.0001',
  lotSize: String(unitsPerLot),
  settlement: 'accounts',
};
const priceText = (steps: string): string => formatUnits(BigInt(steps), 4);
const quantityText = (lots: string): string => String(Number(lots) * unitsPerLot);

const orderPattern =
  /^(BID|ASK) order (\d+) at (\d+)@(\d+) \(type: (\w+), symbol: (\w+)(?:, reservePrice: (\d+))?\)/;

type Handler = (cells: readonly string[], rows: readonly (readonly string[])[]) => void;

/** An exchange with one symbol, and what a feature's steps do and expect there. */
class Exchange {
  readonly world = new World({ byAsset: {}, others: 0 });
  /** An order's number in the feature → its clOrdId, which a move changes. */
  readonly #names = new Map<string, string>();
  readonly #owners = new Map<string, string>();
  #eventsSeen = 0;

  readonly #steps: readonly (readonly [RegExp, Handler])[] = [
    [
      /^New client (\w+) has a balance:$/,
      ([client = ''], rows) => {
        for (const [asset = '', amount = ''] of rows)
          this.#ask(client, 'deposit', { asset, amount });
      },
    ],
    [
      /^(\d+) (\w+) is added to the balance of a client (\w+)$/,
      ([amount = '', asset = '', client = '']) => {
        this.#ask(client, 'deposit', { asset, amount });
      },
    ],
    [
      /^A client (\w+) places an (.+)$/,
      ([client = '', order = '']) => {
        expect(this.#place(client, order).reply).toMatchObject({ ok: true });
      },
    ],
    [
      /^A client (\w+) could not place an (.+) due to RISK_NSF$/,
      ([client = '', order = '']) => {
        expect(this.#place(client, order).reply).toMatchObject({
          error: { code: 'account/insufficient-funds' },
        });
      },
    ],
    [
      /^A client (\w+) moves a price to (\d+) of the order (\d+)$/,
      ([client = '', price = '', id = '']) => {
        expect(this.#move(client, price, id).reply).toMatchObject({ ok: true });
        this.#names.set(id, this.#moved(id));
      },
    ],
    [
      /^A client (\w+) could not move a price to (\d+) of the order (\d+) due to MATCHING_MOVE_\w+$/,
      ([client = '', price = '', id = '']) => {
        expect(this.#move(client, price, id).reply).toMatchObject({
          error: { code: 'order/above-protection' },
        });
      },
    ],
    [
      /^A client (\w+) cancels the remaining size (\d+) of the order (\d+)$/,
      ([client = '', size = '', id = '']) => {
        const left = this.#order(client, id).leavesQty;
        expect(left).toBe(quantityText(size));
        expect(
          this.#ask(client, 'cancel-order', { origClOrdId: this.#name(id) }).reply,
        ).toMatchObject({
          result: { ordStatus: 'Canceled' },
        });
      },
    ],
    [
      /^A balance of a client (\w+):$/,
      ([client = ''], rows) => {
        const reply = this.world.get('account', client, 'balance');
        const { balances } = AccountQuery.balance.result.parse(resultOf(reply));
        const available = rows.map(([asset = '']) => [asset, balances[asset]?.available ?? '0']);
        expect(available).toEqual(rows);
      },
    ],
    [
      /^A client (\w+) does not have active orders$/,
      ([client = '']) => {
        expect(this.#openOrders(client)).toEqual([]);
      },
    ],
    [
      /^A client (\w+) orders:$/,
      ([client = ''], rows) => {
        const orders = this.#openOrders(client);
        expect(orders).toMatchObject(
          rows.map(([id = '', price = '', size = '', filled = '', , side]) => ({
            clOrdId: this.#name(id),
            price: priceText(price),
            orderQty: quantityText(size),
            cumQty: quantityText(filled),
            side: side === 'BID' ? 'buy' : 'sell',
          })),
        );
        expect(orders).toHaveLength(rows.length);
      },
    ],
    [/^An ETH_XBT order book is:$/, (_, rows) => this.#expectBook(rows)],
    [/^No trade events$/, () => expect(this.#trades()).toEqual([])],
    [
      /^The order (\d+) is (partially|fully) matched\. LastPx: (\d+), LastQty: (\d+)/,
      ([id = '', extent, price = '', quantity = '']) => {
        const client = this.#owners.get(id) ?? '';
        const { orderId, ordStatus } = this.#order(client, id);
        expect(ordStatus).toBe(extent === 'fully' ? 'Filled' : 'PartiallyFilled');
        expect(this.#trades()).toMatchObject([
          { makerOrderId: orderId, price: priceText(price), quantity: quantityText(quantity) },
        ]);
      },
    ],
  ];

  constructor() {
    this.world.ask('symbol', 'ETH_XBT', 'list', definition);
    this.world.settle();
  }

  run({ text, table }: Step): void {
    for (const [pattern, handle] of this.#steps) {
      const match = pattern.exec(text);
      if (match) return handle(match.slice(1), withoutHeader(table));
    }
    throw new Error(`no such step: ${text}`);
  }

  #ask(client: string, name: string, body: { [field: string]: string }): Asked {
    const asked = this.world.ask('account', client, name, body);
    this.world.settle();
    return asked;
  }

  #place(client: string, text: string): Asked {
    const [, side, id = '', price = '', size = '', timeInForce = '', symbol = '', reserve = ''] =
      orderPattern.exec(text) ?? [];
    this.#names.set(id, id);
    this.#owners.set(id, client);
    this.#trades();
    return this.#ask(client, 'place-order', {
      clOrdId: id,
      symbol,
      side: side === 'BID' ? 'buy' : 'sell',
      type: 'limit',
      timeInForce,
      price: priceText(price),
      quantity: quantityText(size),
      ...(side === 'BID' && { protectionPrice: priceText(reserve) }),
    });
  }

  #move(client: string, price: string, id: string): Asked {
    this.#trades();
    return this.#ask(client, 'replace-order', {
      origClOrdId: this.#name(id),
      clOrdId: this.#moved(id),
      price: priceText(price),
      quantity: this.#order(client, id).orderQty,
    });
  }

  #name(id: string): string {
    return this.#names.get(id) ?? id;
  }

  #moved(id: string): string {
    return `${this.#name(id)}-moved`;
  }

  #order(client: string, id: string): ExecutionReport {
    const reply = this.world.get('account', client, 'order', { clOrdId: this.#name(id) });
    return AccountQuery.order.result.parse(resultOf(reply));
  }

  #openOrders(client: string): unknown[] {
    const reply = this.world.get('account', client, 'orders');
    return AccountQuery.orders.result.parse(resultOf(reply)).orders;
  }

  #expectBook(rows: readonly (readonly string[])[]): void {
    const reply = this.world.get('symbol', 'ETH_XBT', 'book');
    const { bids, asks } = SymbolQuery.book.result.parse(resultOf(reply));
    const expected = rows.map(([bid = '', price = '', ask = '']) => ({ bid, price, ask }));
    const level = (price: string, lots: string) => [priceText(price), quantityText(lots)];
    expect({ bids, asks: asks.toReversed() }).toEqual({
      bids: expected.filter(({ bid }) => bid !== '').map(({ bid, price }) => level(price, bid)),
      asks: expected.filter(({ ask }) => ask !== '').map(({ ask, price }) => level(price, ask)),
    });
  }

  /** The trades since this was last asked. */
  #trades(): readonly unknown[] {
    const events = this.world.log.slice(this.#eventsSeen).map(({ event }) => event);
    this.#eventsSeen = this.world.log.length;
    return events.filter(({ type }) => type === 'trade');
  }
}

const resultOf = (reply: Reply): unknown => {
  expect(reply).toMatchObject({ ok: true });
  return reply.ok ? reply.result : undefined;
};

const withoutHeader = (table: readonly (readonly string[])[]): readonly (readonly string[])[] =>
  table[0]?.[0] === 'id' || table[0]?.[0] === 'bid' ? table.slice(1) : table;

describe.each(['basic.feature', 'risk.feature'])('%s', (file) => {
  const text = readFileSync(new URL(`../data/orderbook/${file}`, import.meta.url), 'utf8');
  const scenarios = readFeature(text).filter(({ name }) => !name.includes('EUR_USD'));
  test.each(scenarios)('$name', ({ steps }) => {
    const exchange = new Exchange();
    for (const step of steps) exchange.run(step);
  });
});
