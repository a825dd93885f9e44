/** Scripts of owners, groups, reads and trims. */
import fc from 'fast-check';
import type { Fence, Group } from '../../../runtime/log.ts';
import { group, own } from '../log.ts';
import type { Store } from '../stores.ts';
import { scriptOf, type Scripts } from './agreement.ts';

const partition = 3;

/** A page that began with an epoch marker once held an entry too few. */
const markersInFront: Step[] = [
  { kind: 'own', nonce: 'a' },
  { kind: 'append', fence: 0, gap: 0, n: 1, token: 't1', repeat: false },
  { kind: 'append', fence: 0, gap: 0, n: 1, token: 't1', repeat: false },
  { kind: 'read', at: 0, count: 2 },
];

const step = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('own' as const), nonce: fc.constantFrom('a', 'b') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      /** Which of the fences held so far, counted from the newest. */
      fence: fc.constantFrom(0, 0, 0, 0, 1, 2),
      gap: fc.constantFrom(0, 0, 0, 0, 0, -1, 1),
      n: fc.integer({ min: 1, max: 4 }),
      token: fc.constantFrom('t1', 't2'),
      repeat: fc.integer({ min: 0, max: 7 }).map((draw) => draw === 0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      at: fc.nat(20),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('trim' as const),
      fence: fc.constantFrom(0, 0, 0, 1),
      /** What becomes the first: the entry around a position, if there is one. */
      at: fc.nat(20),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

export const logScripts: Scripts<Step> = {
  script: scriptOf(step, 40),
  play,
  kept: [markersInFront],
};

async function play(store: Store, steps: readonly Step[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  const fences: Fence[] = [];
  let top = 0;
  let sent: Group | undefined;
  for (const each of steps) {
    if (each.kind === 'own') {
      fences.unshift(await own(store.leases, each.nonce));
    } else if (each.kind === 'read') {
      answers.push(await store.log.read(partition, each.at, each.count));
      answers.push(await store.log.entryAt(partition, each.at), await store.newest(partition));
      answers.push(await store.leases.epochOf(partition, each.at));
    } else if (each.kind === 'trim') {
      const fence = fences[each.fence];
      const before = (await store.log.entryAt(partition, each.at)) ?? { epoch: 1, position: 99 };
      if (fence) answers.push(await store.log.trim({ fence, before, leaveBehind: false }));
    } else {
      const fence = fences[each.fence];
      if (fence === undefined) continue;
      const fresh = group(fence, Math.max(0, top + each.gap), each.n, each.token);
      sent = each.repeat && sent ? sent : fresh;
      const outcome = await store.log.append(sent);
      if (outcome === 'ok') top = sent.after + sent.n;
      answers.push(outcome);
    }
  }
  return answers;
}
