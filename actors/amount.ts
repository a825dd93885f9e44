import { parseUnits, scaleOf, type Scales, type Units } from '../contracts/money.ts';

/** What a command moves, in minor units; or why it cannot be moved. */
export function amountOf(
  { asset, amount }: { readonly asset: string; readonly amount: string },
  scales: Scales,
): Units | 'money/too-precise' | 'money/not-positive' {
  const units = parseUnits(amount, scaleOf(scales, asset));
  if (units === undefined) return 'money/too-precise';
  return units === 0n ? 'money/not-positive' : units;
}
