import { expect, test } from 'vitest';
import type { HostReport } from '../../tools/hosts.ts';
import { columns, paintFor } from '../../tools/terminal.ts';
import { ratesOf } from '../../tools/top/rates.ts';
import { lineOf, viewOf } from '../../tools/top/view.ts';

const partition = (n: number, position: number) => ({
  partition: n,
  epoch: 2,
  position,
  lag: 1,
  pending: 2,
  reads: 0,
  unacknowledged: 3,
  residents: 10,
  ids: 0,
  logBytes: 3_145_728,
  deadLetters: 0,
  recoveredRecords: 0,
  recoveredMs: 0,
});

const host = (name: string, requests: number, ...partitions: HostReport['partitions']) => ({
  host: name,
  prefix: 'millrace',
  requests,
  errors: requests / 10,
  partitions,
  halted: [],
  timing: {
    requests: 5,
    p50Ms: 0.8,
    p99Ms: 4.2,
    slowest: [{ actor: 'account/alice', name: 'deposit', ms: requests / 100 }],
  },
});

const before = { at: 1_000, hosts: [host('one', 100, partition(0, 50), partition(1, 10))] };
/** Two seconds later partition 1 has gone to another host, which was not there before. */
const now = {
  at: 3_000,
  hosts: [host('one', 300, partition(0, 70)), host('two', 40, partition(1, 1_010))],
};

test('rates are what has grown, wherever a partition is by now', () => {
  const { hosts, partitions } = ratesOf(before, now);
  expect(hosts).toMatchObject([
    { host: 'one', records: 10, requests: 100, refused: 10, actors: 10, p99Ms: 4.2 },
    { host: 'two', records: 500, requests: 0 },
  ]);
  expect(partitions.map(({ partition: n, records }) => [n, records])).toEqual([
    [1, 500],
    [0, 10],
  ]);
});

test('the view is a table, and one line where there is no terminal', () => {
  const rates = ratesOf(before, now);
  expect(lineOf(rates)).toBe(
    '2 hosts, 2 partitions, 510 records/s, 100 requests/s, 10 refused/s, p99 4.2 ms, 12 queued, ' +
      'slowest account/alice deposit 3 ms',
  );
  const paint = paintFor({ isTTY: false });
  expect(`\n${viewOf(rates, { time: '12:00', paint }).slice(1).join('\n')}`).toMatchInlineSnapshot(`
    "

    host  partitions  records/s  requests/s  refused/s  p50 ms  p99 ms  actors  not durable  pending  reads  outgoing
    one            1         10         100         10     0.8     4.2      10            1        2      0         3
    two            1        500           0          0     0.8     4.2      10            1        2      0         3

    partition  host  epoch  position  records/s  actors  log MiB  dead letters  not durable  pending  reads  outgoing
            1  two       2      1010        500      10        3             0            1        2      0         3
            0  one       2        70         10      10        3             0            1        2      0         3

    slowest        request   ms  host
    account/alice  deposit    3  one
    account/alice  deposit  0.4  two"
  `);
});

test('what is halted or parked is told first', () => {
  const [one] = now.hosts;
  if (one === undefined) throw new Error('there is a host');
  const ill = { ...partition(0, 70), haltedActors: ['account/bob'], parkedMessages: 4 };
  const rates = ratesOf(before, { at: 3_000, hosts: [{ ...one, partitions: [ill] }] });
  const paint = paintFor({ isTTY: true }, {});
  expect(viewOf(rates, { time: '12:00', paint }).slice(1, 3)).toEqual([
    '\x1b[31maccount/bob is halted\x1b[39m',
    '\x1b[31m4 messages are parked\x1b[39m',
  ]);
});

test('colours are for terminals, and not where NO_COLOR is set', () => {
  expect(paintFor({ isTTY: true }, {}).bold('x')).toBe('\x1b[1mx\x1b[22m');
  expect(paintFor({ isTTY: true }, { NO_COLOR: '1' }).bold('x')).toBe('x');
  expect(paintFor({}, {}).red('x')).toBe('x');
});

test('numbers stand to the right', () => {
  expect(
    columns([
      ['name', 'n'],
      ['a', 1],
      ['bcdef', 20],
    ]),
  ).toEqual(['name    n', 'a       1', 'bcdef  20']);
});
