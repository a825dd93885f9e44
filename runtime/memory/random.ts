import type { Random } from '../clock.ts';
import { uuidSource } from '../uuid.ts';

/** Chance that a seed decides: the same seed always gives the same numbers and ids. */
export function seededRandom(seed: string): Random {
  const word = words(seed);
  return { next: () => word() / 2 ** 32, id: uuidSource(word) };
}

/** The generator sfc32 (Doty-Humphrey, PractRand), its state spread from the seed by FNV-1a. */
function words(seed: string): () => number {
  let [a, b, c] = [hashed(seed, 1), hashed(seed, 2), hashed(seed, 3)];
  let counter = 1;
  const word = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) word();
  return word;
}

function hashed(text: string, salt: number): number {
  let state = 0x811c9dc5 ^ salt;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state;
}
