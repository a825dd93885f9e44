/**
 * What the soak asks of the system: of 100 requests one is a batch of 100 deposits, one a batch of
 * 100 orders, ten are single orders (each second one takes what the one before has rested) and the
 * others single deposits: 298 commands.
 */
import type { Send } from './loops.ts';
import type { Stage } from './stage.ts';
import {
  deposit,
  depositBatches,
  openAccounts,
  orderBatches,
  orders,
  prepareTrading,
} from './workloads.ts';

export type Kind = 'deposit' | 'order' | 'batch';

const cycle = 100;

/** Which kind the n-th request is of. */
export function kindOf(n: number): Kind {
  const place = n % cycle;
  if (place === 0 || place === cycle / 2) return 'batch';
  return place % 10 === 5 ? 'order' : 'deposit';
}

const accounts = 10_000;
const trading = { traders: 200, symbols: 10 };

/** Opens the accounts and symbols; gives what to send. */
export async function prepareMixedLoad(
  stage: Pick<Stage, 'connection' | 'partitions'>,
): Promise<Send> {
  const { connection, partitions } = stage;
  await prepareTrading(connection, trading);
  await openAccounts(connection, { accounts, partitions });
  const singleDeposit = deposit(connection, accounts);
  const singleOrder = orders(connection, trading);
  const manyDeposits = depositBatches(connection, { accounts, partitions });
  const manyOrders = orderBatches(connection, { ...trading, partitions });
  return (n) => {
    switch (kindOf(n)) {
      case 'deposit':
        return singleDeposit(n);
      case 'order':
        return singleOrder(Math.floor(n / 10));
      case 'batch':
        return (n % cycle === 0 ? manyDeposits : manyOrders)(Math.floor(n / cycle));
    }
  };
}
