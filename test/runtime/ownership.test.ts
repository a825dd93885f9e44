import { expect, it } from 'vitest';
import { defaultLimits } from '../../runtime/limits.ts';
import { memoryHub } from '../../runtime/memory/bus.ts';
import { manualClock } from '../../runtime/memory/clock.ts';
import { memoryStore } from '../../runtime/memory/store.ts';
import { Ownership } from '../../runtime/ownership.ts';

const subject = 'owner.of.0';

/** A partition that is being given away; what is sent to it goes on to others. */
async function givingAway() {
  const clock = manualClock();
  const store = memoryStore(() => clock.now());
  const hub = memoryHub({ clock });
  const limits = { ...defaultLimits(1), waitingMax: 3, waitingBytesMax: 10 };
  const late: string[] = [];
  const received: string[] = [];
  const { leaseMs } = limits;
  const claim = { partition: 0, leaseMs };
  const ann = { ...claim, host: 'ann', nonce: 'a', group: 'of-ann' };
  const acquired = await store.leases.acquire(ann);
  if (acquired.kind !== 'acquired') throw new Error('the partition was free');
  const unused = (): never => expect.fail('nothing of this happens');
  const ownership = new Ownership(
    {
      leases: store.leases,
      bus: hub.connect(),
      clock,
      limits,
      subjectOf: () => subject,
      open: unused,
      follow: unused,
      onRequest: ({ payload }) => void received.push(Buffer.from(payload).toString()),
      onLate: ({ payload }) => void late.push(Buffer.from(payload).toString()),
      onLost: unused,
      onFailed: unused,
      report: () => undefined,
    },
    { partition: 0, epoch: acquired.epoch, nonce: 'a' },
  );
  await ownership.openHalted('of-ann', clock.monotonic(), 'a test');
  const bus = hub.connect();
  const send = async (...texts: string[]): Promise<void> => {
    for (const text of texts) bus.publish(subject, text);
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const bobTakesOver = async (): Promise<void> => {
    const taken = await store.leases.acquire({
      ...claim,
      host: 'bob',
      nonce: 'b',
      group: 'of-bob',
    });
    expect(taken.kind).toBe('acquired');
  };
  return { ownership, clock, leaseMs, late, received, send, bobTakesOver };
}

it('what comes to a partition that is being given away is sent on', async () => {
  const { ownership, late, send } = await givingAway();
  ownership.giving = true;
  await send('one');
  expect(late).toEqual(['one']);
});

it('when its lease has run out it waits, and is sent on once the lease is renewed', async () => {
  const { ownership, clock, leaseMs, late, send } = await givingAway();
  ownership.giving = true;
  clock.advance(leaseMs + 1);
  await send('one');
  expect(late).toEqual([]);
  ownership.renewed(clock.monotonic());
  expect(late).toEqual(['one']);
});

it('and is not sent on when another has taken over: that one has a copy of its own', async () => {
  const { ownership, clock, leaseMs, late, send, bobTakesOver } = await givingAway();
  ownership.giving = true;
  clock.advance(leaseMs + 1);
  await bobTakesOver();
  await send('one');
  expect(late).toEqual([]);
});

it('what waits for a late renewal does so within its bounds, and is then let in, in order', async () => {
  const { ownership, clock, leaseMs, late, received, send } = await givingAway();
  clock.advance(leaseMs + 1);
  await send('one', 'too many bytes', 'two', 'x', 'four');
  expect(received).toEqual([]);
  ownership.renewed(clock.monotonic());
  await send('five');
  expect(received).toEqual(['one', 'two', 'x', 'five']);
  expect(late).toEqual([]);
});

it('a partition that is lost hears nothing more, whatever is still being done for it', async () => {
  const { ownership, received, late, send, bobTakesOver, clock, leaseMs } = await givingAway();
  clock.advance(leaseMs);
  await bobTakesOver();
  ownership.end();
  await ownership.door.enter('of-ann');
  await send('one');
  expect([received, late]).toEqual([[], []]);
});
