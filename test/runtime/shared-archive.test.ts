import { expect, test } from 'vitest';
import { SharedArchive } from '../../runtime/archive.ts';
import { memoryArchive } from '../../runtime/memory/archive.ts';

test('a few use it at once, in the order in which they asked, also after one has failed', async () => {
  const shared = new SharedArchive(memoryArchive());
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const uses = Array.from({ length: 7 }, (_, n) =>
    shared.use(async () => {
      begun.push(n);
      await new Promise<void>((resolve, reject) => {
        ends[n] = (error) => (error ? reject(error) : resolve());
      });
      return n;
    }),
  );
  const outcomes = Promise.allSettled(uses);
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  await settled();
  expect(begun).toEqual([0, 1, 2]);
  ends[1]?.(new Error('the disk is full'));
  await settled();
  expect(begun).toEqual([0, 1, 2, 3]);
  ends[0]?.();
  ends[2]?.();
  await settled();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  for (const n of [3, 4, 5]) ends[n]?.();
  await settled();
  ends[6]?.();
  expect((await outcomes).map(({ status }) => status)).toEqual(
    Array.from({ length: 7 }, (_, n) => (n === 1 ? 'rejected' : 'fulfilled')),
  );
});
