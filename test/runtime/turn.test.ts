import { describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { Rig } from './rig.ts';

const timesOf = async (rig: Rig, partition: number): Promise<number[]> =>
  (await rig.records(partition)).map(({ record }) => record.time);

describe('the time of records', () => {
  it('does not go back with the clock, nor with a restart', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    const put = () => rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }));
    await put();
    rig.wallClockShift = -60_000;
    await put();
    rig.crash(0);
    await rig.start(0);
    await put();
    const opened = rig.open.get(0);
    await rig.within(opened?.stop() ?? Promise.resolve());
    await rig.start(0);
    await put();
    const [first, ...others] = await timesOf(rig, 0);
    expect(others).toEqual([first, first, first]);
  });

  it('is not before that of the message which the record applies', async () => {
    const rig = new Rig();
    await rig.startAll();
    const [home, away] = ['alice', 'bob'].map((name) => rig.home(rig.purse(name))) as [
      number,
      number,
    ];
    await rig.within(rig.command(rig.purse('alice'), 'put', { coins: 5 }));
    rig.wallClockShift = 60_000;
    await rig.within(rig.command(rig.purse('alice'), 'send', { to: 'bob', coins: 1 }));
    rig.wallClockShift = 0;
    await rig.settle();
    await rig.within(rig.command(rig.purse('bob'), 'put', { coins: 1 }));
    const sent = (await timesOf(rig, home)).at(-1) ?? Number.NaN;
    const [received = 0, afterwards] = await timesOf(rig, away);
    expect(received).toBe(sent);
    expect(afterwards).toBe(received);
  });
});

describe('a traceparent', () => {
  const trace = (flags: string): string => `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${flags}`;

  it.each([
    ['01', true],
    ['03', true],
    ['00', false],
    ['02', false],
  ])('with flags %s is recorded: %s', async (flags, recorded) => {
    const rig = new Rig({ partitions: 1 });
    const opened = await rig.start(0);
    const actor = rig.purse('alice');
    const body = { coins: 1 };
    await rig.within(rig.submit(opened, { actor, name: 'put', body, trace: trace(flags) }));
    const [only] = await rig.records(0);
    expect(only?.record.trace).toBe(recorded ? trace(flags) : undefined);
  });
});

describe('a command that is deferred and answered by one record', () => {
  const rob = actorKey('rogue', 'rob');

  it('is carried out once, and a repeat gets its reply, also after a restart', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    const ask = () => rig.within(rig.command(rob, 'answer-itself', { text: 'done' }, 'once'));
    const first = await ask();
    expect(first?.text).toContain('"at":"0:1-1"');
    expect(await ask()).toEqual(first);
    rig.crash(0);
    await rig.start(0);
    expect(await ask()).toEqual(first);
    expect(await rig.within(rig.read(rob, 'notes'))).toEqual(['done']);
  });
});

describe('an id whose record has left the log', () => {
  it('is refused as applied, at its address, and not applied again', async () => {
    const rig = new Rig({ partitions: 1 });
    const opened = await rig.start(0);
    const alice = rig.purse('alice');
    const put = (id: string) => rig.within(rig.command(alice, 'put', { coins: 1 }, id));
    await put('first');
    const second = await put('second');
    await rig.within(opened.stop());
    const store = rig.store.partitions(0);
    store.entries = store.entries.filter(({ n, position }) => n === 0 || position > 1);
    await rig.start(0);
    const again = await put('first');
    expect(again?.code).toBe('runtime/already-applied');
    expect(again?.text).toContain('"at":"0:1-1"');
    expect(await put('second')).toEqual(second);
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 2 });
    expect(store.owner?.top).toBe(2);
  });
});

describe('a repeat of a pending command whose owner has restarted', () => {
  it.each([
    ['from the log', false],
    ['from a checkpoint', true],
  ])('is not applied again, and gets the reply of the first (%s)', async (_, checkpointed) => {
    const rig = new Rig();
    await rig.startAll();
    const [alice, bob] = [rig.purse('alice'), rig.purse('bob')];
    await rig.within(rig.command(alice, 'put', { coins: 5 }));
    rig.crash(rig.home(bob));
    const give = (coins = 2) => rig.command(alice, 'give', { to: 'bob', coins }, 'gift');
    void give();
    await rig.settle(10);
    if (checkpointed) await rig.within(rig.open.get(rig.home(alice))?.stop() ?? Promise.resolve());
    rig.crash(rig.home(alice));
    await rig.start(rig.home(alice));
    const repeat = give();
    expect((await rig.within(give(1)))?.code).toBe('runtime/id-conflict');
    await rig.start(rig.home(bob));
    const answered = await rig.within(repeat);
    expect(answered?.text).toContain('"given":2');
    expect(rig.sent.map(({ text }) => text)).toEqual([answered?.text]);
    expect(await rig.within(rig.read(bob, 'coins'))).toEqual({ coins: 2 });
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 3 });
  });
});
