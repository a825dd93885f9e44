import { describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { Partition } from '../../runtime/partition.ts';
import { Gate } from './intercepted-log.ts';
import { Rig } from './rig.ts';

/** One partition that has published five events; what it publishes from now on is in `published`. */
async function publishedFive(): Promise<{ rig: Rig; opened: Partition; gate: Gate }> {
  const gate = new Gate('read');
  gate.release();
  const rig = new Rig({ partitions: 1, intercept: gate.intercept });
  const opened = await rig.start(0);
  for (let n = 0; n < 5; n++) await put(rig);
  await rig.settle();
  expect(positions(rig)).toEqual([1, 2, 3, 4, 5]);
  rig.published.length = 0;
  return { rig, opened, gate };
}

const put = (rig: Rig) => rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }));
const positions = (rig: Rig): number[] =>
  rig.published.map(({ id }) => Number(/-(\d+)\.\d+$/.exec(id)?.[1]));

describe('events are published again', () => {
  it('after a reconnection, in order, from the last that is known to have arrived', async () => {
    const { rig, opened } = await publishedFive();
    opened.publisher.confirm(3);
    opened.publisher.confirm(2);
    opened.republish();
    await rig.settle();
    expect(positions(rig)).toEqual([4, 5]);
    await put(rig);
    await rig.settle();
    expect(positions(rig)).toEqual([4, 5, 6]);
  });

  it('before any that become durable meanwhile', async () => {
    const { rig, opened, gate } = await publishedFive();
    gate.shut();
    opened.republish();
    await put(rig);
    await put(rig);
    expect(positions(rig)).toEqual([]);
    gate.release();
    await rig.settle();
    expect(positions(rig)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('and a round trip that comes back during the repeat confirms nothing', async () => {
    const { rig, opened, gate } = await publishedFive();
    gate.shut();
    opened.republish();
    opened.publisher.confirm(5);
    expect(opened.publisher.confirmed).toBe(0);
    gate.release();
    await rig.settle();
    opened.publisher.confirm(5);
    expect(opened.publisher.confirmed).toBe(5);
  });

  it('and a round trip that began before a reconnection confirms nothing, however late it is back', async () => {
    const { rig, opened } = await publishedFive();
    const arrived = opened.publisher.confirmation();
    opened.republish();
    await rig.settle();
    arrived();
    expect(opened.publisher.confirmed).toBe(0);
    opened.publisher.confirmation()();
    expect(opened.publisher.confirmed).toBe(5);
  });

  it('by the next owner, from where the last renewal said', async () => {
    const { rig } = await publishedFive();
    const fence = { partition: 0, epoch: 1, nonce: rig.store.partitions(0).owner?.nonce ?? '' };
    expect(await rig.store.leases.renew([{ fence, published: 3 }], 3_000)).toEqual(['ok']);
    rig.crash(0);
    await rig.start(0);
    await rig.settle();
    expect(positions(rig)).toEqual([4, 5]);
  });

  it('once the store answers again', async () => {
    let failures = 0;
    const rig = new Rig({
      partitions: 1,
      intercept: async (call, carryOut) => {
        if (call === 'read' && failures-- > 0) throw new Error('the connection broke');
        return carryOut();
      },
    });
    const opened = await rig.start(0);
    await put(rig);
    failures = 3;
    opened.republish();
    await rig.settle();
    expect(positions(rig)).toEqual([1, 1]);
  });
});

describe('what is published', () => {
  const rob = actorKey('rogue', 'rob');

  it('leaves out an event whose body cannot be made, and tells the operator', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    expect((await rig.within(rig.command(rob, 'shout-badly')))?.code).toBeUndefined();
    await rig.settle();
    expect(rig.published.map(({ id, body }) => [id, body])).toEqual([
      ['0:1-1.0', expect.objectContaining({ text: 'before' })],
      ['0:1-1.2', expect.objectContaining({ text: 'after' })],
    ]);
    expect(rig.reported).toEqual([
      expect.stringMatching(/the event "garbled" of 0:1-1 cannot be published: .*cannot be told/),
    ]);
    expect(rig.halted).toEqual([]);
  });

  it('leaves out an event whose body is not JSON, too, and its partition goes on', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    for (const text of ['before', 'not JSON', 'after'])
      expect((await rig.within(rig.command(rob, 'note', { text })))?.code).toBeUndefined();
    await rig.settle();
    expect(rig.published.map(({ id }) => id)).toEqual(['0:1-1.0', '0:1-3.0']);
    expect(rig.reported).toEqual([
      expect.stringMatching(/the event "noted" of 0:1-2 cannot be published: .*BigInt/),
    ]);
    expect(rig.halted).toEqual([]);
  });

  it('says where and when its record stands, whatever the body says', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    await rig.within(rig.command(rob, 'note', { text: 'forged' }));
    await rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }));
    await rig.settle();
    const [forged, plain] = rig.published;
    const told = { at: '0:1-1', time: expect.any(Number), version: 1, text: 'forged' };
    expect(forged?.body).toEqual(told);
    expect(plain?.body).toEqual({ at: '0:1-2', time: expect.any(Number), version: 1, coins: 1 });
  });

  it('leaves out internal events', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    await rig.within(rig.command(rob, 'whisper', { text: 'secret' }));
    await rig.within(rig.command(rob, 'note', { text: 'open' }));
    await rig.settle();
    expect(rig.published.map(({ subject }) => subject)).toEqual(['millrace.evt.rogue.rob.noted']);
  });
});
