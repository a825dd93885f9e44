/**
 * The states that hosts have in memory, compared with those that their logs make.
 *
 * Owns what hosts have told of versions to which replay has not come yet: a cluster that works is ahead
 * of whoever reads its logs.
 */
import type { ActorKey } from '../../contracts/ids.ts';
import { digest } from '../../contracts/json.ts';
import { statesMax, type States } from '../../contracts/operator.ts';
import type { Observer, PartitionReplay, Seen } from '../checkers/partition-replay.ts';

/** Asks the owner of a partition for the states of some of its actors. */
export type AskStates = (partition: number, actors: readonly string[]) => Promise<States>;

interface Told {
  readonly version: number;
  readonly hash: string;
}

export class LiveStates {
  readonly #say: (sentence: string) => void;
  readonly #expected = new Map<ActorKey, Told>();
  #compared = 0;

  constructor(say: (sentence: string) => void) {
    this.#say = say;
  }

  get compared(): number {
    return this.#compared;
  }

  readonly observe: Observer = (_, seen) => {
    const told = this.#expected.get(seen.actor);
    if (told === undefined || told.version !== seen.version) return;
    this.#expected.delete(seen.actor);
    this.#compare(seen, told);
  };

  /** Asks for all actors of a partition that replay knows; rejects if its owner does not answer. */
  async ask(partition: number, replay: PartitionReplay, ask: AskStates): Promise<void> {
    const actors = Array.from(replay.actors(), ({ actor }) => actor);
    for (let from = 0; from < actors.length; from += statesMax) {
      let asked: readonly string[] = actors.slice(from, from + statesMax);
      while (asked.length > 0) {
        const { states, rest } = await ask(partition, asked);
        for (const { actor, ...told } of states) this.#take(replay.actor(actor), told);
        asked = rest;
      }
    }
  }

  /** What hosts have in memory must be in the logs by now. */
  finish(): void {
    for (const [actor, { version }] of this.#expected)
      this.#say(`${actor}: its host has version ${version} in memory, which is not in the log`);
  }

  #take(seen: Seen | undefined, told: Told): void {
    if (seen === undefined) return;
    if (told.version > seen.version) this.#expected.set(seen.actor, told);
    else if (told.version === seen.version) this.#compare(seen, told);
    else
      this.#say(
        `${seen.actor}: its host has version ${told.version} in memory, its log ${seen.version}`,
      );
  }

  #compare({ actor, instance, version }: Seen, { hash }: Told): void {
    this.#compared++;
    const replayed = digest(JSON.stringify(instance.save()));
    if (replayed === hash) return;
    this.#say(
      `${actor}: replay gives version ${version} the hash ${replayed}, in memory it has ${hash}`,
    );
  }
}
