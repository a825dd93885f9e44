/**
 * Reads the recorded exchange feed (see data/README.md): what each pair's book looked like at
 * first, and each update with the checksum of the book after it. Prices and quantities stay the
 * strings that the exchange sent, for the checksum is computed over their digits.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Side } from '../../contracts/execution-report.ts';
import { decimalsWritten } from '../../contracts/money.ts';

/** A price level's new quantity; zero deletes the level. */
export interface LevelChange {
  readonly side: Side;
  readonly price: string;
  readonly quantity: string;
}

export interface Update {
  readonly changes: readonly LevelChange[];
  /** CRC32 over the top ten levels after this update. */
  readonly checksum: number;
}

/** What was recorded of one pair, `XBT/CHF`, which we list as the symbol `XBT-CHF`. */
export interface RecordedSymbol {
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  /** `0.00001` for prices received with five decimals. */
  readonly tickSize: string;
  readonly snapshot: readonly LevelChange[];
  readonly updates: readonly Update[];
}

/** The market that comes with the repository. */
export function readRecordedMarket(): RecordedSymbol[] {
  const file = new URL('./data/KRAKEN_book1000_20210417.raw.gz', import.meta.url);
  return parseRecording(gunzipSync(readFileSync(file)).toString('utf8'));
}

/** Parses a recording; throws on a book message that is not as the feed's documentation says. */
export function parseRecording(text: string): RecordedSymbol[] {
  const symbols = new Map<string, RecordedSymbol & { updates: Update[] }>();
  for (const line of text.split('\n')) {
    const json = bookMessageLine.exec(line)?.[1];
    if (json === undefined) continue;
    const [, ...rest] = BookMessage.parse(JSON.parse(json));
    const pair = z.string().parse(rest.at(-1));
    const payloads = rest.slice(0, -2).map((payload) => Payload.parse(payload));
    const recorded = symbols.get(pair);
    if (recorded === undefined) symbols.set(pair, openingOf(pair, payloads));
    else recorded.updates.push(updateOf(payloads));
  }
  return [...symbols.values()];
}

/** Book messages are arrays; the feed's other events, objects. */
const bookMessageLine = /^\d+\.\d+: (\[.*\])$/;

const BookMessage = z.tuple([z.number()]).rest(z.unknown());
const Level = z.tuple([z.string(), z.string()]).rest(z.string());
const Levels = z.array(Level).default([]);
const Payload = z.object({
  as: Levels,
  bs: Levels,
  a: Levels,
  b: Levels,
  c: z.string().optional(),
});
type Payload = z.infer<typeof Payload>;

function openingOf(
  pair: string,
  payloads: readonly Payload[],
): RecordedSymbol & { updates: Update[] } {
  const [base = '', quote = ''] = pair.split('/');
  const snapshot = payloads.flatMap((payload) => [
    ...changesOf('sell', payload.as),
    ...changesOf('buy', payload.bs),
  ]);
  const decimals = Math.max(...snapshot.map((level) => decimalsWritten(level.price)));
  const tickSize = `0.${'1'.padStart(decimals, '0')}`;
  return { symbol: `${base}-${quote}`, base, quote, tickSize, snapshot, updates: [] };
}

function updateOf(payloads: readonly Payload[]): Update {
  const checksum = payloads.at(-1)?.c;
  if (checksum === undefined) throw new Error('an update of the recorded feed carries no checksum');
  return {
    changes: payloads.flatMap((payload) => [
      ...changesOf('sell', payload.a),
      ...changesOf('buy', payload.b),
    ]),
    checksum: Number(checksum),
  };
}

const changesOf = (side: Side, levels: Payload['a']): LevelChange[] =>
  levels.map(([price, quantity]) => ({ side, price, quantity }));
