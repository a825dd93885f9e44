/**
 * Queries are linearizable: each saw its actor at one version, no older than any that a client had
 * been told of before it asked, and one that existed when it was answered.
 */
import type { ActorKey } from '../../contracts/ids.ts';
import { typeOf } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { encodeReply } from '../../contracts/reply.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import type { Told } from './evidence.ts';
import type { Observer, Seen } from './partition-replay.ts';

/** When a record was in the log at the latest, where that is known; in the clients' time. */
export type WrittenAt = (partition: number, position: number) => number | undefined;

interface Version {
  readonly version: number;
  readonly writtenAt: number;
  /** What each query, by name and body, answers in this version. */
  readonly answers: ReadonlyMap<string, string>;
}

export class Reads {
  readonly #writtenAt: WrittenAt;
  readonly #reads: ReadonlyMap<ActorKey, readonly Told[]>;
  readonly #commands: ReadonlyMap<ActorKey, readonly Told[]>;
  readonly #history = new Map<ActorKey, Version[]>();
  /** The version in which the record at an address left its actor. */
  readonly #versions = new Map<string, number>();

  constructor(told: readonly Told[], types: ActorTypes, writtenAt: WrittenAt = () => undefined) {
    this.#writtenAt = writtenAt;
    this.#reads = byActor(told.filter(({ verb }) => verb === 'get'));
    this.#commands = byActor(told.filter(({ verb }) => verb === 'cmd'));
    for (const actor of this.#reads.keys()) {
      const type = types.get(typeOf(actor));
      const instance = type?.start();
      if (type && instance) this.#note({ actor, type, instance, version: 0 }, -Infinity);
    }
  }

  readonly observe: Observer = ({ at, partition, position, record }, seen) => {
    if (!this.#reads.has(seen.actor)) return;
    this.#versions.set(at, record.version);
    if (record.events) this.#note(seen, this.#writtenAt(partition, position) ?? -Infinity);
  };

  /** A sentence for each query that was answered what it should not have been. */
  get wrong(): string[] {
    return [...this.#reads].flatMap(([actor, reads]) => this.#wrongOf(actor, reads));
  }

  #note({ actor, type, instance, version }: Seen, writtenAt: number): void {
    const state = { value: instance.value, context: instance.context, version };
    const answers = new Map<string, string>();
    for (const { name, body } of this.#reads.get(actor) ?? []) {
      const query = type.queries.get(name);
      const key = keyOf(name, body);
      if (query && !answers.has(key))
        answers.set(key, encodeReply(query.read(state, query.body.parse(body))));
    }
    const history = this.#history.get(actor) ?? [];
    history.push({ version, writtenAt, answers });
    this.#history.set(actor, history);
  }

  #wrongOf(actor: ActorKey, reads: readonly Told[]): string[] {
    const history = this.#history.get(actor) ?? [];
    const known = (this.#commands.get(actor) ?? []).flatMap(({ text, answeredAt }) => {
      const { at }: { at?: string } = JSON.parse(text);
      const version = this.#versions.get(at ?? '');
      return version === undefined ? [] : [{ answeredAt, version }];
    });
    const wrong: string[] = [];
    for (const read of reads.toSorted((one, other) => one.answeredAt - other.answeredAt)) {
      const { name, body, askedAt, answeredAt, text } = read;
      if (tellsNothing(text)) continue;
      const before = known.filter((earlier) => earlier.answeredAt <= askedAt);
      const least = before.reduce((most, { version }) => Math.max(most, version), 0);
      const seen = history.find(
        ({ version, writtenAt, answers }) =>
          version >= least && writtenAt <= answeredAt && answers.get(keyOf(name, body)) === text,
      );
      if (seen) known.push({ answeredAt, version: seen.version });
      else
        wrong.push(
          `${actor} was asked ${name} at ${askedAt} and answered ${text} at ${answeredAt}: it is so in ` +
            `no version from ${least} on that was there`,
        );
    }
    return wrong;
  }
}

const keyOf = (name: string, body: Json): string => `${name} ${JSON.stringify(body)}`;

const tellsNothing = (text: string): boolean =>
  /^\{"ok":false,.*"code":"(runtime|request)\//.test(text);

function byActor(told: readonly Told[]): Map<ActorKey, Told[]> {
  const all = new Map<ActorKey, Told[]>();
  for (const one of told) {
    const some = all.get(one.actor);
    if (some) some.push(one);
    else all.set(one.actor, [one]);
  }
  return all;
}
