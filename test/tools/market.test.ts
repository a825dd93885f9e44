import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { LevelChange } from '../../tools/market/feed.ts';
import { parseRecording, readRecordedMarket } from '../../tools/market/feed.ts';
import { bookChecksum } from '../../tools/market/checksum.ts';
import { createMirror, type OrderCommand } from '../../tools/market/mirror.ts';
import { scriptOf, takerOf } from '../../tools/market/script.ts';
import { NaiveBook } from './naive-book.ts';

const market = readRecordedMarket();

describe('the recorded feed', () => {
  test('holds ten pairs and 4,269 checksums', () => {
    expect(market.map(({ symbol }) => symbol)).toEqual([
      'ADA-XBT',
      'XBT-CHF',
      'OMG-USD',
      'OCEAN-XBT',
      'ETH-CHF',
      'SC-EUR',
      'GRT-ETH',
      'KSM-XBT',
      'XMR-USD',
      'WAVES-EUR',
    ]);
    expect(market.reduce((sum, { updates }) => sum + updates.length, 0)).toBe(4_269);
  });

  test('gives the tick size by the decimals received', () => {
    const ticks = new Map(market.map(({ symbol, tickSize }) => [symbol, tickSize]));
    expect(ticks.get('XBT-CHF')).toBe('0.00001');
    expect(ticks.get('ADA-XBT')).toBe('0.000000001');
  });

  test('reads both payloads of a message, and the checksum of the last', () => {
    const [pair] = parseRecording(
      [
        '1.5: {"event":"heartbeat"}',
        '2.5: [7,{"as":[["2.0","1.0","0"]],"bs":[["1.0","1.0","0"]]},"book-1000","A/B"]',
        '3.5: [7,{"a":[["2.0","0.0","1"]]},{"b":[["1.0","3.0","1","r"]],"c":"99"},"book-1000","A/B"]',
      ].join('\n'),
    );
    expect(pair?.updates).toEqual([
      {
        checksum: 99,
        changes: [
          { side: 'sell', price: '2.0', quantity: '0.0' },
          { side: 'buy', price: '1.0', quantity: '3.0' },
        ],
      },
    ]);
  });
});

test("the checksum is the exchange's own in its worked example", () => {
  const file = new URL('../../tools/market/data/kraken_v2_checksum_vector.json', import.meta.url);
  const { asks, bids, crc32 } = JSON.parse(readFileSync(file, 'utf8'));
  expect(bookChecksum({ asks, bids })).toBe(crc32);
});

describe('the script', () => {
  test('leads a book through all 4,269 recorded checksums, with trades in between', () => {
    let trades = 0;
    let matched = 0;
    for (const recorded of market) {
      const book = new NaiveBook();
      for (const step of scriptOf(recorded, '1')) {
        for (const { actor, name, body } of step.phases.flat()) {
          if (!name.endsWith('-order')) continue;
          const order = { name, ...body } as OrderCommand;
          if (actor !== takerOf(recorded.symbol)) book.make(order);
          else {
            book.take(order);
            trades++;
          }
        }
        if (step.checksum === undefined) continue;
        expect(bookChecksum(book.print()), `${step.symbol}, update ${step.index}`).toBe(
          step.checksum,
        );
        matched++;
      }
    }
    expect({ matched, trades }).toEqual({ matched: 4_269, trades: 164 });
  });

  test('gives every command an id of its own, the same each time, another in each run', () => {
    const [recorded] = market;
    if (recorded === undefined) throw new Error('the recording is empty');
    const ids = (run: string): string[] =>
      [...scriptOf(recorded, run)].flatMap((step) => step.phases.flat().map(({ id }) => id));
    const first = ids('1');
    expect(ids('1')).toEqual(first);
    expect(new Set([...first, ...ids('2')]).size).toBe(2 * first.length);
    expect(first[0]).toBe('demo-1-ADA-XBT-000000-0');
  });
});

describe('the mirror', () => {
  const mirrored = (snapshot: readonly LevelChange[], depth = 10) => {
    const mirror = createMirror({ symbol: 'A-B', tickSize: '0.1', depth, label: 'x' });
    mirror.apply(snapshot);
    return mirror;
  };
  const level = (side: 'buy' | 'sell', price: string, quantity: string): LevelChange => ({
    side,
    price,
    quantity,
  });
  const names = (phases: readonly (readonly OrderCommand[])[]): string[][] =>
    phases.map((phase) => phase.map(({ name }) => name));

  test('deletes before it changes, and changes before it adds', () => {
    const mirror = mirrored([level('sell', '10.0', '1'), level('buy', '9.0', '1')]);
    const update = [
      level('buy', '10.0', '2'),
      level('buy', '9.0', '2'),
      level('sell', '10.0', '0'),
    ];
    expect(names(mirror.apply(update))).toEqual([
      ['cancel-order'],
      ['replace-order'],
      ['place-order'],
    ]);
  });

  test('takes the last of several changes of one level', () => {
    const mirror = mirrored([]);
    const update = [level('buy', '9.0', '1'), level('buy', '9.0', '0'), level('buy', '9.0', '3')];
    expect(mirror.apply(update)).toMatchObject([[{ name: 'place-order', quantity: '3.00000000' }]]);
  });

  test('asks nothing of a level that is deleted without having been there', () => {
    expect(mirrored([]).apply([level('buy', '9.0', '0')])).toEqual([]);
  });

  test('restores a level that traded in part by the total that FIX counts', () => {
    const mirror = mirrored([level('sell', '10.0', '1')]);
    expect(mirror.strike('sell', 'half')).toMatchObject({
      take: { side: 'buy', price: '10.0', quantity: '0.50000000', timeInForce: 'IOC' },
      restore: { name: 'replace-order', quantity: '1.50000000' },
    });
    expect(mirror.apply([level('sell', '10.0', '4')])).toMatchObject([
      [{ quantity: '4.50000000' }],
    ]);
  });

  test('restores a level that traded in full by a new order', () => {
    const mirror = mirrored([level('buy', '9.0', '1')]);
    expect(mirror.strike('buy', 'all')).toMatchObject({
      take: { side: 'sell', quantity: '1.00000000' },
      restore: { name: 'place-order', quantity: '1.00000000' },
    });
  });

  test('cancels the levels that fall below the depth', () => {
    const asks = ['3', '1', '2'].map((price) => level('sell', price, '1'));
    const mirror = mirrored(asks, 3);
    const phases = mirror.apply([level('sell', '1.5', '1')]);
    expect(names(phases)).toEqual([['place-order'], ['cancel-order']]);
    expect(phases[1]?.[0]).toMatchObject({ origClOrdId: 'x-sell-3-1' });
  });

  test('leaves out a level whose price in ticks no order may have', () => {
    const tooHigh = level('sell', '900719925474099.2', '1');
    expect(mirrored([]).apply([tooHigh])).toEqual([]);
    expect(names(mirrored([]).apply([{ ...tooHigh, price: '900719925474099.1' }]))).toEqual([
      ['place-order'],
    ]);
  });
});
