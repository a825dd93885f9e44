/** A real and a naive symbol that get the same requests and are compared after each. */
import { expect } from 'vitest';
import type { SelfTradePrevention, Side } from '../../contracts/execution-report.ts';
import { LoneSymbol } from './lone-symbol.ts';
import { NaiveTexts } from './naive-texts.ts';
import { NaiveSymbol, type Happening, type NaiveOrder, type NaiveTerms } from './naive-symbol.ts';

export type Kind = 'GTC' | 'post-only' | 'IOC' | 'FOK' | 'market IOC' | 'market FOK';

/** Prices in ticks, quantities in lots; `which` picks one of the orders so far, open or not. */
export type Step =
  | {
      readonly name: 'submit';
      readonly account: string;
      readonly side: Side;
      readonly kind: Kind;
      readonly price: number;
      readonly quantity: number;
      /** How far above its price a buy is protected. */
      readonly protection: number | undefined;
      readonly selfTradePrevention: SelfTradePrevention;
    }
  | { readonly name: 'cancel'; readonly which: number }
  | {
      readonly name: 'replace';
      readonly which: number;
      readonly price: number;
      readonly quantity: number;
      /** Whether a buy's budget is one minor unit less than it takes. */
      readonly short: boolean;
    }
  | { readonly name: 'reload' };

type Submit = Extract<Step, { name: 'submit' }>;
type Replace = Extract<Step, { name: 'replace' }>;

export class SymbolPair {
  readonly #texts: NaiveTexts;
  readonly #settlement: 'accounts' | 'none';
  readonly #real: LoneSymbol;
  readonly #naive: NaiveSymbol;
  readonly #orders: NaiveOrder[] = [];
  #executions = 0;

  constructor(given: NaiveTerms, settlement: 'accounts' | 'none') {
    this.#texts = new NaiveTexts(given);
    this.#settlement = settlement;
    this.#naive = new NaiveSymbol(given);
    const { quoteScale, ...definition } = given;
    this.#real = new LoneSymbol({ scales: { byAsset: { COIN: 8, CASH: quoteScale }, others: 8 } });
    this.#real.list({ ...definition, base: 'COIN', quote: 'CASH', settlement });
  }

  run(one: Step): void {
    if (one.name === 'submit') this.#submit(this.#orderOf(one));
    else if (one.name === 'reload') this.#reload();
    else {
      const order = this.#orders[one.which % Math.max(1, this.#orders.length)];
      if (!order) return;
      if (one.name === 'cancel') this.#cancel(order);
      else this.#replace(order, one);
    }
    this.#compareBooks();
  }

