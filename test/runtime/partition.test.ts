import { describe, expect, it } from 'vitest';
import { Rig } from './rig.ts';

describe('a partition', () => {
  it('answers a repeated id with the same bytes and applies it once', async () => {
    const rig = new Rig();
    await rig.startAll();
    const alice = rig.purse('alice');
    const first = await rig.within(rig.command(alice, 'put', { coins: 5 }, 'id-1'));
    const repeat = await rig.within(rig.command(alice, 'put', { coins: 5 }, 'id-1'));
    expect(repeat).toEqual(first);
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 5 });
  });

  it('joins a repeat to a command that is still under way', async () => {
    const rig = new Rig();
    await rig.startAll();
    const alice = rig.purse('alice');
    const both = [1, 2].map(() => rig.command(alice, 'put', { coins: 5 }, 'id-1'));
    const [first, repeat] = await Promise.all(both.map((reply) => rig.within(reply)));
    expect(repeat).toEqual(first);
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 5 });
  });

  it('refuses a known id with another payload, and a refusal burns its id', async () => {
    const rig = new Rig();
    await rig.startAll();
    const alice = rig.purse('alice');
    const refused = await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }, 'id-1'));
    expect(refused?.code).toBe('purse/too-poor');
    await rig.within(rig.command(alice, 'put', { coins: 5 }));
    expect(await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }, 'id-1'))).toEqual(
      refused,
    );
    const other = await rig.within(rig.command(alice, 'put', { coins: 7 }, 'id-1'));
    expect(other?.code).toBe('runtime/id-conflict');
  });

  it('remembers ids and replies across a crash, from the tail, from segments and from the log', async () => {
    const rig = new Rig({ limits: { recentRepliesMax: 1 } });
    await rig.startAll();
    const alice = rig.purse('alice');
    const first = await rig.within(rig.command(alice, 'put', { coins: 5 }, 'id-1'));
    const given = await rig.within(rig.command(alice, 'give', { to: 'bob', coins: 2 }, 'id-2'));
    const partition = partitionOfAlice(rig);
    const repeats = async (): Promise<void> => {
      expect(await rig.within(rig.command(alice, 'put', { coins: 5 }, 'id-1'))).toEqual(first);
      expect(await rig.within(rig.command(alice, 'give', { to: 'bob', coins: 2 }, 'id-2'))).toEqual(
        given,
      );
    };
    rig.crash(partition);
    await rig.start(partition);
    await repeats();
    await rig.within(rig.open.get(partition)?.stop() ?? Promise.resolve());
    rig.crash(partition);
    const opened = await rig.start(partition);
    expect(opened.status.recoveredRecords).toBe(0);
    await repeats();
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 3 });
  });

  it('answers a deferred command from the log after its owner has crashed', async () => {
    const rig = new Rig();
    await rig.startAll();
    const [alice, bob] = [rig.purse('alice'), rig.purse('bob')];
    await rig.within(rig.command(alice, 'put', { coins: 5 }));
    const [home, away] = [partitionOfAlice(rig), partitionOf(rig, 'bob')];
    expect(home).not.toBe(away);
    rig.crash(away);
    void rig.command(alice, 'give', { to: 'bob', coins: 2 }, 'gift');
    await rig.settle(10);
    rig.crash(home);
    await rig.start(home);
    await rig.start(away);
    const late = await rig.within(rig.command(alice, 'give', { to: 'bob', coins: 2 }, 'gift'));
    expect(late?.text).toContain('"given":2');
    expect(rig.sent.map(({ text }) => text)).toContain(late?.text);
    expect(await rig.within(rig.read(bob, 'coins'))).toEqual({ coins: 2 });
  });

  it('tells a caller that its deferred command is pending after the wait limit', async () => {
    const rig = new Rig();
    await rig.startAll();
    const alice = rig.purse('alice');
    await rig.within(rig.command(alice, 'put', { coins: 5 }));
    rig.crash(partitionOf(rig, 'bob'));
    const waiting = rig.command(alice, 'give', { to: 'bob', coins: 2 }, 'gift');
    await rig.settle(10);
    rig.clock.advance(5_001);
    rig.open.get(partitionOfAlice(rig))?.tick();
    expect((await rig.within(waiting))?.code).toBe('runtime/pending');
  });

  it('keeps a snapshot of an actor that left memory, and goes on where it was', async () => {
    const rig = new Rig({ partitions: 1, limits: { residentsMax: 2 } });
    const opened = await rig.start(0);
    for (let n = 0; n < 20; n++)
      await rig.within(rig.command(rig.purse(`p${n}`), 'put', { coins: n + 1 }));
    for (let round = 0; round < 10; round++) {
      opened.tick();
      await rig.settle(5);
    }
    expect(opened.status.residents).toBeLessThanOrEqual(2);
    for (let n = 0; n < 20; n++) {
      await rig.within(rig.command(rig.purse(`p${n}`), 'put', { coins: 1 }));
      expect(await rig.within(rig.read(rig.purse(`p${n}`), 'coins'))).toEqual({ coins: n + 2 });
    }
  });

  it('quarantines a command on which judgement fails, and keeps serving the actor', async () => {
    const rig = new Rig();
    await rig.startAll();
    const alice = rig.purse('alice');
    await rig.within(rig.command(alice, 'put', { coins: 5 }));
    const failed = await rig.within(rig.command(alice, 'crash-judgement', {}, 'bad'));
    expect(failed?.code).toBe('runtime/quarantined');
    expect(await rig.within(rig.command(alice, 'crash-judgement', {}, 'bad'))).toEqual(failed);
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 5 });
  });

  it('builds an actor again whose machine failed half-way, with everything under way', async () => {
    const rig = new Rig();
    await rig.startAll();
    const alice = rig.purse('alice');
    const commands = [
      rig.command(alice, 'put', { coins: 5 }),
      rig.command(alice, 'crash-machine', {}, 'bad'),
      rig.command(alice, 'put', { coins: 2 }),
    ];
    const replies = await Promise.all(commands.map((reply) => rig.within(reply)));
    expect(replies.map((reply) => reply?.code)).toEqual([
      undefined,
      'runtime/quarantined',
      undefined,
    ]);
    expect(await rig.within(rig.read(alice, 'coins'))).toEqual({ coins: 7 });
    expect(rig.halted).toEqual([]);
  });

  it('gives a replicated value to every partition before the command is answered', async () => {
    const rig = new Rig();
    await rig.startAll();
    const reply = await rig.within(rig.command(rig.purse('alice'), 'announce', { note: 'hello' }));
    expect(reply?.code).toBeUndefined();
    for (let partition = 0; partition < rig.partitions; partition++) {
      const events = (await rig.records(partition)).flatMap(({ record }) => record.events ?? []);
      expect(events).toContainEqual({
        type: 'reference-set',
        actor: 'purse/alice',
        version: 1,
        value: 'hello',
      });
    }
  });

  it('answers no query after another has taken the partition', async () => {
    const rig = new Rig({ partitions: 1 });
    const zombie = await rig.start(0);
    await rig.within(rig.command(rig.purse('alice'), 'put', { coins: 5 }));
    await rig.start(0);
    rig.open.set(0, zombie);
    expect(await rig.within(rig.read(rig.purse('alice'), 'coins'))).toBeUndefined();
    expect(await rig.within(rig.command(rig.purse('alice'), 'put', { coins: 5 }))).toBeUndefined();
  });

  it.each([undefined, 60_000, 1_000])(
    'refuses a UUIDv7 older than the window, and one from the future (a window of %s ms)',
    async (windowMs) => {
      const rig = new Rig(windowMs === undefined ? {} : { limits: { windowMs } });
      await rig.startAll();
      const idAt = (ms: number): string => {
        const hex = ms.toString(16).padStart(12, '0');
        return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`;
      };
      const put = (ms: number) =>
        rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }, idAt(ms)));
      const ms = rig.limits.windowMs;
      expect((await put(rig.clock.now() - ms))?.code).toBe('runtime/stale-command');
      expect((await put(rig.clock.now() + ms))?.code).toBe('request/malformed');
      expect((await put(rig.clock.now()))?.code).toBeUndefined();
    },
  );

  it('remembers an id for the whole window and forgets it only afterwards', async () => {
    const windowMs = 300_000;
    const rig = new Rig({
      partitions: 1,
      limits: { windowMs, recentRepliesMax: 1, checkpointRecords: 1 },
    });
    const opened = await rig.start(0);
    const put = (id: string) =>
      rig.within(rig.command(rig.purse('alice'), 'put', { coins: 1 }, id));
    const passing = async (ms: number): Promise<void> => {
      rig.clock.advance(ms);
      await put(`at ${rig.clock.now()}`);
      opened.tick();
      await rig.settle(20);
    };
    const first = await put('early');
    for (let n = 0; n < 4; n++) await passing(windowMs / 5);
    expect(await put('early')).toEqual(first);
    for (let n = 0; n < 6; n++) await passing(windowMs / 5);
    expect((await put('early'))?.text).not.toBe(first?.text);
  });

  it('publishes every event after it is durable, once more after a crash, in order', async () => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    for (let n = 1; n <= 5; n++)
      await rig.within(rig.command(rig.purse('alice'), 'put', { coins: n }));
    rig.crash(0);
    await rig.start(0);
    await rig.settle();
    const ids = rig.published.map(({ id }) => id);
    const once = ['0:1-1.0', '0:1-2.0', '0:1-3.0', '0:1-4.0', '0:1-5.0'];
    expect(ids).toEqual([...once, ...once]);
    expect(rig.published[0]).toMatchObject({
      subject: 'millrace.evt.purse.alice.put',
      body: { at: '0:1-1', version: 1, coins: 1 },
    });
  });
});

const partitionOf = (rig: Rig, id: string): number => rig.home(rig.purse(id));
const partitionOfAlice = (rig: Rig): number => partitionOf(rig, 'alice');
