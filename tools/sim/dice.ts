import type { Random } from '../../runtime/clock.ts';
import { seededRandom } from '../../runtime/memory/random.ts';

/** Everything that chance decides in a simulation; a fork's rolls do not depend on its sisters'. */
export class Dice {
  readonly random: Random;
  readonly #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
    this.random = seededRandom(seed);
  }

  fork(name: string): Dice {
    return new Dice(`${this.#seed}/${name}`);
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  between(least: number, most: number): number {
    return least + this.random.next() * (most - least);
  }

  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  pick<T>(all: readonly T[]): T {
    const picked = all[this.whole(0, all.length - 1)];
    if (picked === undefined) throw new Error('there is nothing to pick from');
    return picked;
  }

  /** The pause until the next of events that come once in `ms` on average. */
  pause(ms: number): number {
    return -Math.log(1 - this.random.next()) * ms;
  }
}
