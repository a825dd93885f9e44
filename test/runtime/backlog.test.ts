import { expect, test } from 'vitest';
import { Backlog } from '../../runtime/backlog.ts';
import { memoryHub } from '../../runtime/memory/bus.ts';
import { manualClock } from '../../runtime/memory/clock.ts';

/** A backlog on a bus that delivers only when it is told to. */
function slowBus() {
  const clock = manualClock();
  const held: (() => void)[] = [];
  const hub = memoryHub({ clock: { ...clock, soon: (callback) => void held.push(callback) } });
  const deliver = async (): Promise<void> => {
    for (const callback of held.splice(0)) callback();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const backlog = new Backlog({ bus: hub.connect(), clock, lagMsMax: 1_000 });
  return { clock, deliver, backlog };
}

test('a host is behind when a ping has been under way longer than the limit, until it is back', async () => {
  const { clock, deliver, backlog } = slowBus();
  expect(backlog.excessive).toBe(false);
  backlog.start();
  clock.advance(1_000);
  expect(backlog.excessive).toBe(false);
  clock.advance(1);
  expect(backlog.excessive).toBe(true);
  await deliver();
  expect(backlog.excessive).toBe(false);
});

test('it goes on pinging, whether or not a ping has come back in time, until it is stopped', async () => {
  const { clock, deliver, backlog } = slowBus();
  backlog.start();
  for (let ping = 0; ping < 3; ping++) {
    await deliver();
    clock.advance(250);
    clock.advance(2_000);
    expect(backlog.excessive).toBe(true);
  }
  await deliver();
  backlog.stop();
  clock.advance(10_000);
  expect(backlog.excessive).toBe(false);
});
