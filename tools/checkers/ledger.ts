/** What an actor owns is what it keeps it for. */
import type { ActorType, State } from '../../actors/actor.ts';
import { exact, Sums } from './sums.ts';

/** What is wrong with an actor's ledger: a line below zero, or a sum that is not its holdings. */
export function ledgerFault(type: ActorType, state: State<unknown>): string | undefined {
  const left = new Sums().add(type.holdings(state));
  for (const [line, value] of Object.entries(type.ledger(state))) {
    for (const [asset, amount] of Object.entries(value))
      if (exact(amount) < 0n) return `it has ${amount} ${asset} ${line}`;
    left.add(value, -1);
  }
  const { remainder } = left;
  return remainder === '' ? undefined : `it owns ${remainder} for nothing known`;
}
