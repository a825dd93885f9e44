/** What the naive symbol's integers look like on the wire. */
import type { Side } from '../../contracts/execution-report.ts';
import { decimalsWritten, formatUnits } from '../../contracts/money.ts';
import type { Happening, NaiveOrder, NaiveTerms } from './naive-symbol.ts';

export class NaiveTexts {
  readonly #terms: NaiveTerms;

  constructor(terms: NaiveTerms) {
    this.#terms = terms;
  }

  /** What the caller of a command on `order` reads of what happened. */
  reports(order: NaiveOrder, happened: readonly Happening[]): { type: string; orderId?: string }[] {
    return happened.map((one) =>
      one.kind === 'trade'
        ? {
            type: 'trade',
            price: this.ticks(one.price),
            quantity: this.lots(one.quantity),
            makerOrderId: one.maker.id,
            takerOrderId: order.id,
          }
        : {
            type: 'canceled',
            orderId: one.order.id,
            price: one.order.price === undefined ? null : this.ticks(one.order.price),
            quantity: this.lots(one.quantity),
            reason: one.reason,
          },
    );
  }

  ticks(count: number): string {
    return stepText(count, this.#terms.tickSize);
  }

  lots(count: number): string {
    return stepText(count, this.#terms.lotSize);
  }

  cash(units: bigint): string {
    return formatUnits(units, this.#terms.quoteScale);
  }

  coins(lots: number): string {
    const [whole = '', decimals = ''] = this.lots(lots).split('.');
    return `${whole}.${decimals.padEnd(8, '0')}`;
  }

  value(side: Side, lots: number, amount: bigint): object {
    const coins = this.coins(lots);
    return side === 'buy'
      ? { COIN: coins, CASH: this.cash(-amount) }
      : { COIN: `-${coins}`, CASH: this.cash(amount) };
  }
}

/** Writes `count` steps of a size with the size's own decimals, by schoolbook arithmetic. */
function stepText(count: number | bigint, size: string): string {
  const decimals = decimalsWritten(size);
  const units = (BigInt(size.replace('.', '')) * BigInt(count)).toString();
  if (decimals === 0) return units;
  const digits = units.padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
