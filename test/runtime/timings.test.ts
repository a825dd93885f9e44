import { expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { manualClock } from '../../runtime/memory/clock.ts';
import { Timings } from '../../runtime/timings.ts';

const account = (id: string | number) => actorKey('account', `${id}`);

test('percentiles are right to a tenth', () => {
  const timings = new Timings(manualClock());
  for (let ms = 1; ms <= 1_000; ms++) timings.note({ actor: account(ms), name: 'deposit', ms });
  const { requests, p50Ms = 0, p99Ms = 0 } = timings.timing;
  expect(requests).toBe(1_000);
  expect(p50Ms / 500).toBeGreaterThan(0.9);
  expect(p50Ms / 500).toBeLessThan(1.1);
  expect(p99Ms / 990).toBeGreaterThan(0.9);
  expect(p99Ms / 990).toBeLessThan(1.1);
});

test('the slowest are told, one of each actor, the slowest first', () => {
  const timings = new Timings(manualClock());
  for (const ms of [3, 9, 5]) timings.note({ actor: account('a'), name: 'deposit', ms });
  timings.note({ actor: account('b'), name: 'balance', ms: 7 });
  for (let ms = 0; ms < 20; ms++) timings.note({ actor: account(ms), name: 'hold', ms: ms / 100 });
  const { slowest } = timings.timing;
  expect(slowest).toHaveLength(8);
  expect(slowest.slice(0, 2)).toEqual([
    { actor: 'account/a', name: 'deposit', ms: 9 },
    { actor: 'account/b', name: 'balance', ms: 7 },
  ]);
});

test('what is older than ten seconds is forgotten', () => {
  const clock = manualClock();
  const timings = new Timings(clock);
  timings.note({ actor: account('a'), name: 'deposit', ms: 1 });
  clock.advance(6_000);
  expect(timings.timing.requests).toBe(1);
  timings.note({ actor: account('b'), name: 'deposit', ms: 1 });
  clock.advance(5_000);
  expect(timings.timing).toMatchObject({ requests: 1, slowest: [{ actor: 'account/b' }] });
  clock.advance(20_000);
  expect(timings.timing).toEqual({ requests: 0, slowest: [] });
});
