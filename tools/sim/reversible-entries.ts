/** What clients were told of entries that can be reversed, for acts that reverse one of them. */
import type { Answer } from '../../runtime/client.ts';
import type { Dice } from './dice.ts';
import type { Act } from './workload.ts';

interface Entry {
  readonly actor: string;
  readonly at: string;
}

const kept = 20;

export class ReversibleEntries {
  #latest: readonly Entry[] = [];

  /** Keeps the address of what was entered. */
  note({ actor, name }: Act, answer: Answer): void {
    const { at } = answer;
    if (!answer.ok || at === undefined || !isEntry(name)) return;
    this.#latest = [...this.#latest, { actor, at }].slice(-kept);
  }

  /** Reverses one of the latest, perhaps once more, or asks that of an account that did not enter it. */
  reversal(dice: Dice): Act | undefined {
    if (this.#latest.length === 0) return undefined;
    const { at } = dice.pick(this.#latest);
    const own = this.#latest.filter((entry) => entry.at === at);
    const { actor } = dice.pick(dice.chance(0.9) ? own : this.#latest);
    return { verb: 'cmd', actor, name: 'reverse', body: { of: at } };
  }
}

const isEntry = (name: string): boolean => ['deposit', 'withdraw', 'transfer'].includes(name);
