/** Scripts of what is kept beside a log: snapshots, checkpoints with their segments, dead letters. */
import fc from 'fast-check';
import { actorKey } from '../../../contracts/ids.ts';
import type { DeadLetter, EntryId, Snapshot } from '../../../runtime/log.ts';
import { own } from '../log.ts';
import type { Store } from '../stores.ts';
import { answerOf, scriptOf, type Scripts } from './agreement.ts';
import { fenceChoice, Fences } from './fences.ts';

const partition = 3;

/** Among them those whose keys in Redis would be mistaken for one another, if they were joined carelessly. */
const actors = ['account/a', 'account/a:1', 'account/b', 'symbol/a'];
const names = ['s1', 's2', 's3', ''];
const name = fc.constantFrom('s1', 's2', 's3');
/** Just below and just above what Redis writes in one piece, and in two. */
const size = fc.constantFrom(0, 0, 3, 3, 3, 3, 262_144, 262_145, 600_000);
const text = fc.constantFrom('', 'no', 'a\nb', '§ ünïcødé 🏦', '{"a": "b\\u0000"}', '\u0000\r\n');

const saved = fc.record({
  actor: fc.constantFrom(...actors),
  version: fc.nat(6),
  size,
  state: text,
});

const step = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('own' as const), nonce: fc.constantFrom('a', 'b') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('save' as const),
      by: fenceChoice,
      snapshots: fc.uniqueArray(saved, { maxLength: 3, selector: ({ actor }) => actor }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('load' as const),
      actors: fc.array(fc.constantFrom(...actors, 'account/nobody'), { maxLength: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('checkpoint' as const),
      by: fenceChoice,
      text,
      position: fc.nat(20),
      add: fc.option(fc.record({ name, bytes: fc.uint8Array({ maxLength: 40 }) }), {
        nil: undefined,
      }),
      drop: fc.array(name, { maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('bury' as const),
      by: fenceChoice,
      /** How many letters after the last one. */
      on: fc.constantFrom(1, 1, 1, 1, 2, 0, 0, -1),
      text,
      keep: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** With nothing to write the fence is not looked at. */
const nothing: Step[] = [{ does: 'save', by: { age: 0, spoilt: 'nonce' }, snapshots: [] }];

export const saveScripts: Scripts<Step> = {
  script: scriptOf(step, 40),
  play,
  kept: [nothing],
};

async function play(store: Store, steps: readonly Step[]): Promise<unknown[]> {
  const script = new Script(store);
  // So that most scripts have an owner whose saves count.
  const answers = [await script.answer({ does: 'own', nonce: 'a' })];
  for (const each of steps) answers.push(each.does, await answerOf(script.answer(each)));
  return [...answers, await script.everything()];
}

class Script {
  readonly #store: Store;
  readonly #fences = new Fences();
  #lastLetter = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  async answer(each: Step): Promise<unknown> {
    const { log, leases } = this.#store;
    if (each.does === 'own') return this.#fences.add(await own(leases, each.nonce));
    if (each.does === 'load') return log.loadSnapshots(partition, each.actors);
    const fence = this.#fences.chosen(each.by);
    if (fence === undefined) return undefined;
    switch (each.does) {
      case 'save':
        return log.saveSnapshots(fence, each.snapshots.map(snapshotOf));
      case 'checkpoint': {
        const { text: told, position, add, drop } = each;
        const checkpoint = { text: told, position, ...(add && { add }), drop };
        const outcome = await log.saveCheckpoint(fence, checkpoint);
        const known = (await leases.ownerOf(partition))?.checkpoint;
        return [outcome, known, await log.loadCheckpoints(partition)];
      }
      case 'bury': {
        const number = Math.max(0, this.#lastLetter + each.on);
        this.#lastLetter = number;
        const outcome = await log.addDeadLetter(fence, letterOf(number, each.text), each.keep);
        return [outcome, await this.#letters()];
      }
    }
  }

  /** All that a script may have left behind. */
  async everything(): Promise<unknown> {
    const { log } = this.#store;
    const segments = await log.loadSegments(partition, names);
    return [
      await log.loadSnapshots(partition, actors),
      await log.loadCheckpoints(partition),
      segments.map((bytes) => bytes && Buffer.from(bytes).toString('hex')),
    ];
  }

  /** Those that may be kept, and some that are not. */
  #letters(): Promise<unknown> {
    const numbers = Array.from({ length: 6 }, (_, back) => this.#lastLetter + 1 - back);
    return Promise.all(
      numbers.map((number) => this.#store.log.deadLetter(partition, placeOf(number))),
    );
  }
}

const snapshotOf = ({
  actor,
  version,
  size: length,
  state,
}: typeof saved extends fc.Arbitrary<infer Value> ? Value : never): Snapshot => ({
  actor,
  version,
  position: version + length,
  hash: `hash-${version}-${length}`,
  state: state + 'x'.repeat(length),
});

/** In order of the letters; an epoch counts for more than a position. */
const placeOf = (letter: number): EntryId =>
  letter < 4 ? { epoch: 1, position: letter + 5 } : { epoch: 2, position: letter };

const letterOf = (number: number, told: string): DeadLetter => ({
  at: placeOf(number),
  time: 1_795_000_000_000 + number,
  actor: actorKey('account', 'alice'),
  version: number,
  stateHash: told,
  id: told,
  payload: told,
  error: told,
  trace: told,
});
