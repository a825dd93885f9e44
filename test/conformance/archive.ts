import { expect, test } from 'vitest';
import type { Archive } from '../../runtime/archive.ts';
import type { Entry } from '../../runtime/log.ts';

/** Entries of two records each, the first at a position. */
export const entriesAt = (first: number, count: number, epoch = 1): Entry[] =>
  Array.from({ length: count }, (_, i) => ({
    epoch,
    position: first + 2 * i,
    n: 2,
    records: `[{"at":${first + 2 * i}},\n{"text":"é \\u2028"}]`,
  }));

/** What every implementation of the archive does; `open` gives an empty one. */
export function archiveConformance(open: () => Promise<Archive>): void {
  test('what is written comes back as it was, from the entry that holds a position on', async () => {
    const archive = await open();
    const slices = [entriesAt(1, 3), entriesAt(7, 2, 2)];
    for (const slice of slices) await archive.write(5, slice);
    expect(await archive.read(5, 1)).toEqual(slices[0]);
    expect(await archive.read(5, 4)).toEqual(slices[0]?.slice(1));
    expect(await archive.read(5, 10)).toEqual(slices[1]?.slice(1));
  });

  test('what was not written is not there', async () => {
    const archive = await open();
    expect(await archive.read(5, 1)).toEqual([]);
    await archive.write(5, entriesAt(3, 2));
    await archive.write(5, []);
    expect(await archive.read(5, 2)).toEqual([]);
    expect(await archive.read(5, 7)).toEqual([]);
    expect(await archive.read(6, 3)).toEqual([]);
  });

  test('the same again, or more of the same, changes nothing', async () => {
    const archive = await open();
    for (const count of [2, 2, 4]) await archive.write(5, entriesAt(1, count));
    expect(await archive.read(5, 3)).toEqual(entriesAt(3, 3));
  });
}
