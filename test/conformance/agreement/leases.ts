/** Scripts of owners, heirs and hosts, some of them stale, and of logs that lose records. */
import fc from 'fast-check';
import type { OwnerRecord } from '../../../runtime/leases.ts';
import type { Fence } from '../../../runtime/log.ts';
import { group } from '../log.ts';
import type { Store } from '../stores.ts';
import { answerOf, scriptOf, type Scripts } from './agreement.ts';
import { fenceChoice, Fences } from './fences.ts';

/**
 * What depends on time must not depend on how fast a script is played: a lease either runs far beyond
 * its end, or it is waited for until it is over, before anything else.
 */
const leaseMs = { runs: 3_600_000, ends: 1 } as const;
const partitions = 2;
const scales = { byAsset: { EUR: 2 }, others: 8 };

const partition = fc.constantFrom(0, 0, 0, 0, 0, 1);
const nonce = fc.constantFrom('a', 'b', 'c');
const lease = fc.constantFrom('runs', 'runs', 'ends');
const published = fc.nat(12);
const host = fc.constantFrom('here' as const, 'elsewhere' as const);

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ does: fc.constant('acquire' as const), host, partition, nonce, lease }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('renew' as const),
      renewals: fc.array(fc.record({ by: fenceChoice, published }), { maxLength: 3 }),
      lease,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('release' as const), by: fenceChoice, published }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('handOver' as const),
      by: fenceChoice,
      published,
      nonce,
      lease,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('regroup' as const), by: fenceChoice, group: nonce }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      does: fc.constant('append' as const),
      by: fenceChoice,
      gap: fc.constantFrom(0, 0, 0, 0, -1, 1),
      n: fc.constantFrom(1, 1, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('checkpoint' as const),
      by: fenceChoice,
      position: fc.nat(12),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('lose' as const),
      what: fc.constantFrom('tail' as const, 'tail' as const, 'tail' as const, 'log' as const),
      partition,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('read' as const),
      host,
      partition,
      /** From the first position that nobody has written. */
      back: fc.nat(6),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('check' as const),
      by: fc.array(fenceChoice, { maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('heartbeat' as const), name: nonce, lease }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('depart' as const), name: nonce }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('settle' as const), id: nonce }) },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const owned: Step[] = [
  { does: 'acquire', host: 'here', partition: 0, nonce: 'a', lease: 'runs' },
  { does: 'append', by: { age: 0, spoilt: 'no' }, gap: 0, n: 1 },
];

/** Who was told that records are gone appended all the same, and whoever read then read for ever. */
const writtenAlthoughLost: Step[] = [
  ...owned,
  { does: 'lose', what: 'tail', partition: 0 },
  { does: 'acquire', host: 'here', partition: 0, nonce: 'a', lease: 'runs' },
  { does: 'append', by: { age: 0, spoilt: 'no' }, gap: 0, n: 1 },
  { does: 'read', host: 'here', partition: 0, back: 0 },
  { does: 'handOver', by: { age: 0, spoilt: 'no' }, published: 0, nonce: 'b', lease: 'runs' },
];

export const leaseScripts: Scripts<Step> = {
  script: scriptOf(step, 50, owned),
  play,
  kept: [writtenAlthoughLost],
};

async function play(store: Store, steps: readonly Step[]): Promise<unknown[]> {
  const script = new Script(store);
  const answers: unknown[] = [];
  for (const each of steps) {
    answers.push(each.does, await answerOf(script.answer(each)), await script.overview());
  }
  return answers;
}

class Script {
  readonly #store: Store;
  readonly #hosts: Record<'here' | 'elsewhere', Pick<Store, 'log' | 'leases'>>;
  readonly #fences = new Fences();

  constructor(store: Store) {
    this.#store = store;
    this.#hosts = { here: store, elsewhere: store.elsewhere() };
  }

  async overview(): Promise<unknown> {
    const { now, hosts, owners } = await this.#store.leases.owners(partitions);
    const records = owners.map((owner) => owner && { ...owner, until: untilOf(owner, now) });
    return { hosts, records };
  }

