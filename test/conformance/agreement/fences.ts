import fc from 'fast-check';
import type { Fence } from '../../../runtime/log.ts';

/** Which of the fences that a script has come by: mostly the newest, as it was given. */
export const fenceChoice = fc.record({
  /** How many came after it. */
  age: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 2, 3),
  spoilt: fc.constantFrom(
    ...Array.from({ length: 12 }, () => 'no' as const),
    'epoch',
    'nonce',
    'released',
  ),
});

type FenceChoice = typeof fenceChoice extends fc.Arbitrary<infer Value> ? Value : never;

/** The fences of a script. */
export class Fences {
  readonly #newestFirst: Fence[] = [];

  add(fence: Fence): void {
    this.#newestFirst.unshift(fence);
  }

  /** The oldest if there are not so many; undefined if there is none. */
  chosen({ age, spoilt }: FenceChoice): Fence | undefined {
    const fence = this.#newestFirst[Math.min(age, this.#newestFirst.length - 1)];
    if (fence === undefined) return undefined;
    switch (spoilt) {
      case 'epoch':
        return { ...fence, epoch: fence.epoch + 1 };
      case 'nonce':
        return { ...fence, nonce: 'nobody' };
      // What the owner record of a released partition names.
      case 'released':
        return { ...fence, nonce: '' };
      case 'no':
        return fence;
    }
  }
}
