/** Scripts of consumer groups: seats that end, readers that come and go, a log that is written and trimmed. */
import fc from 'fast-check';
import { logStart, type Entry, type Fence } from '../../../runtime/log.ts';
import { group as groupOf, own } from '../log.ts';
import type { Store } from '../stores.ts';
import { answerOf, scriptOf, type Scripts } from './agreement.ts';

/** As of leases: what ends is waited for. */
const seatMs = { lasts: 3_600_000, ends: 1 } as const;
const partitions = 4;
/** The one that is written to; the others have no log. */
const written = 3;

const group = fc.constantFrom('g', 'g', 'g', 'h');
const consumer = fc.constantFrom('one', 'one', 'one', 'one', 'one', 'two');
const partition = fc.constantFrom(...Array.from({ length: 7 }, () => written), 0);
const seat = fc.record({ group, consumer, partition });
const ttl = fc.constantFrom('lasts', 'lasts', 'lasts', 'lasts', 'ends');
const count = fc.integer({ min: 1, max: 4 });

const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('own' as const), nonce: fc.constantFrom('a', 'b') }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant('append' as const),
      n: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('trim' as const),
      /** From the newest position. */
      back: fc.nat(6),
      leaveBehind: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('lose' as const),
      what: fc.constantFrom('tail', 'tail', 'tail', 'log'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('open' as const),
      group,
      from: fc.constantFrom('start' as const, 'now' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('remove' as const), group }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('present' as const), group, consumer, ttl }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('leave' as const), group, consumer }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('holders' as const), group }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('hold' as const),
      seats: fc.array(seat, { minLength: 1, maxLength: 2 }),
      ttl,
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('release' as const), seat }) },
  {
    weight: 10,
    arbitrary: fc.record({
      does: fc.constant('next' as const),
      seat,
      /** Of what was delivered last, or `all`: what the group was given, as a reader that knows asks. */
      after: fc.oneof({ weight: 4, arbitrary: fc.constant('all' as const) }, fc.nat(3)),
      count,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('unacknowledged' as const),
      seat,
      /** Of what was delivered last. */
      after: fc.option(fc.nat(3), { nil: undefined }),
      count,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('acknowledge' as const),
      group,
      which: fc.array(fc.nat(5), { maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('tops' as const), group, partition }) },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const reading: Step[] = [
  { does: 'own', nonce: 'a' },
  { does: 'open', group: 'g', from: 'start' },
  { does: 'hold', seats: [{ group: 'g', consumer: 'one', partition: written }], ttl: 'lasts' },
];

/** A group that found no log made one, and the owner went on in it as if nothing had been lost. */
const madeAnew: Step[] = [
  { does: 'own', nonce: 'a' },
  { does: 'append', n: 1 },
  { does: 'lose', what: 'log' },
  { does: 'open', group: 'g', from: 'start' },
  { does: 'append', n: 1 },
];

/** A seat is there without its group, and stays when the group goes. */
const seatAlone: Step[] = [
  { does: 'hold', seats: [{ group: 'g', consumer: 'one', partition: written }], ttl: 'lasts' },
  { does: 'open', group: 'g', from: 'start' },
  { does: 'remove', group: 'g' },
  { does: 'open', group: 'g', from: 'start' },
  { does: 'hold', seats: [{ group: 'g', consumer: 'two', partition: written }], ttl: 'lasts' },
];

/** Nothing is known of what was never there, which is no failure. */
const notThere: Step[] = [
  { does: 'holders', group: 'g' },
  { does: 'tops', group: 'g', partition: written },
  { does: 'acknowledge', group: 'g', which: [] },
  { does: 'remove', group: 'g' },
  {
    does: 'next',
    seat: { group: 'g', consumer: 'one', partition: written },
    after: 'all',
    count: 1,
  },
];

export const groupScripts: Scripts<Step> = {
  script: scriptOf(step, 50, reading),
  play,
  kept: [madeAnew, seatAlone, notThere],
};

async function play(store: Store, steps: readonly Step[]): Promise<unknown[]> {
  const script = new Script(store);
  const answers: unknown[] = [];
  for (const each of steps) answers.push(each.does, await answerOf(script.answer(each)));
  return answers;
}

class Script {
  readonly #store: Store;
  #fence: Fence | undefined;
  #top = 0;
  /** What was delivered last, of which a script acknowledges some. */
  #delivered: readonly Entry[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  async answer(each: Step): Promise<unknown> {
    const { groupReads: reads } = this.#store;
    switch (each.does) {
      case 'own':
      case 'append':
      case 'trim':
      case 'lose':
        return this.#write(each);
      case 'open':
        return reads.open(each.group, partitions, each.from);
      case 'remove':
        return reads.remove(each.group, partitions);
      case 'present': {
        const living = await reads.present(each.group, each.consumer, seatMs[each.ttl]);
        await this.#waitOut(each.ttl);
        return living;
      }
      case 'leave':
        return reads.leave(each.group, each.consumer);
      case 'holders':
        return reads.holders(each.group, partitions);
      case 'hold': {
        const holds = await reads.hold(each.seats, seatMs[each.ttl]);
        await this.#waitOut(each.ttl);
        return holds;
      }
      case 'release':
        return reads.release(each.seat);
      case 'next':
        return this.#next(each);
      case 'unacknowledged': {
        const after = each.after === undefined ? undefined : this.#delivered[each.after];
        return reads.unacknowledged(each.seat, after, each.count);
      }
      case 'acknowledge': {
        const read = each.which.flatMap((index) => this.#delivered[index] ?? []);
        return reads.acknowledge(each.group, written, read);
      }
      case 'tops': {
        const { log, delivered } = await reads.tops(each.group, each.partition);
        return [log.epoch, log.position, delivered.epoch, delivered.position];
      }
    }
  }

  async #next({ seat, after, count }: Extract<Step, { does: 'next' }>): Promise<unknown> {
    const { groupReads } = this.#store;
    const follows =
      after === 'all'
        ? (await groupReads.tops(seat.group, seat.partition)).delivered
        : (this.#delivered[after] ?? logStart);
    const read = await groupReads.next(seat, follows, count);
    if (typeof read !== 'string' && seat.partition === written)
      this.#delivered = [...read, ...this.#delivered];
    return read;
  }

  async #write(
    each: Extract<Step, { does: 'own' | 'append' | 'trim' | 'lose' }>,
  ): Promise<unknown> {
    const { log, leases } = this.#store;
    if (each.does === 'own') {
      this.#fence = await own(leases, each.nonce);
      return this.#fence;
    }
    if (each.does === 'lose') {
      const { loseTail, loseLog } = this.#store;
      return each.what === 'tail' ? loseTail(written) : loseLog(written);
    }
    const fence = this.#fence;
    if (fence === undefined) return undefined;
    if (each.does === 'append') {
      const outcome = await log.append(groupOf(fence, this.#top, each.n));
      if (outcome === 'ok') this.#top += each.n;
      return outcome;
    }
    const before = (await log.entryAt(written, Math.max(1, this.#top - each.back))) ?? {
      epoch: 1,
      position: 99,
    };
    return log.trim({ fence, before, leaveBehind: each.leaveBehind });
  }

  async #waitOut(kind: keyof typeof seatMs): Promise<void> {
    if (kind === 'ends') await this.#store.elapse(seatMs.ends + 1);
  }
}
