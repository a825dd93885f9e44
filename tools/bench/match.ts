/** The order book by itself, beside the npm package `nodejs-order-book`, on the same messages. */
import { isDeepStrictEqual } from 'node:util';
import {
  bareBook,
  nodejsOrderBook,
  wholeSymbol,
  type Contestant,
  type Levels,
} from './contestants.ts';
import { deepFeed, growthFeed, recordedFeed, type Feed } from './feeds.ts';
import { machine } from './processes.ts';
import { headline, notes, row, whole } from './report.ts';
import type { GrowthRow, MatchResults, MatchRow } from './results.ts';

export interface MatchOptions {
  readonly rounds: number;
  readonly json: boolean;
}

/** Each measurement runs so many messages, on fresh books if the feed is shorter. */
const messagesPerRound = 200_000;
const growthOrders = [1_000, 1_000_000];
const growthPairs = 100_000;

/** Runs it and prints what came out; throws if the books do not trade alike. */
export function measureMatching(options: MatchOptions): void {
  const before = machine();
  const feeds: readonly [name: string, feed: Feed][] = [
    ['recorded, 20,000 messages', recordedFeed()],
    ['deep, 100,000 orders at 10,000 levels', deepFeed()],
  ];
  const rows = feeds.flatMap(([name, feed]) => compare(name, feed, options.rounds));
  const growth = [
    ...growthOf(bareBook, options.rounds),
    ...growthOf(wholeSymbol, options.rounds),
    ...growthOf(nodejsOrderBook, options.rounds),
  ];
  const results: MatchResults = { kind: 'match', before, after: machine(), rows, growth };
  console.log(options.json ? JSON.stringify(results, null, 2) : table(results));
}

/** A contestant with its commands translated and its type of command out of sight. */
interface Entrant {
  readonly name: string;
  run(): Run;
}

interface Run {
  /** Per message. */
  readonly nanoseconds: number;
  readonly trades: number;
  readonly levels: Levels;
}

function enter<Command>(contestant: Contestant<Command>, feed: Feed): Entrant {
  const fill = feed.fill.map(contestant.translate);
  const measured = feed.measured.map(contestant.translate);
  const repeats = Math.ceil(messagesPerRound / measured.length);
  return {
    name: contestant.name,
    run: () => {
      let ms = 0;
      let trades = 0;
      let levels: Levels = { buys: [], sells: [] };
      for (let repeat = 0; repeat < repeats; repeat++) {
        const market = contestant.open();
        for (const command of fill) market.send(command);
        const began = performance.now();
        for (const command of measured) trades += market.send(command);
        ms += performance.now() - began;
        levels = market.levels(10);
      }
      return { nanoseconds: (ms * 1e6) / (repeats * measured.length), trades, levels };
    },
  };
}

function compare(name: string, feed: Feed, rounds: number): MatchRow[] {
  const entrants = [
    enter(bareBook, feed),
    enter(wholeSymbol, feed),
    enter(nodejsOrderBook, feed),
  ];
  const runs = interleaved(entrants, rounds);
  const [first] = runs[0] ?? [];
  for (const run of runs.flat()) {
    if (run.trades === first?.trades && isDeepStrictEqual(run.levels, first.levels)) continue;
    throw new Error(`${name}: the books differ, so their speeds cannot be compared`);
  }
  return entrants.map((entrant, index) => ({
    feed: name,
    book: entrant.name,
    nanoseconds: medianOf(runs[index] ?? []),
    trades: first?.trades ?? 0,
  }));
}

/** The cost of placing an order and cancelling it, as the book grows. */
function growthOf<Command>(contestant: Contestant<Command>, rounds: number): GrowthRow[] {
  const entrants = growthOrders.map((orders) =>
    enter(contestant, growthFeed({ orders, pairs: growthPairs })),
  );
  const runs = interleaved(entrants, rounds);
  return growthOrders.map((orders, index) => ({
    book: contestant.name,
    orders,
    nanoseconds: 2 * medianOf(runs[index] ?? []),
  }));
}

/** The runs of each entrant; every round has all of them, so a slow moment meets them alike. */
function interleaved(entrants: readonly Entrant[], rounds: number): Run[][] {
  const runs: Run[][] = entrants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    entrants.forEach((entrant, index) => runs[index]?.push(entrant.run()));
  }
  return runs;
}

function medianOf(runs: readonly Run[]): number {
  const sorted = runs.map(({ nanoseconds }) => nanoseconds).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
