import { expect, test } from 'vitest';
import { chart } from '../../tools/bench/chart.ts';
import type { CommandResults, CommandRow } from '../../tools/bench/results.ts';

const machine = { processor: 'A <fast> & small one', cores: 2, memoryGiB: 4, node: 'v24', load: 0 };

const row = (name: string, perSecond: number): CommandRow => ({
  name,
  perSecond,
  p50: 0.5,
  p99: 2,
  p999: 30,
  failed: 0,
  cpu: {},
  bytes: 0,
  others: 0,
});

const results: CommandResults = {
  kind: 'commands',
  before: machine,
  after: machine,
  rows: [
    row('NATS echo', 40_000),
    row('single deposit', 20_000),
    row('deposit, one under way', 900),
  ],
  openLoop: [row('full order at 1000/s', 1_000)],
};

const svg = chart(results);
const widths = [...svg.matchAll(/<rect class="(ours|floor)".* width="([\d.]+)"/g)].map(
  ([, look, width]) => [look, Number(width)] as const,
);

test('throughput is drawn to scale, floors apart from ours', () => {
  expect(widths.map(([look]) => look)).toEqual(['floor', 'ours']);
  expect(widths[1]?.[1]).toBeCloseTo((widths[0]?.[1] ?? 0) / 2, 0);
});

test('each latency has a line and its three percentiles', () => {
  expect(svg.match(/class="ours-line"/g)?.length).toBe(2);
  expect(svg.match(/<circle class="ours"/g)?.length).toBe(6);
});

test('what names hold cannot break the drawing', () => {
  expect(svg).toContain('A &lt;fast&gt; &amp; small one');
  expect(svg).not.toContain('<fast>');
});
