import type { ActorType } from '../../actors/actor.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import type { Verb } from '../../contracts/subjects.ts';
import type { Answer } from '../../runtime/client.ts';
import type { Dice } from './dice.ts';

/** One thing that a client does. */
export interface Act {
  readonly verb: Verb;
  /** `account/alice` */
  readonly actor: string;
  readonly name: string;
  readonly body: JsonObject;
}

/** What runs in a simulation: actor types, and what clients do with them. */
export interface Workload {
  readonly types: readonly ActorType[];
  /** Done by one client, in order, before anything fails. */
  readonly prologue?: readonly Act[];
  /** What a client does next; everything that chance decides comes from the dice. */
  act(dice: Dice): Act;
  /** What became of such an act; a later one may name it. */
  told?(act: Act, answer: Answer): void;
  /**
   * From now on its actors fail on nothing, as if a build with a fault had given way to one without.
   * Only workloads that have this may fail at all; in most seeds they are mended from the beginning.
   */
  mend?(): void;
  /** A query that shows what an actor has become; asked beside some commands to it. */
  look?(actor: string): Act | undefined;
  /** Done by one client, in order, when everything has healed. */
  readonly epilogue?: readonly Act[];
  /** What is wrong with the answer to an act of the epilogue; undefined if nothing is. */
  judge?(act: Act, result: Json): string | undefined;
}
