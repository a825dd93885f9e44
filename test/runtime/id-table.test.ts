import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdTable } from '../../runtime/id-table.ts';

const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 300,
});

describe('the table of ids', () => {
  test('finds the position of every id that was added, through growth', () => {
    fc.assert(
      fc.property(ids, fc.integer(), (added, seed) => {
        const table = new IdTable(seed, 4);
        added.forEach((id, index) => table.add(table.fingerprint('a/b', id), index + 1));
        added.forEach((id, index) =>
          expect(table.find(table.fingerprint('a/b', id))).toContain(index + 1),
        );
        expect(table.size).toBe(added.length);
      }),
    );
  });

  test('what is sealed and loaded elsewhere is found there, up to the sealed position only', () => {
    fc.assert(
      fc.property(ids, fc.nat(300), (added, through) => {
        const table = new IdTable(1);
        added.forEach((id, index) => table.add(table.fingerprint('a/b', id), index + 1));
        const other = new IdTable(1);
        const first = table.seal(through);
        if (first) other.load(first);
        added.forEach((id, index) =>
          expect(other.find(other.fingerprint('a/b', id)).includes(index + 1)).toBe(
            index + 1 <= through,
          ),
        );
        const rest = table.seal(added.length);
        if (rest) other.load(rest);
        expect(other.size).toBe(added.length);
        expect(table.seal(added.length)).toBeUndefined();
      }),
    );
  });

  test('positions of any size come back as they were, out of a segment, too', () => {
    const firsts = fc.maxSafeNat().map((n) => Math.max(1, n - 300));
    fc.assert(
      fc.property(ids, firsts, (added, first) => {
        const table = new IdTable(1);
        added.forEach((id, index) => table.add(table.fingerprint('a/b', id), first + index));
        const other = new IdTable(1);
        other.load(table.seal(first + added.length) ?? new Uint8Array());
        for (const one of [table, other])
          added.forEach((id, index) =>
            expect(one.find(table.fingerprint('a/b', id))).toContain(first + index),
          );
      }),
    );
  });

  test('forgets exactly what lies below the floor', () => {
    fc.assert(
      fc.property(ids, fc.nat(300), (added, floor) => {
        const table = new IdTable(1);
        added.forEach((id, index) => table.add(table.fingerprint('a/b', id), index + 1));
        table.forget(floor);
        added.forEach((id, index) =>
          expect(table.find(table.fingerprint('a/b', id)).includes(index + 1)).toBe(
            index + 1 >= floor,
          ),
        );
      }),
    );
  });

  test('spreads 100,000 sequential ids so that hardly two share a fingerprint', () => {
    const table = new IdTable(7);
    const seen = new Set<string>();
    for (let n = 0; n < 100_000; n++) {
      const { low, high } = table.fingerprint('account/alice', `order-${n}`);
      seen.add(`${low} ${high}`);
    }
    expect(seen.size).toBe(100_000);
  });
});
