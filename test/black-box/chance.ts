/** Random choices that a seed repeats. */
export interface Chance {
  /** An integer from 0 up to, not including, `end`. */
  below(end: number): number;
  pick<const T>(choices: readonly [T, ...T[]]): T;
}

/** The generator mulberry32 of this seed. */
export function chanceOf(seed: number): Chance {
  let state = seed;
  const below = (end: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
  return { below, pick: (choices) => choices[below(choices.length)] ?? choices[0] };
}
