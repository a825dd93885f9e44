import { describe, expect, it } from 'vitest';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import { manualClock } from '../../runtime/memory/clock.ts';
import { Outbox, type Delivery, type Received } from '../../runtime/outbox.ts';
import { partitionKey } from '../../runtime/reference-data.ts';
import { systemRandom } from '../../runtime/system-clock.ts';
import { Rig } from './rig.ts';

const away = actorKey('purse', 'bob');
const there = partitionOf(away, 2);
const nothing: Received = { n: 0, entry: '' };

/** The sending end of partition 0 or 1, and what it sends to the other. */
class Sender {
  readonly clock = manualClock();
  readonly sent: Delivery[] = [];
  readonly diverged: string[] = [];
  /** What the receiver says next, true or not; then it tells what it was sent. */
  readonly says: Received[] = [];
  readonly outbox = new Outbox({
    partition: 1 - there,
    partitions: 2,
    limits: defaultLimits(2),
    clock: this.clock,
    random: systemRandom(),
    post: async (_, delivery) => {
      this.sent.push(delivery);
      return this.says.shift() ?? delivery.messages.at(-1) ?? expect.fail('asked again');
    },
    onDiverged: (reason) => void this.diverged.push(reason),
  });

  /** A record with one message becomes durable in an entry of its own. */
  send(position: number, to: ActorKey = away): void {
    const out = this.outbox.plan([{ to, name: 'hello', body: position }]);
    const record = { time: 1, actor: actorKey('purse', 'ann'), version: position, out };
    this.outbox.commit(out, position);
    const text = JSON.stringify(record);
    this.outbox.durable({ position, record, text, callers: [] }, `1-${position}`);
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Sends two messages to a receiver that answers so. */
  async sendTwo(...says: Received[]): Promise<void> {
    this.says.push(...says);
    this.send(1);
    this.send(2);
    this.outbox.start();
    await this.settle();
  }
}

describe('a sender asks how far the receiver is before it sends', () => {
  it('and sends only what follows', async () => {
    const sender = new Sender();
    await sender.sendTwo({ n: 1, entry: '1-1' });
    const [question, delivery] = sender.sent;
    expect(question?.messages).toEqual([]);
    expect(delivery?.messages.map(({ n }) => n)).toEqual([2]);
  });

  it.each([
    ['ahead of everything sent', { n: 3, entry: '1-3' }],
    ['with a message of another entry', { n: 1, entry: '7-1' }],
    ['with an entry where there was no message', { n: 0, entry: '1-1' }],
  ])('and stops for good if the receiver is %s', async (_, received) => {
    const sender = new Sender();
    await sender.sendTwo(received);
    expect(sender.diverged).toHaveLength(1);
    expect(sender.diverged[0]).toMatch(/one of the two logs has lost acknowledged records/);
    const before = sender.sent.length;
    sender.clock.advance(60_000);
    sender.send(3, partitionKey(1 - there));
    await sender.settle();
    expect(sender.sent).toHaveLength(before);
    expect(sender.sent.flatMap(({ messages }) => messages)).toEqual([]);
  });

  it('and stops if the receiver has less than it once acknowledged', async () => {
    const sender = new Sender();
    const acknowledged = { n: 5, entry: '1-5' };
    sender.outbox.load([{ to: there, last: 5, acknowledged }]);
    await sender.sendTwo({ n: 4, entry: '1-4' });
    expect(sender.diverged).toHaveLength(1);
  });

  it('and stops if a later answer goes back behind an earlier one', async () => {
    const sender = new Sender();
    await sender.sendTwo({ n: 1, entry: '1-1' }, nothing);
    expect(sender.diverged).toHaveLength(1);
  });
});

/** Which partition's deliveries are held back; those of others go through. */
function riggedWith(channelMessagesMax: number): { rig: Rig; blocked: Set<number> } {
  const blocked = new Set<number>();
  const rig = new Rig({
    limits: { channelMessagesMax },
    carry: async ({ to }, carryOut) => {
      if (blocked.has(to)) throw new Error('the way is blocked');
      return carryOut();
    },
  });
  return { rig, blocked };
}

describe('a full channel', () => {
  it('refuses client commands that need it before anything is appended, and no others', async () => {
    const { rig, blocked } = riggedWith(2);
    await rig.startAll();
    const [alice, bob] = [rig.purse('alice'), rig.purse('bob')];
    await rig.within(rig.command(alice, 'put', { coins: 9 }));
    blocked.add(rig.home(bob));
    const send = () => rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }, 'again'));
    for (let n = 0; n < 2; n++)
      await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }));
    const before = (await rig.records(rig.home(alice))).length;
    expect((await send())?.code).toBe('runtime/busy');
    const announced = await rig.within(rig.command(alice, 'announce', { note: 'all' }));
    expect(announced?.code).toBe('runtime/busy');
    expect(await rig.records(rig.home(alice))).toHaveLength(before);
    expect((await rig.within(rig.command(alice, 'put', { coins: 1 })))?.code).toBeUndefined();

    blocked.clear();
    await rig.settle();
    expect((await send())?.code).toBeUndefined();
    await rig.settle();
    expect(await rig.within(rig.read(bob, 'coins'))).toEqual({ coins: 3 });
  });

  it('takes what messages lead to all the same: a cycle of full channels empties', async () => {
    const { rig, blocked } = riggedWith(1);
    await rig.startAll();
    const pair = [
      { from: rig.purse('alice'), to: 'bob' },
      { from: rig.purse('bob'), to: 'alice' },
    ];
    for (const { from } of pair) await rig.within(rig.command(from, 'put', { coins: 9 }));
    for (const { from } of pair) blocked.add(rig.home(from));
    const given = pair.map(({ from, to }) => rig.command(from, 'give', { to, coins: 1 }));
    await rig.settle();
    for (const { from, to } of pair) {
      const refused = await rig.within(rig.command(from, 'give', { to, coins: 1 }));
      expect(refused?.code).toBe('runtime/busy');
    }
    blocked.clear();
    for (const reply of given) expect((await rig.within(reply))?.text).toContain('"given":1');
    for (const { from } of pair)
      expect(await rig.within(rig.read(from, 'coins'))).toEqual({ coins: 9 });
  });
});

