/**
 * Two builds beside each other on the same records: after each, their states must be the same.
 *
 * Owns the actors as the other build's machines have made them. An actor of which a difference was
 * told is left alone: what follows would only repeat it.
 */
import { typeOf, type ActorKey } from '../../contracts/ids.ts';
import { digest } from '../../contracts/json.ts';
import type { Instance } from '../../actors/actor.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import type { Observer } from '../checkers/partition-replay.ts';

interface Other {
  readonly instance: Instance;
  /** Compares the states after the latest record. */
  compare: () => void;
  /** Records with events that pass before the next comparison. */
  pause: number;
  differs: boolean;
}

/** A state of so many characters is compared after each record, a longer one that much more rarely. */
const lengthPerRecord = 16 * 1024;

export class StateComparison {
  readonly #types: ActorTypes;
  readonly #say: (sentence: string) => void;
  readonly #others = new Map<ActorKey, Other>();

  constructor(types: ActorTypes, say: (sentence: string) => void) {
    this.#types = types;
    this.#say = say;
  }

  readonly observe: Observer = ({ at, record }, { actor, instance }) => {
    if (this.#types.size === 0 || record.events === undefined) return;
    const other = this.#others.get(actor) ?? this.#start(actor);
    if (other === undefined || other.differs) return;
    for (const event of record.events) other.instance.evolve(event);
    other.compare = () => this.#compare(`${at} (${actor})`, instance, other);
    if (other.pause-- <= 0) other.compare();
  };

  /** Compares where the latest records have not been. */
  finish(): void {
    for (const other of this.#others.values()) other.compare();
  }

  #compare(where: string, instance: Instance, other: Other): void {
    const [mine, theirs] = [textOf(instance), textOf(other.instance)];
    other.pause = Math.floor(theirs.length / lengthPerRecord);
    other.compare = () => {};
    if (mine === theirs) return;
    other.differs = true;
    this.#say(
      `${where}: its state has the hash ${digest(mine)}, with the other build ${digest(theirs)}: ` +
        `${shorten(mine)} instead of ${shorten(theirs)}`,
    );
  }

  #start(actor: ActorKey): Other | undefined {
    const type = this.#types.get(typeOf(actor));
    if (type === undefined) return undefined;
    const other = { instance: type.start(), compare: () => {}, pause: 0, differs: false };
    this.#others.set(actor, other);
    return other;
  }
}

const textOf = (instance: Instance): string => JSON.stringify(instance.save());

const shorten = (text: string): string =>
  text.length > 1_000 ? `${text.slice(0, 1_000)}… (${text.length} characters)` : text;
