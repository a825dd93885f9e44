import { expect, test } from 'vitest';
import { systemRandom } from '../../runtime/system-clock.ts';
import { timeOfId } from '../../runtime/uuid.ts';

test('ids are UUIDv7, carry their time and grow, also when the clock stands or steps back', () => {
  const random = systemRandom();
  const start = 1_700_000_000_000;
  const ids = Array.from({ length: 50_000 }, (_, i) => random.id(i % 3 === 0 ? start + i : start));
  expect(ids).toEqual([...new Set(ids)].toSorted());
  expect(timeOfId(ids[0] ?? '')).toBe(start);
  expect(timeOfId(ids.at(-1) ?? '')).toBe(start + 49_998);
});
