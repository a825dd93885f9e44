/** Checks of single records and of who reads them: sound evidence passes, each kind of damage is found. */
import { describe, expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { payloadHash, type JsonObject } from '../../contracts/json.ts';
import { recordAddress, type EventBody, type LogRecord } from '../../contracts/record.ts';
import type { Placed } from '../../runtime/whole-log.ts';
import { wrongDeliveries, type ReaderGroup } from '../../tools/checkers/deliveries.ts';
import { leftAside } from '../../tools/checkers/logs.ts';
import { wrongReversals } from '../../tools/checkers/reversals.ts';
import { wrongKeptCommands } from '../../tools/checkers/kept-commands.ts';

const actor = actorKey('purse', 'ann');

const placed = (position: number, record: Partial<LogRecord> = {}): Placed => ({
  partition: 0,
  position,
  epoch: 1,
  entry: `1-${position}`,
  at: recordAddress(0, 1, position),
  record: { time: 0, actor, version: position, ...record },
});

describe('a consumer group', () => {
  const log = [1, 2, 3, 4, 5, 6].map((position) => placed(position));
  const wrong = (given: readonly number[], group: Partial<ReaderGroup> = {}): string[] => {
    const records = given.map((position) => ({ partition: 0, at: recordAddress(0, 1, position) }));
    const sound = { group: 'g', from: () => 1, leftBehind: () => 0, told: () => false };
    return wrongDeliveries([log], [{ ...sound, given: records, ...group }]);
  };

  test('may be given records again, and begins with what is in the log', () => {
    expect(wrong([1, 2, 3, 2, 3, 4, 1, 5, 6])).toEqual([]);
    expect(wrong([3, 4, 5, 6], { from: () => 3 })).toEqual([]);
  });

  test('must be given each, the first time in order', () => {
    expect(wrong([1, 2, 4, 5, 6])).toEqual(['g was not given 0:1-3 before 0:1-4']);
    expect(wrong([1, 2, 4, 3, 5, 6])).toEqual(['g was not given 0:1-3 before 0:1-4']);
    expect(wrong([1, 2, 3, 4])).toEqual(['g was not given 0:1-5']);
    expect(wrong([])).toEqual(['g was not given 0:1-1']);
    expect(wrong([1, 9])).toEqual(['g was given 0:1-9, and no log has such a record']);
  });

  test('loses only what it was left behind by, and somebody is told', () => {
    const behind = { leftBehind: () => 4 };
    const told = { ...behind, told: () => true };
    expect(wrong([1, 4, 5, 6], told)).toEqual([]);
    expect(wrong([1, 4, 3, 5, 6], told)).toEqual([]);
    expect(wrong([1, 5, 6], told)).toEqual(['g was not given 0:1-4 before 0:1-5']);
    expect(wrong([1, 4, 5, 6], behind)).toEqual([
      'nobody was told that g was not given 0:1-2 before 0:1-4',
    ]);
  });
});

describe('a record of hosts that keep commands', () => {
  const body: JsonObject = { coins: 5 };
  const hash = payloadHash('put', body);
  const wrong = (record: Partial<LogRecord>): string[] => wrongKeptCommands([placed(1, record)]);

  test('says what it was asked, also of a command without an id of its client', () => {
    expect(wrong({ id: 'a', hash, command: { name: 'put', body } })).toEqual([]);
    expect(wrong({ id: 'a', command: { name: 'put', body } })).toEqual([]);
    expect(wrong({ id: 'a', hash, aside: { name: 'put', body } })).toEqual([]);
    expect(wrong({ from: { partition: 1, n: 1, entry: '1-1' } })).toEqual([]);
  });

  test('is found out when it does not, or says something else', () => {
    expect(wrong({ id: 'a', hash })).toEqual(['0:1-1 (purse/ann) does not say what it was asked']);
    expect(wrong({ id: 'a', hash, command: { name: 'put', body: { coins: 6 } } })).toEqual([
      '0:1-1 (purse/ann) keeps another "put" than the one of its hash',
    ]);
  });
});

describe('a reversal', () => {
  const money = { asset: 'USD', amount: '5.00' };
  const deposited = { type: 'deposited', ...money };
  const reversed = { type: 'deposit-reversed', of: '0:1-1', ...money };
  const wrong = (...events: readonly EventBody[]): string[] =>
    wrongReversals(events.map((event, index) => placed(index + 1, { events: [event] })));

  test('is of an entry of the same account, and the only one', () => {
    expect(wrong(deposited, reversed)).toEqual([]);
    expect(wrong(deposited, reversed, reversed)).toEqual([
      '0:1-3 (purse/ann): deposit-reversed of 0:1-1, which was reversed at 0:1-2',
    ]);
  });

  test('is found out when it is of nothing, of something else or of another amount', () => {
    const nothing = ['0:1-2 (purse/ann): deposit-reversed of 0:1-1, which is no such entry'];
    expect(wrong({ ...deposited, amount: '6.00' }, reversed)).toEqual(nothing);
    expect(wrong({ ...deposited, type: 'withdrawn' }, reversed)).toEqual(nothing);
    expect(wrong({ type: 'frozen' }, reversed)).toEqual(nothing);
  });
});

test('what was set aside and never retried is told', () => {
  const aside = placed(1, { id: 'a', aside: { name: 'put', body: {} } });
  expect(leftAside([aside, placed(2, { id: 'b', retried: 1 })])).toEqual([]);
  expect(leftAside([aside, placed(2, { id: 'b' })])).toEqual([
    '"put" to purse/ann, set aside at 0:1-1, was never retried',
  ]);
});
