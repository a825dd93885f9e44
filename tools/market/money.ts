/** The demo's money: what its accounts start with, and the check that none was made or lost. */
import { formatUnits, parseUnits, type Units } from '../../contracts/money.ts';
import type { Answer, BatchItem, Client } from '../../runtime/client.ts';
import type { Clock, Random } from '../../runtime/clock.ts';
import type { RecordedSymbol } from './feed.ts';
import { makerOf, takerOf } from './script.ts';

/** What an account starts with, of its symbol's base and of its quote asset. */
const endowment = '1000000000';

/** Sums per asset, at a scale that every asset's fits. */
export type Totals = ReadonlyMap<string, Units>;

/** A deposit that was answered, kept to be asked again after a restart. */
export interface Deposited {
  readonly command: Deposit;
  readonly answer: Answer;
}

interface Deposit extends BatchItem {
  readonly id: string;
  readonly body: { readonly asset: string; readonly amount: string };
}

export interface Till {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly market: readonly RecordedSymbol[];
}

/**
 * Deposits what the accounts do not have yet. The ids are UUIDv7: should one be sent again years
 * later, it is refused as too old instead of being paid out twice.
 */
export async function endow({ client, clock, random, market }: Till): Promise<Deposited[]> {
  const wanted = await Promise.all(
    accountsOf(market).map(async ({ actor, assets }) => {
      const { balances } = resultOf(await client.get(actor, 'balance', {}));
      return assets
        .filter((asset) => !Object.hasOwn(balances, asset))
        .map((asset) => ({ actor, name: 'deposit', body: { asset, amount: endowment } }));
    }),
  );
  const commands = wanted.flat().map((command) => ({ ...command, id: random.id(clock.now()) }));
  if (commands.length === 0) return [];
  const answers = await client.batch(commands);
  return commands.flatMap((command, index) => {
    const answer = answers[index];
    if (answer === undefined) return [];
    resultOf(answer);
    return [{ command, answer }];
  });
}

/** All that the demo's accounts own, available and held, and the fees that its symbols keep. */
export async function totalsOf({ client, market }: Till): Promise<Totals> {
  const totals = new Map<string, Units>();
  const add = (asset: string, amount: string): void => {
    totals.set(asset, (totals.get(asset) ?? 0n) + (parseUnits(amount, totalScale) ?? 0n));
  };
  const balances = accountsOf(market).map(async ({ actor }) => {
    const balance = resultOf(await client.get(actor, 'balance', {}));
    for (const [asset, { available, held }] of Object.entries(balance.balances)) {
      add(asset, available);
      add(asset, held);
    }
  });
  const fees = market.map(async ({ symbol }) => {
    const kept = await client.get(`symbol/${symbol}`, 'fees', {});
    // A symbol that is not listed yet has kept nothing.
    if (kept.ok) for (const [asset, amount] of Object.entries(kept.result.fees)) add(asset, amount);
  });
  await Promise.all([...balances, ...fees]);
  return totals;
}

/**
 * Waits until the totals are as expected: the far side of a trade follows without being awaited, so
 * for a moment its value is in messages. Settles with what differs after the time, per asset.
 */
export async function conserved(
  till: Till,
  expected: Totals,
  timeoutMs: number,
): Promise<string[]> {
  const deadline = till.clock.monotonic() + timeoutMs;
  for (;;) {
    const differences = differencesOf(await totalsOf(till), expected);
    if (differences.length === 0 || till.clock.monotonic() > deadline) return differences;
    await new Promise<void>((resolve) => till.clock.after(retryMs, resolve));
  }
}

/** Totals with what was deposited since. */
export function withDeposits(totals: Totals, deposits: readonly Deposited[]): Totals {
  const sums = new Map(totals);
  for (const { command } of deposits) {
    const { asset, amount } = command.body;
    sums.set(asset, (sums.get(asset) ?? 0n) + (parseUnits(amount, totalScale) ?? 0n));
  }
  return sums;
}

const totalScale = 18;
const retryMs = 50;

function differencesOf(found: Totals, expected: Totals): string[] {
  const assets = new Set([...found.keys(), ...expected.keys()]);
  return [...assets].flatMap((asset) => {
    const difference = (found.get(asset) ?? 0n) - (expected.get(asset) ?? 0n);
    return difference === 0n ? [] : [`${asset} ${formatUnits(difference, totalScale)}`];
  });
}

const accountsOf = (market: readonly RecordedSymbol[]) =>
  market.flatMap(({ symbol, base, quote }) =>
    [makerOf(symbol), takerOf(symbol)].map((actor) => ({ actor, assets: [base, quote] })),
  );

function resultOf<Result>(answer: Answer<Result>): Result {
  if (answer.ok) return answer.result;
  throw new Error(`${answer.error.code}: ${answer.error.message}`);
}
