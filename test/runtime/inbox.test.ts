import { describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { Inbox } from '../../runtime/inbox.ts';
import type { Delivered } from '../../runtime/outbox.ts';
import { Gate } from './intercepted-log.ts';
import { NotServing } from '../../runtime/intake.ts';
import { Rig, type Hop } from './rig.ts';

const messages = (...numbers: number[]): Delivered[] =>
  numbers.map((n) => ({
    n,
    entry: `1-${n}`,
    time: 1,
    to: actorKey('purse', 'bob'),
    name: 'hello',
    body: {},
  }));

const fresh = (inbox: Inbox, ...numbers: number[]): number[] =>
  inbox.fresh(3, messages(...numbers)).map(({ n }) => n);

describe('the receiving end of a channel', () => {
  it('takes what follows the last applied: repeats are dropped, and nothing after a gap is taken', () => {
    const inbox = new Inbox();
    expect(fresh(inbox, 1, 2)).toEqual([1, 2]);
    expect(fresh(inbox, 2, 3)).toEqual([]);
    for (const n of [1, 2]) inbox.staged({ partition: 3, n, entry: `1-${n}` });
    expect(fresh(inbox, 1, 2)).toEqual([]);
    expect(fresh(inbox, 1, 2, 3, 4)).toEqual([3, 4]);
    expect(fresh(inbox, 4, 5)).toEqual([]);
    expect(inbox.fresh(2, messages(1)).map(({ n }) => n)).toEqual([1]);
  });

  it('answers with what is durable, not with what is applied', () => {
    const inbox = new Inbox();
    expect(inbox.received(3)).toEqual({ n: 0, entry: '' });
    inbox.staged({ partition: 3, n: 1, entry: '1-1' });
    expect(inbox.received(3).n).toBe(0);
    inbox.durable({ partition: 3, n: 1, entry: '1-1' });
    expect(inbox.received(3)).toEqual({ n: 1, entry: '1-1' });
  });
});

/** Twenty gifts of one coin from alice to bob, each delivery carried as `carry` does. */
async function giveTwenty(
  carry: (
    hop: Hop,
    carryOut: () => Promise<{ n: number; entry: string }>,
  ) => Promise<{
    n: number;
    entry: string;
  }>,
): Promise<Rig> {
  const rig = new Rig({ carry });
  await rig.startAll();
  await rig.within(rig.command(rig.purse('alice'), 'put', { coins: 50 }));
  for (let n = 0; n < 20; n++) {
    await rig.within(rig.command(rig.purse('alice'), 'give', { to: 'bob', coins: 1 }));
  }
  await rig.settle();
  return rig;
}

const applied = async (rig: Rig): Promise<number[]> =>
  (await rig.records(rig.home(rig.purse('bob')))).flatMap(({ record }) => record.from?.n ?? []);

const oneToTwenty = Array.from({ length: 20 }, (_, index) => index + 1);

describe('messages are applied once and in order', () => {
  it('when each delivery comes twice at the same time', async () => {
    const rig = await giveTwenty(async (_, carryOut) => {
      const [received] = await Promise.all([carryOut(), carryOut()]);
      return received;
    });
    expect(await applied(rig)).toEqual(oneToTwenty);
    expect(rig.halted).toEqual([]);
  });

  it('when each delivery comes once more after the next, unasked', async () => {
    const earlier = new Map<number, () => Promise<unknown>>();
    const rig = await giveTwenty(async ({ to }, carryOut) => {
      const received = await carryOut();
      await earlier.get(to)?.();
      earlier.set(to, carryOut);
      return received;
    });
    expect(await applied(rig)).toEqual(oneToTwenty);
    expect(rig.halted).toEqual([]);
  });

  it('when every other answer is lost', async () => {
    let carried = 0;
    const rig = await giveTwenty(async (_, carryOut) => {
      const received = await carryOut();
      if (++carried % 2 === 0) throw new Error('the answer is lost');
      return received;
    });
    expect(await applied(rig)).toEqual(oneToTwenty);
    expect(rig.halted).toEqual([]);
  });
});

describe('a partition that is closed', () => {
  it('turns away what it has taken and not answered, and what comes later, at once', async () => {
    const gate = new Gate('check');
    const rig = new Rig({ partitions: 1, intercept: gate.intercept });
    const opened = await rig.start(0);
    const earlier = expect(opened.receive({ from: 3, messages: [] })).rejects.toBeInstanceOf(
      NotServing,
    );
    await rig.turns();
    expect(gate.held).toBe(1);
    opened.close();
    await earlier;
    await expect(opened.receive({ from: 3, messages: [] })).rejects.toBeInstanceOf(NotServing);
  });
});
