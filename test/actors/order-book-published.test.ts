/**
 * The order book against reports that others have published, byte for byte; see the README in
 * test/data/orderbook.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Report } from '../../contracts/symbol.ts';
import { LoneSymbol } from './lone-symbol.ts';

interface Message {
  readonly op: 'NEW' | 'CANCEL' | 'MODIFY';
  readonly side: number;
  readonly ioc: number;
  readonly qty: number;
  readonly orderId: number;
  readonly priceTicks: number;
}

interface EdgeCase {
  readonly messages: readonly Message[];
  readonly expectedReports: readonly string[];
  readonly expectedBbo: readonly (readonly [number | null, number | null])[];
}

/** A case given by how it is made. */
interface GeneratedCase {
  readonly generator: string;
  readonly expectedReportsSha256: string;
  readonly expectedReportsCount: number;
}

interface Checkpoint {
  readonly reports: number;
  readonly sha256: string;
  readonly bestBid: number | null;
  readonly bestAsk: number | null;
  readonly openOrders: number;
}

const data = new URL('../data/orderbook/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, data));
const sha256 = (lines: readonly string[]): string => hash('sha256', lines.join('\n'), 'hex');

/** A symbol in whole ticks and lots that writes the benchmark's report lines. */
class Reporter {
  readonly symbol = new LoneSymbol().list({
    base: 'LOT',
    quote: 'TICK',
    tickSize: '1',
    lotSize: '1',
    settlement: 'none',
  });
  readonly lines: string[] = [];
  #sides = new Map<string, number>();
  #sequence = 0;

  send(message: Message): void {
    const orderId = String(message.orderId);
    const reply = this.#ask(orderId, message);
    if (reply?.ok) {
      const { reports } = reply.result as unknown as { reports: Report[] };
      for (const report of reports) this.lines.push(this.#line(report, orderId));
    } else {
      expect(reply?.error.code).toBe('order/unknown');
      this.lines.push(`${message.op === 'CANCEL' ? 4 : 5},${this.#sequence},${orderId}`);
    }
    this.#sequence++;
  }

  bestPrices(): (number | null)[] {
    const { bids, asks } = this.#book(1);
    return [bids, asks].map(([best]) => (best ? Number(best[0]) : null));
  }

  openOrders(): number {
    const { context } = this.symbol.save();
    return (context as { orders: unknown[] }).orders.length;
  }

  #ask(orderId: string, { op, side, ioc, qty, priceTicks }: Message) {
    const terms = { orderId, price: String(priceTicks), quantity: String(qty) };
    if (op === 'CANCEL') return this.symbol.command('cancel', { orderId });
    if (op === 'MODIFY') return this.symbol.command('replace', terms);
    this.#sides.set(orderId, side);
    return this.symbol.command('submit', {
      ...terms,
      side: side === 0 ? 'buy' : 'sell',
      type: 'limit',
      timeInForce: ioc === 1 ? 'IOC' : 'GTC',
    });
  }

  #line(report: Report, orderId: string): string {
    const { price, quantity } = report;
    if (report.type === 'trade') {
      return `1,${this.#sequence},${price},${quantity},${report.makerOrderId},${report.takerOrderId}`;
    }
    const begin = { accepted: 0, canceled: 2, replaced: 3 }[report.type];
    const line = `${begin},${this.#sequence},${this.#sides.get(orderId)},${orderId},${price}`;
    return report.type === 'canceled' ? line : `${line},${quantity}`;
  }

  #book(depth: number): Sides {
    return this.symbol.result('book', { depth }) as unknown as Sides;
  }
}

interface Sides {
  readonly bids: readonly [string, string][];
  readonly asks: readonly [string, string][];
}

describe('the published workload "normal"', () => {
  const ops = ['NEW', 'CANCEL', 'MODIFY'] as const;
  const [, ...rows] = gunzipSync(read('normal_first20000_messages.csv.gz'))
    .toString()
    .trimEnd()
    .split('\n');
  const messages = rows.map((row): Message => {
    const [op = 0, side = 0, ioc = 0, qty = 0, orderId = 0, priceTicks = 0] = row
      .split(',')
      .map(Number);
    return { op: ops[op] ?? 'NEW', side, ioc, qty, orderId, priceTicks };
  });
  const expected = gunzipSync(read('normal_first20000_expected_reports.txt.gz'))
    .toString()
    .split('\n');
  const { scenarios } = JSON.parse(read('checkpoints.json').toString()) as {
    scenarios: { normal: { checkpoints: { [messages: string]: Checkpoint } } };
  };
  const { checkpoints } = scenarios.normal;

  test('its first 20,000 messages give the published reports, at each checkpoint too', () => {
    const reporter = new Reporter();
    let reached = 0;
    messages.forEach((message, index) => {
      reporter.send(message);
      const checkpoint = checkpoints[index + 1];
      if (!checkpoint) return;
      reached++;
      expect(reporter.lines.length).toBe(checkpoint.reports);
      expect(sha256(reporter.lines)).toBe(checkpoint.sha256);
      expect(reporter.bestPrices()).toEqual([checkpoint.bestBid, checkpoint.bestAsk]);
      expect(reporter.openOrders()).toBe(checkpoint.openOrders);
    });
    expect(reached).toBe(3);
    expect(reporter.lines.join('\n')).toBe(expected.join('\n'));
  });
});

describe('the published edge cases', () => {
  const { cases } = JSON.parse(read('edge_cases.json').toString()) as {
    cases: { [name: string]: EdgeCase | GeneratedCase };
  };

  test('are 34', () => expect(Object.keys(cases).length).toBe(34));

  for (const [name, edge] of Object.entries(cases)) {
    if (!('messages' in edge)) continue;
    test(`${name}: reports, and best prices after every message`, () => {
      const reporter = new Reporter();
      const best = edge.messages.map((message) => {
        reporter.send(message);
        return reporter.bestPrices();
      });
      expect(reporter.lines).toEqual(edge.expectedReports);
      expect(best).toEqual(edge.expectedBbo);
    });
  }

  test('deep_recursive_sweep_5000: one order sweeps 5,000 others', () => {
    const edge = cases['deep_recursive_sweep_5000'] as GeneratedCase;
    const reporter = new Reporter();
    const order = { op: 'NEW', side: 1, ioc: 0, qty: 1, priceTicks: 100 } as const;
    for (let orderId = 1; orderId <= 5_000; orderId++) reporter.send({ ...order, orderId });
    reporter.send({ ...order, side: 0, ioc: 1, qty: 5_000, orderId: 5_001 });
    expect(reporter.lines.length).toBe(edge.expectedReportsCount);
    expect(sha256(reporter.lines)).toBe(edge.expectedReportsSha256);
    expect(reporter.bestPrices()).toEqual([null, null]);
  });
});
