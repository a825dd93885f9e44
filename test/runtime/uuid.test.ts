import { expect, test } from 'vitest';
import { systemRandom } from '../../runtime/system-clock.ts';
import { timeOfId } from '../../runtime/uuid.ts';

test('the example of RFC 9562 tells its time, in either case', () => {
  const example = '017F22E2-79B0-7CC3-98C4-DC0C0C07398F';
  expect(timeOfId(example)).toBe(Date.UTC(2022, 1, 22, 19, 22, 22));
  expect(timeOfId(example.toLowerCase())).toBe(timeOfId(example));
});

test('what a host makes itself tells its time', () => {
  const random = systemRandom();
  for (const now of [0, 1, 1_700_000_000_000, 2 ** 48 - 1]) {
    expect(timeOfId(systemRandom().id(now))).toBe(now);
  }
  expect(timeOfId(random.id(5))).toBe(5);
});

test.each([
  ['another version', '017f22e2-79b0-4cc3-98c4-dc0c0c07398f'],
  ['another variant', '017f22e2-79b0-7cc3-c8c4-dc0c0c07398f'],
  ['no hexadecimal number', '017f22e2-79b0-7cc3-98c4-dc0c0c07398g'],
  ['hyphens elsewhere', '017f22e279b0-7cc3-98c4-dc0c0c-07398f'],
  ['a character too many', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f0'],
  ['nothing in it', ''],
])('an id with %s carries no time', (_, id) => {
  expect(timeOfId(id)).toBeUndefined();
});
