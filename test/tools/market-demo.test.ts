import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMeter } from '../../tools/market/meter.ts';
import { openProgress } from '../../tools/market/progress.ts';
import { plainLine, screenOn, table, type View } from '../../tools/market/screen.ts';
import { resentText, restoredText, summaryText } from '../../tools/market/texts.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const partition = (position: number) => ({
  partition: 0,
  position,
  residents: 1,
  ids: 1,
  logBytes: 1_000,
  recoveredRecords: position / 2,
  recoveredMs: 25,
  epoch: 1,
  lag: 0,
  pending: 0,
  reads: 0,
  unacknowledged: 0,
  deadLetters: 0,
});

/** What a host says that the screen does not show. */
const unseen = { prefix: 'millrace', requests: 0, errors: 0, halted: [] };

const view: View = {
  reading: {
    elapsedMs: 12_345,
    commands: 8_123_456,
    commandsPerSecond: 123_456.7,
    p50: 2.13,
    p99: 12_345.67,
    trades: 164,
    matched: 4_000,
    mismatched: 269,
    refusals: [],
  },
  hosts: [
    { host: 'host-1', partitions: [partition(1_000_000), partition(234)], ...unseen },
    { host: 'a-host-with-a-rather-long-name', partitions: [partition(12)], ...unseen },
  ],
  symbols: [
    { symbol: 'WAVES-EUR', played: 576, updates: 576 },
    { symbol: 'OCEAN-XBT', played: 0, updates: 148 },
    { symbol: 'XMR-USD', played: 423, updates: 846 },
  ],
};

test('the table fits 80 columns', () => {
  expect(Math.max(...table(view).map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(`\n${table(view).join('\n')}`).toMatchInlineSnapshot(`
    "

     host-1                 2 partitions     1,000,234 records in their logs
     a-host-with-a-         1 partitions            12 records in their logs

     commands       8,123,456   123,457 a second    p50     2.1 ms   p99 12345.7 ms
     trades               164
     checksums          4,000 of 1,570 matched, 269 NOT

     WAVES-EUR  ████████████████  576/576    OCEAN-XBT  ░░░░░░░░░░░░░░░░    0/148
     XMR-USD    ████████░░░░░░░░  423/846
    "
  `);
});

test('a terminal gets the table redrawn in place, anything else gets lines', () => {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) };
  const terminal = screenOn({ ...output, isTTY: true });
  terminal.show(view);
  terminal.show(view);
  expect(written[1]).toBe(`\x1b[${table(view).length}A${written[0]}`);
  written.length = 0;
  screenOn(output).show(view);
  expect(written).toEqual([`${plainLine(view)}\n`]);
  expect(plainLine(view)).toMatchInlineSnapshot(
    `"12 s: 8123456 commands, 123,457/s, p50 2.1 ms, p99 12345.7 ms, 164 trades, checksums 4000 matched, 269 NOT, partitions: host-1 2, a-host-with-a-rather-long-name 1"`,
  );
});

test('the meter gives percentiles of all requests and the rate of the last two seconds', () => {
  const meter = createMeter(1_000);
  for (let request = 1; request <= 100; request++) meter.answered(10, request);
  expect(meter.read(2_000)).toMatchObject({
    commands: 1_000,
    commandsPerSecond: 1_000,
    p50: 51,
    p99: 100,
  });
  meter.answered(500, 1);
  expect(meter.read(4_000)).toMatchObject({ commands: 1_500, commandsPerSecond: 250 });
  meter.answered(300, 1);
  expect(meter.read(5_000)).toMatchObject({ commands: 1_800, commandsPerSecond: 800 / 3 });
  expect(meter.read(6_000)).toMatchObject({ commands: 1_800, commandsPerSecond: 150 });
  expect(createMeter(0).read(0)).toMatchObject({ commandsPerSecond: 0, p50: 0, p99: 0 });
});

test('progress is there again when it is opened again', async () => {
  const folder = join(await temporaryDirectory(), 'demo');
  const progress = openProgress(folder);
  expect(progress.run()).toBeUndefined();
  progress.begin(new Map([['USD', 10n ** 27n]]));
  progress.finish('XMR-USD', { name: 'abc', index: 0 });
  progress.finish('XMR-USD', { name: 'abc', index: 1 });
  const body = { asset: 'USD', amount: '1' };
  const answer = { ok: true, at: '1:1-1', result: {} } as const;
  progress.keep([{ command: { actor: 'account/a', name: 'deposit', id: 'id-1', body }, answer }]);

  const again = openProgress(folder);
  expect(again.run()).toEqual({
    expected: new Map([['USD', 10n ** 27n]]),
    done: new Map([['XMR-USD', { name: 'abc', index: 1 }]]),
  });
  expect(again.receipts()).toEqual([
    { actor: 'account/a', id: 'id-1', ...body, reply: '{"ok":true,"at":"1:1-1","result":{}}' },
  ]);
});

test('a progress file that cannot be read is no progress', async () => {
  const folder = await temporaryDirectory();
  writeFileSync(join(folder, 'progress.json'), '{"expected":[');
  expect(openProgress(folder).run()).toBeUndefined();
});

test('a new run forgets how far the last one came', async () => {
  const progress = openProgress(await temporaryDirectory());
  progress.begin(new Map([['USD', 1n]]));
  progress.finish('XMR-USD', { name: 'abc', index: 7 });
  progress.begin(new Map([['USD', 2n]]));
  expect(progress.run()).toEqual({ expected: new Map([['USD', 2n]]), done: new Map() });
});

test('the sentences say what was restored, re-sent and matched, and what was not', () => {
  expect(restoredText(view.hosts, 2_345)).toMatchInlineSnapshot(
    `"Restored from disk: 1,000,246 records in 3 partitions, 500,123 of them replayed after the last checkpoints. All partitions served 2.3 s after the start; the slowest took 25 ms."`,
  );
  expect(resentText({ same: 40, refused: 0, other: 0 })).toMatchInlineSnapshot(
    `"Sent the first run's 40 deposits again with their ids: 40 answered from the log, byte for byte."`,
  );
  expect(resentText({ same: 0, refused: 39, other: 1 })).toMatchInlineSnapshot(
    `"Sent the first run's 40 deposits again with their ids: 0 answered from the log, byte for byte; 39 refused as known or too old, not applied again; 1 ANSWERED OTHERWISE."`,
  );
  const outcome = {
    reading: { ...view.reading, matched: 4_269 },
    expected: 4_269,
    differences: [],
  };
  expect(summaryText(outcome)).toMatchInlineSnapshot(`
    "8,123,456 durable commands in 12.3 s (658,036 a second), p50 2.1 ms, p99 12345.7 ms.
    164 trades settled between makers and takers.
    All 4,269 checksums of the recorded exchange match our books.
    Money is conserved: balances and fees add up to what was deposited, in every asset."
  `);
  const reading = {
    ...view.reading,
    refusals: ['demo-1: place-order at account/a: order/off-tick'],
  };
  expect(summaryText({ reading, expected: 4_269, differences: ['USD -0.01'] }))
    .toMatchInlineSnapshot(`
    "8,123,456 durable commands in 12.3 s (658,036 a second), p50 2.1 ms, p99 12345.7 ms.
    164 trades settled between makers and takers.
    ONLY 4,000 of 4,269 checksums match. Does somebody else trade here?
    MONEY IS NOT CONSERVED: USD -0.01.
    Refused: demo-1: place-order at account/a: order/off-tick."
  `);
});