  async answer(each: Step): Promise<unknown> {
    const { log, leases } = this.#store;
    switch (each.does) {
      case 'acquire':
        return this.#acquire(each);
      case 'renew': {
        const renewals = each.renewals.flatMap(({ by, published }) => {
          const fence = this.#fences.chosen(by);
          return fence ? [{ fence, published }] : [];
        });
        const outcomes = await leases.renew(renewals, leaseMs[each.lease]);
        await this.#waitOut(each.lease);
        return outcomes;
      }
      case 'read': {
        const from = this.#hosts[each.host];
        const { top = 0 } = (await leases.ownerOf(each.partition)) ?? {};
        const position = Math.max(0, top + 1 - each.back);
        return [
          await from.leases.epochOf(each.partition, position),
          await from.log.read(each.partition, position, 3),
          await from.log.entryAt(each.partition, position),
          await this.#store.newest(each.partition),
        ];
      }
      case 'check':
        return log.check(each.by.flatMap((by) => this.#fences.chosen(by) ?? []));
      case 'lose':
        return each.what === 'tail'
          ? this.#store.loseTail(each.partition)
          : this.#store.loseLog(each.partition);
      case 'heartbeat': {
        const { hosts } = await leases.heartbeat(each.name, leaseMs[each.lease]);
        await this.#waitOut(each.lease);
        return hosts;
      }
      case 'depart':
        return leases.depart(each.name);
      case 'settle':
        return leases.settle({ id: each.id, partitions: 4, scales });
      case 'release':
      case 'handOver':
      case 'regroup':
      case 'append':
      case 'checkpoint': {
        const fence = this.#fences.chosen(each.by);
        return fence && this.#asOwner(fence, each);
      }
    }
  }

  async #acquire({
    host,
    partition: wanted,
    nonce: name,
    lease: kind,
  }: Extract<Step, { does: 'acquire' }>) {
    const { leases } = this.#hosts[host];
    const outcome = await leases.acquire({
      partition: wanted,
      nonce: name,
      host: `host-of-${name}`,
      group: `group-of-${name}`,
      leaseMs: leaseMs[kind],
    });
    if (outcome.kind !== 'held')
      this.#fences.add({ partition: wanted, epoch: outcome.epoch, nonce: name });
    await this.#waitOut(kind);
    return outcome;
  }

  async #asOwner(
    fence: Fence,
    each: Extract<Step, { does: 'release' | 'handOver' | 'regroup' | 'append' | 'checkpoint' }>,
  ): Promise<unknown> {
    const { log, leases } = this.#store;
    switch (each.does) {
      case 'release':
        return leases.release({ fence, published: each.published });
      case 'handOver': {
        const { published, nonce: heir, lease: kind } = each;
        const to = { host: `host-of-${heir}`, nonce: heir, leaseMs: leaseMs[kind] };
        // Some name a queue group that the owner has left, perhaps: they land late.
        const from = published % 4 === 0 ? 'a' : await this.#groupOf(fence);
        const outcome = await leases.handOver({ fence, published }, to, from);
        if (outcome === 'ok') this.#fences.add({ ...fence, epoch: fence.epoch + 1, nonce: heir });
        await this.#waitOut(kind);
        return outcome;
      }
      case 'regroup': {
        const from = each.group === 'c' ? 'a' : await this.#groupOf(fence);
        return leases.regroup(fence, { from, to: each.group });
      }
      case 'append': {
        const { top = 0 } = (await leases.ownerOf(fence.partition)) ?? {};
        return log.append(group(fence, Math.max(0, top + each.gap), each.n));
      }
      case 'checkpoint':
        return log.saveCheckpoint(fence, { text: '{}', position: each.position, drop: [] });
    }
  }

  async #groupOf({ partition: number }: Fence): Promise<string> {
    return (await this.#store.leases.ownerOf(number))?.group ?? '';
  }

  async #waitOut(kind: keyof typeof leaseMs): Promise<void> {
    if (kind === 'ends') await this.#store.elapse(leaseMs.ends + 1);
  }
}

function untilOf({ until }: OwnerRecord, now: number): string {
  if (until === 0) return 'released';
  return until > now ? 'runs' : 'is over';
}