describe('a divergence', () => {
  it('halts the partition, which says why', async () => {
    let lie = false;
    const rig = new Rig({
      carry: async ({ to }, carryOut) =>
        lie && to === rig.home(rig.purse('bob')) ? { n: 7, entry: '9-9' } : carryOut(),
    });
    await rig.startAll();
    const alice = rig.purse('alice');
    await rig.within(rig.command(alice, 'put', { coins: 9 }));
    lie = true;
    await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }));
    await rig.settle();
    expect(rig.halted).toEqual([expect.stringMatching(/has message 7 of entry "9-9"/)]);
    const refused = await rig.within(rig.command(alice, 'put', { coins: 1 }));
    expect(refused?.code).toBe('runtime/halted');
    expect(refused?.text).toContain('has message 7');
  });

  it('that only the next owner has caused makes a former one let go, not halt', async () => {
    const rig = new Rig();
    await rig.startAll();
    const [alice, bob] = [rig.purse('alice'), rig.purse('bob')];
    await rig.within(rig.command(alice, 'put', { coins: 9 }));
    rig.crash(rig.home(bob));
    await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }));
    await rig.settle(200);
    const former = rig.open.get(rig.home(alice));
    await rig.start(rig.home(alice));
    for (let n = 0; n < 3; n++)
      await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }));
    await rig.start(rig.home(bob));
    await rig.settle(200);
    expect(rig.halted).toEqual([]);
    const asked = rig.submit(former, { actor: alice, name: 'put', body: { coins: 1 } });
    expect(await rig.within(asked)).toBeUndefined();
    expect(await rig.within(rig.read(bob, 'coins'))).toEqual({ coins: 4 });
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 5 });
  });
});
