import { expect, test } from 'vitest';
import { matchingSymbol, submission, submit } from './matching.ts';
import { bookOf } from './orders.ts';
import { useCluster } from './suite.ts';
import { outcomesOf, repliesOf, resultOf } from './wire.ts';

const suite = useCluster();

/** A symbol with this many asks of 1 at 10, whose order ids are as `nameOf` says. */
async function symbolWithAsks(count: number, nameOf: (n: number) => string): Promise<string> {
  const symbol = await matchingSymbol(suite.wire);
  for (let from = 0; from < count; from += 500) {
    const commands = Array.from({ length: Math.min(500, count - from) }, (_, n) => ({
      name: 'submit',
      body: submission({ orderId: nameOf(from + n), side: 'sell', price: '10' }),
    }));
    expect(new Set(outcomesOf(await suite.wire.batch(symbol, commands)))).toEqual(new Set(['ok']));
  }
  return symbol;
}

test('one command makes at most 5,000 trades; the rest is cancelled', async () => {
  const symbol = await symbolWithAsks(5_001, (n) => `m${n}`);
  const sweep = await submit(suite.wire, symbol, {
    orderId: 'sweep',
    price: '10',
    quantity: '5001',
  });
  const { reports } = resultOf<{ reports: readonly { type: string }[] }>(sweep);
  expect(reports).toHaveLength(5_002);
  expect(reports.at(-1)).toEqual({
    type: 'canceled',
    orderId: 'sweep',
    price: '10.0',
    quantity: '1.00',
    reason: 'trade-limit',
  });
  const left = await bookOf(suite.wire, symbol.slice('symbol/'.length));
  expect(left).toEqual({ bids: [], asks: [['10.0', '1.00']] });
});

test('a command whose trades would not fit into a message is cut too', async () => {
  const makers = 5_000;
  const symbol = await symbolWithAsks(makers, (n) => `m${n}`.padEnd(64, 'x'));
  const order = { orderId: 'sweep'.padEnd(64, 'x'), price: '10', quantity: String(makers) };
  const sweep = await submit(suite.wire, symbol, order);
  expect(Buffer.byteLength(sweep.text)).toBeLessThan(1_000_000);
  const { reports } = resultOf<{ reports: readonly { type: string; reason?: string }[] }>(sweep);
  expect(reports.at(-1)).toMatchObject({ type: 'canceled', reason: 'trade-limit' });
  const trades = reports.length - 2;
  expect(trades).toBeGreaterThan(1_000);
  const left = await bookOf(suite.wire, symbol.slice('symbol/'.length));
  expect(left).toEqual({ bids: [], asks: [['10.0', `${makers - trades}.00`]] });
});

test('a batch stops before 900 KB; every command can be asked for again by its id', async () => {
  const makers = 4_400;
  const symbol = await symbolWithAsks(makers, (n) => `m${n}`.padEnd(64, 'x'));
  const takers = Array.from({ length: 11 }, (_, n) => ({
    id: `taker-${n}`,
    name: 'submit',
    body: submission({
      orderId: `taker${n}`.padEnd(64, 'x'),
      timeInForce: 'IOC',
      price: '10',
      quantity: '500',
    }),
  }));
  const answer = await suite.wire.batch(symbol, takers);
  expect(Buffer.byteLength(answer.text)).toBeLessThanOrEqual(900 * 1_024);
  const outcomes = outcomesOf(answer);
  expect(outcomes.filter((outcome) => outcome === 'ok').length).toBeGreaterThan(3);
  const left = outcomes.filter((outcome) => outcome !== 'ok');
  expect(left.length).toBeGreaterThan(0);
  for (const outcome of left) expect(outcome).toMatch(/^runtime\/(busy|pending)$/);
  let traded = 0;
  for (const [n, taker] of takers.entries()) {
    const again = await suite.wire.cmd(symbol, taker.name, taker.body, taker.id);
    const { reports } = resultOf<{ reports: readonly { type: string }[] }>(again);
    traded += reports.filter((report) => report.type === 'trade').length;
    const first = repliesOf(answer)[n];
    if (first?.ok) expect(JSON.parse(again.text)).toEqual(first);
  }
  expect(traded).toBe(makers);
});
