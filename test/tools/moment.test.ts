import { expect, test } from 'vitest';
import { readMoment } from '../../tools/moment.ts';

test('a moment is a time with its zone, or a record', () => {
  const time = Date.UTC(2026, 10, 21, 12);
  expect(readMoment('2026-11-21T12:00:00Z')).toEqual({ kind: 'time', time });
  expect(readMoment('2026-11-21T13:00:00+01:00')).toEqual({ kind: 'time', time });
  expect(readMoment(`${time}`)).toEqual({ kind: 'time', time });
  expect(readMoment('2028-02-29')).toEqual({ kind: 'time', time: Date.UTC(2028, 1, 29) });
  expect(readMoment('17:3-4711')).toMatchObject({ kind: 'record', partition: 17, position: 4711 });
});

test.each([
  '2026-02-29',
  '2026-02-31T00:00:00Z',
  '2026-04-31T23:00:00-05:00',
  '2026-13-01',
  '2026-11-21T12:00:00',
  '2026-11-21T25:00:00Z',
  '',
  '-1',
  '1e12',
])('%j is no moment', (text) => {
  expect(() => readMoment(text)).toThrow('--at takes');
});
