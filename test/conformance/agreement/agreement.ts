/** Random scripts that are played to the simulated server and to the real one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OpenStore, Store } from '../stores.ts';

export interface Scripts<Step> {
  readonly script: fc.Arbitrary<Step[]>;
  /** Plays a script and returns every answer to it. */
  readonly play: (store: Store, steps: readonly Step[]) => Promise<unknown[]>;
  /** What came out differently once. */
  readonly kept: readonly Step[][];
}

/** Whatever is asked of two stores, both must answer alike all along. */
export function storesAgree<Step>(
  { script, play, kept }: Scripts<Step>,
  openOne: OpenStore,
  openOther: OpenStore,
): void {
  const agree = async (steps: Step[]): Promise<void> => {
    const one = await play(await openOne(), steps);
    expect(await play(await openOther(), steps)).toEqual(one);
  };
  test('random scripts come out the same in memory and in Redis', { timeout }, () =>
    fc.assert(fc.asyncProperty(script, agree), {
      ...extent,
      examples: kept.map((steps) => [steps]),
    }),
  );
}

/** Up to so many steps; most scripts begin with what gives the others something to work on. */
export const scriptOf = <Step>(
  step: fc.Arbitrary<Step>,
  stepsMax: number,
  beginning: readonly Step[] = [],
): fc.Arbitrary<Step[]> =>
  fc
    .tuple(
      fc.constantFrom(beginning, beginning, beginning, []),
      fc.array(step, { maxLength: stepsMax, size: 'max' }),
    )
    .map(([first, steps]) => [...first, ...steps]);

/** How many scripts of each kind: so few with every `npm test`, more by hand. */
const scripts = Number(process.env['MILLRACE_TEST_SCRIPTS'] ?? 30);
export const timeout = 30_000 + 500 * scripts;

/** The same scripts each time, unless others are asked for. */
export const extent = {
  numRuns: scripts,
  seed: Number(process.env['MILLRACE_TEST_SEED'] ?? 1),
};

/** What a call answers; that it fails counts, what it says then does not. */
export const answerOf = (call: Promise<unknown>): Promise<unknown> => call.catch(() => 'failed');