  #submit(order: NaiveOrder): void {
    const { id, side, type, timeInForce, selfTradePrevention, postOnly, protection } = order;
    const ofAccount = this.#settlement === 'accounts';
    const body = {
      orderId: id,
      side,
      type,
      timeInForce,
      quantity: this.#texts.lots(order.quantity),
      ...(order.price !== undefined && { price: this.#texts.ticks(order.price) }),
      ...(postOnly && { postOnly }),
      ...(ofAccount && { selfTradePrevention }),
      ...(ofAccount &&
        protection !== undefined && { protectionPrice: this.#texts.ticks(protection) }),
    };
    const asked = order.price === undefined ? null : this.#texts.ticks(order.price);
    const accepted = { orderId: id, price: asked, quantity: body.quantity };
    if (postOnly && this.#naive.facing(side, order.price).length > 0) {
      this.#expectRefused('submit', order, body, 'order/would-cross');
      return;
    }
    this.#orders.push(order);
    const happened = this.#naive.enter(order);
    if (!ofAccount) {
      const reports = [{ type: 'accepted', ...accepted }, ...this.#texts.reports(order, happened)];
      expect(this.#real.command('submit', body)).toEqual({ ok: true, result: { reports } });
      return;
    }
    this.#expectUpdates('place', order, body, happened, [{ kind: 'accepted' }]);
  }

  #cancel(order: NaiveOrder): void {
    const body = { orderId: order.id };
    if (!this.#naive.find(order.id)) {
      this.#expectRefused('cancel', order, body, 'order/unknown');
      return;
    }
    const happened = [this.#naive.cancel(order, 'requested')];
    if (this.#settlement === 'accounts') {
      this.#expectUpdates('cancel', order, body, happened, []);
    } else {
      const reports = this.#texts.reports(order, happened);
      expect(this.#real.command('cancel', body)).toEqual({ ok: true, result: { reports } });
    }
  }

  #replace(order: NaiveOrder, { price: newPrice, quantity: newQuantity, short }: Replace): void {
    const asked = { price: this.#texts.ticks(newPrice), quantity: this.#texts.lots(newQuantity) };
    const ofAccount = this.#settlement === 'accounts';
    const traded = order.fills.reduce((sum, fill) => sum + fill.quantity, 0);
    const open = ofAccount ? newQuantity - traded : newQuantity;
    const needed = this.#naive.mostBooked(order, newPrice, Math.max(open, 0));
    const unaffordable = ofAccount && order.side === 'buy' && short;
    const budget =
      order.side === 'sell'
        ? this.#texts.coins(newQuantity)
        : this.#texts.cash(unaffordable ? needed - 1n : needed);
    const body = { orderId: order.id, ...asked, ...(ofAccount && { budget }) };
    const refusal = !this.#naive.find(order.id)
      ? 'order/unknown'
      : order.protection !== undefined && newPrice > order.protection
        ? 'order/above-protection'
        : open <= 0
          ? 'order/too-late'
          : unaffordable
            ? 'account/insufficient-funds'
            : order.postOnly && this.#naive.facing(order.side, newPrice).length > 0
              ? 'order/would-cross'
              : undefined;
    if (refusal) {
      this.#expectRefused('replace', order, body, refusal);
      return;
    }
    const happened = this.#naive.replace(order, newPrice, open);
    if (ofAccount) {
      this.#expectUpdates('replace', order, body, happened, [{ kind: 'replaced', ...asked }]);
      return;
    }
    const reports = this.#texts.reports(order, happened);
    const ends = reports.at(-1)?.type === 'canceled' && reports.at(-1)?.orderId === order.id;
    reports.splice(reports.length - (ends ? 1 : 0), 0, { type: 'replaced', ...body });
    expect(this.#real.command('replace', body)).toEqual({ ok: true, result: { reports } });
  }

  #expectRefused(name: string, order: NaiveOrder, body: object, code: string): void {
    const before = this.#real.log.length;
    if (this.#settlement === 'none') {
      expect(this.#real.command(name, { ...body })).toMatchObject({ ok: false, error: { code } });
    } else {
      const kind = name === 'submit' ? 'place' : name;
      const [update, ...others] = this.#tell(kind, order, body);
      expect(others).toEqual([]);
      expect(update?.value).toBeUndefined();
      expect(update?.body).toMatchObject({ request: { kind }, steps: [{ kind: 'refused', code }] });
    }
    expect(this.#real.log.length).toBe(before);
  }

  /** One update for the order itself, then one for each other that was met. */
  #expectUpdates(
    kind: string,
    order: NaiveOrder,
    body: object,
    happened: readonly Happening[],
    begin: readonly object[],
  ): void {
    const fills: object[] = [];
    const others: object[] = [];
    const steps = [...begin];
    let end: object | undefined;
    let lots = 0;
    let booked = 0n;
    for (const one of happened) {
      if (one.kind === 'canceled') {
        const last = {
          kind: 'canceled',
          reason: one.reason,
          quantity: this.#texts.lots(one.quantity),
        };
        if (one.order === order) end = last;
        else others.push(update(one.order, [last]));
        continue;
      }
      const common = {
        execId: `BTC-USD-${++this.#executions}`,
        price: this.#texts.ticks(one.price),
        quantity: this.#texts.lots(one.quantity),
      };
      const amount = {
        maker: this.#texts.cash(one.makerAmount),
        taker: this.#texts.cash(one.takerAmount),
      };
      fills.push({ ...common, amount: amount.taker, liquidity: 'taker' });
      const makerFills = [{ ...common, amount: amount.maker, liquidity: 'maker' }];
      others.push({
        ...update(one.maker, [{ kind: 'traded', fills: makerFills }]),
        value: this.#texts.value(one.maker.side, one.quantity, one.makerAmount),
      });
      lots += one.quantity;
      booked += one.takerAmount;
    }
    if (fills.length > 0) steps.push({ kind: 'traded', fills });
    if (end) steps.push(end);
    const own = update(order, steps, { kind, id: 'r' });
    const value = fills.length > 0 && { value: this.#texts.value(order.side, lots, booked) };
    expect(this.#tell(kind, order, body)).toEqual([{ ...own, ...value }, ...others]);
  }

  #tell(kind: string, order: NaiveOrder, body: object) {
    const name = { place: 'submit-order', cancel: 'cancel-order', replace: 'replace-order' }[kind];
    return this.#real.tell(name ?? kind, { request: 'r', account: order.account, ...body });
  }

  #reload(): void {
    const saved = this.#real.save();
    this.#real.reload();
    expect(this.#real.save()).toEqual(saved);
  }

  #compareBooks(): void {
    const { orders, fees } = this.#real.save().context as { orders: SavedRow[]; fees: string };
    const expected = [...this.#naive.side('buy'), ...this.#naive.side('sell')];
    expect(orders.map(([id, side, ticks, lots]) => [id, side, ticks, lots])).toEqual(
      expected.map((order) => [order.id, order.side, order.price, order.quantity]),
    );
    const [bid] = this.#naive.side('buy');
    const [ask] = this.#naive.side('sell');
    if (bid && ask) expect(bid.price).toBeLessThan(ask.price ?? 0);
    for (const { total, quantity: leaves, canceled, fills } of this.#orders) {
      const traded = fills.reduce((sum, fill) => sum + fill.quantity, 0);
      if (this.#settlement === 'accounts') expect(total).toBe(traded + leaves + canceled);
    }
    if (this.#settlement === 'none') return;
    expect(BigInt(fees)).toBe(this.#naive.fees);
    expect(this.#naive.fees).toBeGreaterThanOrEqual(0n);
  }

  #orderOf(one: Submit): NaiveOrder {
    const market = one.kind.startsWith('market');
    const buysOfAccount = this.#settlement === 'accounts' && one.side === 'buy';
    const margin = one.protection ?? (market ? 0 : undefined);
    return {
      id: `o${this.#orders.length}-${this.#real.state.version}`,
      account: this.#settlement === 'accounts' ? one.account : '',
      side: one.side,
      type: market ? 'market' : 'limit',
      timeInForce: one.kind.endsWith('IOC') ? 'IOC' : one.kind.endsWith('FOK') ? 'FOK' : 'GTC',
      price: market ? undefined : one.price,
      protection: buysOfAccount && margin !== undefined ? one.price + margin : undefined,
      postOnly: one.kind === 'post-only',
      selfTradePrevention: one.selfTradePrevention,
      quantity: one.quantity,
      total: one.quantity,
      canceled: 0,
      fills: [],
    };
  }
}

type SavedRow = [id: string, side: string, price: number, quantity: number];

const update = (order: NaiveOrder, steps: readonly object[], request?: object): object => ({
  to: `account/${order.account}`,
  name: 'order-update',
  body: { orderId: order.id, ...(request && { request }), steps },
});
