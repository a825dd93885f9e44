/** An actor's balances to read. */
import { isJsonObject, type Json } from '../contracts/json.ts';
import { columns } from './terminal.ts';

/** A line for each asset, in columns: an account's with what is available and what is held. */
export function balanceLines(balances: Json): string[] {
  if (!isJsonObject(balances)) return [JSON.stringify(balances)];
  return columns(
    Object.entries(balances).map(([asset, amount]) =>
      isJsonObject(amount)
        ? [asset, ...Object.entries(amount).flatMap(([name, value]) => [name, asText(value)])]
        : [asset, asText(amount)],
    ),
  );
}

/** The same in one line: `USD 95.00 and 5.00 held, XBT 0.1`. */
export function balancesInLine(balances: Json): string {
  if (!isJsonObject(balances)) return JSON.stringify(balances);
  const parts = Object.entries(balances).map(([asset, amount]) => {
    if (!isJsonObject(amount)) return `${asset} ${asText(amount)}`;
    const { available = '0', held = '0' } = amount;
    return /[1-9]/.test(asText(held))
      ? `${asset} ${asText(available)} and ${asText(held)} held`
      : `${asset} ${asText(available)}`;
  });
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

const asText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));
