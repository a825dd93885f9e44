/** What every file of this suite begins with: a cluster of its own, and names that are new. */
import { afterAll, beforeAll, vi } from 'vitest';
import { startCluster, type Cluster, type ClusterOptions } from './cluster.ts';
import { wireOver, type Wire } from './wire.ts';

export interface Suite {
  readonly cluster: Cluster;
  readonly wire: Wire;
}

/** Starts a cluster before the tests of the file and ends it after them. */
export function useCluster(options: ClusterOptions = {}): Suite {
  vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });
  let cluster: Cluster | undefined;
  let wire: Wire | undefined;
  beforeAll(async () => {
    cluster = await startCluster(options);
    wire = wireOver(await cluster.connect());
  });
  afterAll(() => cluster?.stop());
  return {
    get cluster() {
      return present(cluster);
    },
    get wire() {
      return present(wire);
    },
  };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the cluster exists only while the tests run');
  return value;
}

let names = 0;

/** The name of an actor, an order or a command that this file has not used yet. */
export const fresh = (kind: string): string => `${kind}-${++names}`;

/** A new account that holds these amounts. */
export async function fundedAccount(wire: Wire, amounts: Record<string, string>): Promise<string> {
  const account = `account/${fresh('holder')}`;
  for (const [asset, amount] of Object.entries(amounts)) {
    const { reply } = await wire.insist(account, 'deposit', { asset, amount }, fresh('open'));
    if (!reply.ok) throw new Error(`the deposit was refused: ${JSON.stringify(reply)}`);
  }
  return account;
}

export interface Listing {
  readonly base?: string;
  readonly quote?: string;
  readonly tickSize?: string;
  readonly lotSize?: string;
  readonly makerFee?: string;
  readonly takerFee?: string;
  readonly settlement?: 'accounts' | 'none';
}

/** A new symbol: BTC/USD in steps of 0.01 and 0.0001 without fees, unless said otherwise. */
export async function listedSymbol(wire: Wire, listing: Listing = {}): Promise<string> {
  const symbol = fresh('S');
  const standard = { base: 'BTC', quote: 'USD', tickSize: '0.01', lotSize: '0.0001' };
  const body = { ...standard, settlement: 'accounts', ...listing };
  const { reply } = await wire.insist(`symbol/${symbol}`, 'list', body, 'list');
  if (!reply.ok) throw new Error(`the listing was refused: ${JSON.stringify(reply)}`);
  return symbol;
}
