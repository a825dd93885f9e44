/** What the matching benchmark feeds to every order book: the same messages in the same order. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Side } from '../../contracts/execution-report.ts';
import { seededRandom } from '../seeded-random.ts';

/** A limit order in whole ticks and lots; one that is `immediate` does not rest. */
export interface Place {
  readonly kind: 'place';
  readonly id: string;
  readonly side: Side;
  readonly price: number;
  readonly quantity: number;
  readonly immediate: boolean;
}

/** Cancels an order that may have been filled already. */
export interface Cancel {
  readonly kind: 'cancel';
  readonly id: string;
}

/** The order leaves the book and comes in again, last in its level; `quantity` is what is open. */
export interface Replace {
  readonly kind: 'replace';
  readonly id: string;
  readonly price: number;
  readonly quantity: number;
}

export type Message = Place | Cancel | Replace;

/** What fills a book, and what is then measured on it. */
export interface Feed {
  readonly fill: readonly Message[];
  readonly measured: readonly Message[];
}

const recordedFile = new URL(
  '../../test/data/orderbook/normal_first20000_messages.csv.gz',
  import.meta.url,
);

/** The published workload of 20,000 messages, on an empty book; its README is beside it. */
export function recordedFeed(): Feed {
  const [, ...rows] = gunzipSync(readFileSync(recordedFile)).toString().trimEnd().split('\n');
  const measured = rows.map((row): Message => {
    const [kind, side, ioc, quantity = 0, order, price = 0] = row.split(',').map(Number);
    const id = String(order);
    if (kind === 1) return { kind: 'cancel', id };
    if (kind === 2) return { kind: 'replace', id, price, quantity };
    const given = { side: side === 0 ? 'buy' : 'sell', immediate: ioc === 1 } as const;
    return { kind: 'place', id, price, quantity, ...given };
  });
  return { fill: [], measured };
}

const middle = 1_000_000;

/**
 * A book of so many orders, evenly over so many levels, and then as many messages on it: half are
 * new orders at any level, four in ten cancel an order placed before, one in ten takes what is best.
 */
export function deepFeed({ orders = 100_000, levels = 10_000 } = {}): Feed {
  const random = seededRandom(20_210_417);
  const reach = levels / 2;
  const ids: string[] = [];
  const place = (n: number): Place => {
    const side = n % 2 === 0 ? 'buy' : 'sell';
    const distance = 1 + Math.floor(random() * reach);
    const id = `o${ids.length}`;
    ids.push(id);
    const price = side === 'buy' ? middle - distance : middle + distance;
    const quantity = 1 + Math.floor(random() * 20);
    return { kind: 'place', id, side, price, quantity, immediate: false };
  };
  const take = (n: number): Place => {
    const side = n % 4 < 2 ? 'buy' : 'sell';
    const price = side === 'buy' ? middle + reach : middle - reach;
    return { kind: 'place', id: `t${n}`, side, price, quantity: 10, immediate: true };
  };
  const fill = Array.from({ length: orders }, (_, n) => place(n));
  const measured = Array.from({ length: orders }, (_, n): Message => {
    const kind = random();
    if (kind < 0.5) return place(n);
    if (kind < 0.6) return take(n);
    return { kind: 'cancel', id: ids[Math.floor(random() * ids.length)] ?? '' };
  });
  return { fill, measured };
}

/**
 * So many orders, ten at each level, then pairs: one order placed at one of the best `reach` levels
 * of its side, and cancelled. They leave the book as it was.
 */
export function growthFeed(options: { orders: number; reach: number; pairs: number }): Feed {
  const { fill } = deepFeed({ orders: options.orders, levels: options.orders / 10 });
  const random = seededRandom(options.orders);
  const measured = Array.from({ length: options.pairs }, (_, n): Message[] => {
    const side = n % 2 === 0 ? 'buy' : 'sell';
    const distance = 1 + Math.floor(random() * options.reach);
    const price = side === 'buy' ? middle - distance : middle + distance;
    return [
      { kind: 'place', id: `p${n}`, side, price, quantity: 5, immediate: false },
      { kind: 'cancel', id: `p${n}` },
    ];
  }).flat();
  return { fill, measured };
}
