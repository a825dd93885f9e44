import { crc32 } from 'node:zlib';

/** A book as the `book` query prints it: price and quantity of each level, best first. */
export interface PrintedBook {
  readonly asks: readonly PrintedLevel[];
  readonly bids: readonly PrintedLevel[];
}

export type PrintedLevel = readonly [price: string, quantity: string];

/**
 * The feed's checksum of a book: CRC32 over the ten best asks, then the ten best bids, each as its
 * price and quantity without the decimal point and without leading zeros (Kraken's documentation,
 * "Calculate Book Checksum").
 */
export function bookChecksum(book: PrintedBook): number {
  const levels = [...book.asks.slice(0, 10), ...book.bids.slice(0, 10)];
  return crc32(levels.map(([price, quantity]) => digits(price) + digits(quantity)).join(''));
}

const digits = (decimal: string): string => decimal.replace('.', '').replace(/^0+/, '');
