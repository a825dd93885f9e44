/** Sums of money per asset, exact whatever the scales are: in integers of 10⁻¹⁸. */
import { formatUnits, tenTo, type Value } from '../../contracts/money.ts';

const decimals = 18;

export class Sums {
  readonly #sums = new Map<string, bigint>();

  /** Adds each amount of a value, or takes it away. */
  add(value: Value | undefined, sign: 1 | -1 = 1): this {
    for (const [asset, amount] of Object.entries(value ?? {}))
      this.#sums.set(asset, (this.#sums.get(asset) ?? 0n) + exact(amount) * BigInt(sign));
    return this;
  }

  /** Adds by how much the amounts of one value are more than those of another. */
  addChange(before: Value, after: Value): this {
    if (before === after) return this;
    for (const [asset, amount] of Object.entries(after)) {
      const was = Object.hasOwn(before, asset) ? before[asset] : undefined;
      if (was === amount) continue;
      const change = exact(amount) - (was === undefined ? 0n : exact(was));
      this.#sums.set(asset, (this.#sums.get(asset) ?? 0n) + change);
    }
    for (const [asset, amount] of Object.entries(before))
      if (!Object.hasOwn(after, asset))
        this.#sums.set(asset, (this.#sums.get(asset) ?? 0n) - exact(amount));
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
  const point = amount.indexOf('.');
  const written = point < 0 ? 0 : amount.length - point - 1;
  const digits = point < 0 ? amount : amount.slice(0, point) + amount.slice(point + 1);
  // A number is exact up to 15 digits, and read in a third of the time.
  const units = digits.length <= 15 ? BigInt(Number(digits)) : BigInt(digits);
  return units * tenTo(decimals - written);
}
