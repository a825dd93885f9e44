/** Adds money up as an auditor would: from what the wire says, in exact integers. */
import { expect } from 'vitest';
import { until } from './condition.ts';
import { balancesOf } from './orders.ts';
import { readOf, type Wire } from './wire.ts';

/** Sums per asset. */
export interface Sums {
  add(asset: string, amount: string): void;
  subtract(asset: string, amount: string): void;
  /** As decimal strings, the assets in order, those that come to nothing left out. */
  total(): Record<string, string>;
}

const decimals = 18;

/** A decimal string of the wire as an integer of 10^−18. */
export function exact(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}

export function newSums(): Sums {
  const sums = new Map<string, bigint>();
  const change = (asset: string, by: bigint): void =>
    void sums.set(asset, (sums.get(asset) ?? 0n) + by);
  return {
    add: (asset, amount) => change(asset, exact(amount)),
    subtract: (asset, amount) => change(asset, -exact(amount)),
    total: () =>
      Object.fromEntries(
        [...sums]
          .filter(([, sum]) => sum !== 0n)
          .toSorted(([one], [other]) => (one < other ? -1 : 1))
          .map(([asset, sum]) => [asset, `${sum}e-${decimals}`]),
      ),
  };
}

export interface Books {
  readonly accounts: readonly string[];
  /** Symbols, without their type. */
  readonly symbols: readonly string[];
  /** Deposits less withdrawals. */
  readonly external: Sums;
}

/**
 * Σ available + held + fees kept = deposits − withdrawals, per asset. Settlements follow the
 * replies that cause them, so the sums are taken until they agree.
 */
export async function expectConserved(wire: Wire, books: Books): Promise<void> {
  const wanted = books.external.total();
  let found = {};
  await until('the money adds up', async () => {
    found = (await takeStock(wire, books)).total();
    return JSON.stringify(found) === JSON.stringify(wanted) ? true : undefined;
  }).catch((error: unknown) => {
    expect(found).toEqual(wanted);
    throw error;
  });
}

async function takeStock(wire: Wire, { accounts, symbols }: Books): Promise<Sums> {
  const stock = newSums();
  const addAccount = async (account: string): Promise<void> => {
    for (const [asset, { available, held }] of Object.entries(await balancesOf(wire, account))) {
      expect([available, held]).toEqual([
        expect.stringMatching(/^\d/),
        expect.stringMatching(/^\d/),
      ]);
      stock.add(asset, available);
      stock.add(asset, held);
    }
  };
  const addFees = async (symbol: string): Promise<void> => {
    const { fees } = readOf<{ fees: Record<string, string> }>(
      await wire.read(`symbol/${symbol}`, 'fees'),
    );
    for (const [asset, amount] of Object.entries(fees)) stock.add(asset, amount);
  };
  await Promise.all([...accounts.map(addAccount), ...symbols.map(addFees)]);
  return stock;
}
