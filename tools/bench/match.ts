/** The order book by itself, beside the npm package `nodejs-order-book`, on the same messages. */
import { isDeepStrictEqual } from 'node:util';
import {
  bareBook,
  nodejsOrderBook,
  wholeSymbol,
  type Contestant,
  type Levels,
  type Market,
} from './contestants.ts';
import { deepFeed, growthFeed, recordedFeed, type Feed } from './feeds.ts';
import { machine } from './processes.ts';
import { headline, matchNotes, ratio, table, whole } from './report.ts';
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
  console.log(options.json ? JSON.stringify(results, null, 2) : print(results));
}

interface Run {
  /** Per message. */
  readonly nanoseconds: number;
  readonly trades: number;
  readonly levels: Levels;
}

/** A contestant on a feed, its type of command out of sight; each call is one measurement. */
type Entrant = () => Run;

/** Each measurement begins with a fresh book, or with as many as it takes. */
function enter<Command>(contestant: Contestant<Command>, feed: Feed): Entrant {
  const fill = feed.fill.map(contestant.translate);
  const measured = feed.measured.map(contestant.translate);
  const repeats = Math.ceil(messagesPerRound / measured.length);
  return () => {
    let nanoseconds = 0;
    let trades = 0;
    let levels: Levels = { buys: [], sells: [] };
    for (let repeat = 0; repeat < repeats; repeat++) {
      const market = contestant.open();
      for (const command of fill) market.send(command);
      const run = measure(market, measured);
      nanoseconds += run.nanoseconds / repeats;
      trades += run.trades;
      levels = market.levels(10);
    }
    return { nanoseconds, trades, levels };
  };
}

/** All measurements are on one book, which the feed leaves as it was. */
function enterOnce<Command>(contestant: Contestant<Command>, feed: Feed): Entrant {
  const market = contestant.open();
  for (const message of feed.fill) market.send(contestant.translate(message));
  const measured = feed.measured.map(contestant.translate);
  return () => ({ ...measure(market, measured), levels: market.levels(10) });
}

function measure<Command>(
  market: Market<Command>,
  commands: readonly Command[],
): Omit<Run, 'levels'> {
  let trades = 0;
  const began = performance.now();
  for (const command of commands) trades += market.send(command);
  const ms = performance.now() - began;
  return { nanoseconds: (ms * 1e6) / commands.length, trades };
}

function compare(name: string, feed: Feed, rounds: number): MatchRow[] {
  const entrants = [enter(bareBook, feed), enter(wholeSymbol, feed), enter(nodejsOrderBook, feed)];
  const runs = interleaved(entrants, rounds);
  const [first] = runs[0] ?? [];
  for (const run of runs.flat()) {
    if (run.trades === first?.trades && isDeepStrictEqual(run.levels, first.levels)) continue;
    throw new Error(`${name}: the books differ, so their speeds cannot be compared`);
  }
  return [bareBook, wholeSymbol, nodejsOrderBook].map(({ name: book }, index) => ({
    feed: name,
    book,
    nanoseconds: medianOf(runs[index] ?? []),
    trades: first?.trades ?? 0,
  }));
}

/** The cost of placing an order and cancelling it, as the book grows. */
function growthOf<Command>(contestant: Contestant<Command>, rounds: number): GrowthRow[] {
  const cases = growthOrders.flatMap((orders) => [
    { place: 'at any level', orders, reach: orders / 20 },
    { place: 'at the best 50', orders, reach: 50 },
  ]);
  const entrants = cases.map(({ orders, reach }) =>
    enterOnce(contestant, growthFeed({ orders, reach, pairs: growthPairs })),
  );
  const runs = interleaved(entrants, rounds);
  return cases.map(({ place, orders }, index) => ({
    book: contestant.name,
    place,
    orders,
    nanoseconds: 2 * medianOf(runs[index] ?? []),
  }));
}

/**
 * The runs of each entrant; every round has all of them, so a slow moment meets them alike. What
 * comes before the first round only warms up.
 */
function interleaved(entrants: readonly Entrant[], rounds: number): Run[][] {
  const runs: Run[][] = entrants.map(() => []);
  for (const run of entrants) run();
  for (let round = 0; round < rounds; round++) {
    entrants.forEach((run, index) => runs[index]?.push(run()));
  }
  return runs;
}

function medianOf(runs: readonly Run[]): number {
  const sorted = runs.map(({ nanoseconds }) => nanoseconds).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function print(results: MatchResults): string {
  const theirs = (feed: string): number =>
    results.rows.find((row) => row.feed === feed && row.book === nodejsOrderBook.name)
      ?.nanoseconds ?? 0;
  return [
    headline(results),
    '',
    table([
      ['', 'ns a message', 'a second', 'trades', 'times nodejs-order-book'],
      ...results.rows.map(({ feed, book, nanoseconds, trades }) => [
        `${book}: ${feed}`,
        whole(nanoseconds),
        whole(1e9 / nanoseconds),
        whole(trades),
        ratio(theirs(feed), nanoseconds),
      ]),
    ]),
    '',
    table([
      ['ns to place and cancel', ...growthOrders.map((orders) => `${whole(orders)} open`), 'ratio'],
      ...growthLines(results.growth),
    ]),
    '',
    matchNotes,
  ].join('\n');
}

/** A line for each book and place: its times as it grows, and the last as a multiple of the first. */
function growthLines(growth: readonly GrowthRow[]): string[][] {
  const lines = Map.groupBy(growth, ({ book, place }) => `${book}, ${place}`);
  return [...lines].map(([name, rows]) => {
    const times = rows.map(({ nanoseconds }) => nanoseconds);
    return [name, ...times.map(whole), ratio(times.at(-1) ?? 0, times[0] ?? 0)];
  });
}
