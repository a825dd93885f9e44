/** The comparison of order books is fair only if all of them do the same. */
import { describe, expect, test } from 'vitest';
import {
  bareBook,
  nodejsOrderBook,
  wholeSymbol,
  type Contestant,
  type Levels,
} from '../../tools/bench/contestants.ts';
import { deepFeed, growthFeed, recordedFeed, type Feed } from '../../tools/bench/feeds.ts';

function play<Command>(
  contestant: Contestant<Command>,
  feed: Feed,
): { trades: number[]; levels: Levels } {
  const market = contestant.open();
  const trades = [...feed.fill, ...feed.measured].map((message) =>
    market.send(contestant.translate(message)),
  );
  return { trades, levels: market.levels(100) };
}

describe.each([
  ['recorded', recordedFeed()],
  ['deep', deepFeed({ orders: 2_000, levels: 200 })],
  ['growing', growthFeed({ orders: 1_000, reach: 50, pairs: 500 })],
])('on the %s feed', (_, feed) => {
  const ours = play(bareBook, feed);

  test('the symbol actor trades as our book does, message by message', () => {
    expect(play(wholeSymbol, feed)).toEqual(ours);
  });

  test('nodejs-order-book trades as our book does, message by message', () => {
    expect(play(nodejsOrderBook, feed)).toEqual(ours);
  });
});

test('the recorded feed makes the 641 trades that were published', () => {
  const { trades } = play(bareBook, recordedFeed());
  expect(trades.reduce((sum, made) => sum + made)).toBe(641);
});

test('growing leaves the book as it was', () => {
  const feed = growthFeed({ orders: 1_000, reach: 50, pairs: 500 });
  expect(play(bareBook, feed).levels).toEqual(play(bareBook, { ...feed, measured: [] }).levels);
});
