/**
 * The load of clients that never send anything twice: deposits and orders without ids, one in flight
 * each, paced. What goes wrong is theirs to suffer, so it is all counted.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { expect } from 'vitest';
import { expectConserved, newSums } from './audit.ts';
import { balancesOf, limitOrder } from './orders.ts';
import { fresh, listedSymbol } from './suite.ts';
import { partitionOf, wireOver, type Answer, type Wire } from './wire.ts';

export interface SteadyLoad {
  /** Ends it; everything sent has been answered, or is among the failures. */
  stop(): Promise<LoadReport>;
  /** The longest waits since the start, or since it was last asked. */
  takeLongest(): LongestWaits;
}

export interface LongestWaits {
  /** For an answer of each partition, in ms. */
  readonly byPartition: readonly number[];
  /** For an echo in this process, through the same NATS: what the machine itself is to blame for. */
  readonly echoMs: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly orders: number;
  readonly failures: readonly string[];
}

const depositors = 48;
const traders = 6;
const paceMs = 4;
/** Waits are noted by partition; these belong to none. */
const trading = -1;
const echoing = -2;

/** Begins with accounts and a symbol of its own; resolves when each account has been answered once. */
export async function startLoad(connection: NatsConnection): Promise<SteadyLoad> {
  const wire = wireOver(connection);
  const symbol = await listedSymbol(wire);
  const external = newSums();
  const fund = async (account: string, asset: string): Promise<void> => {
    const body = { asset, amount: '1000000' };
    expect((await wire.cmd(account, 'deposit', body, `fund-${asset}`)).reply.ok).toBe(true);
    external.add(asset, body.amount);
  };
  const savers = await Promise.all(
    Array.from({ length: depositors }, () => openSaver(wire, `account/${fresh('saver')}`)),
  );
  const dealers = Array.from({ length: traders }, () => `account/${fresh('dealer')}`);
  for (const dealer of dealers) await Promise.all([fund(dealer, 'USD'), fund(dealer, 'BTC')]);

  let running = true;
  let requests = 0;
  let orders = 0;
  let longest = new Map<number, number>();
  const failures: string[] = [];
  const note = (partition: number, ms: number): void =>
    void longest.set(partition, Math.max(longest.get(partition) ?? 0, ms));
  const ask = async (partition: number, what: string, send: () => Promise<Answer>) => {
    const sentAt = performance.now();
    requests++;
    try {
      const { reply, text } = await send();
      if (!reply.ok) failures.push(`${what}: ${text}`);
      return reply.ok;
    } catch (error) {
      failures.push(`${what}: ${String(error)}`);
      return false;
    } finally {
      note(partition, performance.now() - sentAt);
    }
  };
  const save = async (saver: Saver): Promise<void> => {
    const body = { asset: 'KRW', amount: '1' };
    while (running) {
      const { account, partition } = saver;
      if (await ask(partition, `deposit to ${account}`, () => wire.cmd(account, 'deposit', body)))
        saver.deposits++;
      await pause(paceMs);
    }
  };
  const deal = async (dealer: string, n: number): Promise<void> => {
    while (running) {
      const order = limitOrder(symbol, n % 2 === 0 ? 'buy' : 'sell', '100.00', '0.0001');
      orders++;
      // An order crosses three partitions: how long one of them pauses is told by the deposits.
      await ask(trading, `order of ${dealer}`, () => wire.cmd(dealer, 'place-order', order));
      await pause(paceMs * 5);
    }
  };
  const echo = fresh('echo');
  connection.subscribe(echo, { callback: (_, message) => void message.respond() });
  const shout = async (): Promise<void> => {
    while (running) {
      const sentAt = performance.now();
      await connection.request(echo);
      note(echoing, performance.now() - sentAt);
      await pause(paceMs);
    }
  };
  const clients = Promise.all([...savers.map(save), ...dealers.map(deal), shout()]);
  return {
    takeLongest: () => {
      const taken = [...longest];
      const echoMs = longest.get(echoing) ?? 0;
      longest = new Map();
      return { byPartition: taken.flatMap(([n, ms]) => (n >= 0 ? [ms] : [])), echoMs };
    },
    stop: async () => {
      running = false;
      await clients;
      for (const { account, deposits } of savers) {
        const available = Number((await balancesOf(wire, account))['KRW']?.available);
        if (available > deposits) failures.push(`${account}: ${available - deposits} too many`);
        if (available < deposits) failures.push(`${account}: ${deposits - available} are lost`);
      }
      await expectConserved(wire, { accounts: dealers, symbols: [symbol], external });
      return { requests, orders, failures };
    },
  };
}

interface Saver {
  readonly account: string;
  readonly partition: number;
  /** Acknowledged ones, of 1 KRW each. */
  deposits: number;
}

async function openSaver(wire: Wire, account: string): Promise<Saver> {
  const opened = await wire.cmd(account, 'deposit', { asset: 'KRW', amount: '1' }, 'open');
  return { account, partition: partitionOf(opened), deposits: 1 };
}
