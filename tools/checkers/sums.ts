/** Sums of money per asset, exact whatever the scales are: in integers of 10⁻¹⁸. */
import { formatUnits, type Value } from '../../contracts/money.ts';

const decimals = 18;

export class Sums {
  readonly #sums = new Map<string, bigint>();

  /** Adds each amount of a value, or takes it away. */
  add(value: Value | undefined, sign: 1 | -1 = 1): this {
    for (const [asset, amount] of Object.entries(value ?? {}))
      this.#sums.set(asset, (this.#sums.get(asset) ?? 0n) + exact(amount) * BigInt(sign));
    return this;
  }

  /** The assets that do not come to nothing: `0.5 BTC, -3 USD`; empty if all do. */
  get remainder(): string {
    return [...this.#sums]
      .filter(([, sum]) => sum !== 0n)
      .map(([asset, sum]) => `${formatUnits(sum, decimals).replace(/\.?0+$/, '')} ${asset}`)
      .toSorted()
      .join(', ');
  }
}

/** A decimal string, perhaps signed, as an integer of 10⁻¹⁸. */
export function exact(amount: string): bigint {
  const negative = amount.startsWith('-');
  const [whole = '', fraction = ''] = amount.slice(negative ? 1 : 0).split('.');
  const units = BigInt(whole + fraction.padEnd(decimals, '0'));
  return negative ? -units : units;
}
