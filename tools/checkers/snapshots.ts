/** Snapshots are what full replay gives, and with the records after them lead to what it gives. */
import type { Instance } from '../../actors/actor.ts';
import type { ActorKey } from '../../contracts/ids.ts';
import { digest } from '../../contracts/json.ts';
import type { Snapshot } from '../../runtime/log.ts';
import type { Observer } from './partition-replay.ts';

export class Snapshots {
  /** By actor. */
  readonly #unseen = new Map<string, Snapshot[]>();
  /** Instances that began with a snapshot and follow the log from there. */
  readonly #following = new Map<ActorKey, Instance>();
  readonly #replayed = new Map<ActorKey, Instance>();
  readonly #wrong: string[] = [];

  constructor(snapshots: readonly Snapshot[] = []) {
    for (const snapshot of snapshots) this.add(snapshot);
  }

  /** One more, before replay has come to its version. */
  add(snapshot: Snapshot): void {
    const same = this.#unseen.get(snapshot.actor);
    if (same) same.push(snapshot);
    else this.#unseen.set(snapshot.actor, [snapshot]);
  }

  readonly observe: Observer = ({ at, record }, { actor, type, instance }) => {
    if (record.events === undefined) return;
    this.#replayed.set(actor, instance);
    const following = this.#following.get(actor);
    if (following) for (const event of record.events) following.evolve(event);
    const unseen = this.#unseen.get(actor);
    if (unseen === undefined) return;
    const snapshots = unseen.filter(({ version }) => version === record.version);
    const [first] = snapshots;
    if (first === undefined) return;
    const rest = unseen.filter(({ version }) => version !== record.version);
    if (rest.length > 0) this.#unseen.set(actor, rest);
    else this.#unseen.delete(actor);
    const hash = hashOf(instance);
    for (const snapshot of snapshots)
      if (snapshot.hash !== hash || digest(snapshot.state) !== hash)
        this.#wrong.push(`${at}: replay gives ${actor} ${hash}, a snapshot has ${snapshot.hash}`);
    this.#following.set(actor, type.start(JSON.parse(first.state)));
  };

  /** A sentence for each snapshot on which nothing could be built. */
  get wrong(): string[] {
    const parted = [...this.#following].filter(([actor, following]) => {
      const replayed = this.#replayed.get(actor);
      return replayed === undefined || hashOf(following) !== hashOf(replayed);
    });
    return [
      ...this.#wrong,
      ...parted.map(
        ([actor]) => `${actor}: its latest snapshot and the records after it give another state`,
      ),
      ...[...this.#unseen.values()]
        .flat()
        .map(
          ({ actor, version }) =>
            `there is a snapshot of ${actor} at version ${version}, which is not in the log`,
        ),
    ];
  }
}

const hashOf = (instance: Instance): string => digest(JSON.stringify(instance.save()));
