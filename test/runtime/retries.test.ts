import { beforeEach, describe, expect, it } from 'vitest';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { expectSoundLogs } from './log-claims.ts';
import { cure, illness } from './patient.ts';
import { Rig, type Answered } from './rig.ts';

beforeEach(() => {
  cure();
  illness.judgement.add('unthinkable');
  illness.machine.add('indigestible');
});

const ann = actorKey('patient', 'ann');
const bob = actorKey('patient', 'bob');

async function clinic(options: ConstructorParameters<typeof Rig>[0] = {}): Promise<Rig> {
  const rig = new Rig({ partitions: 1, ...options });
  await rig.startAll();
  return rig;
}

const note = (rig: Rig, who: ActorKey, text: string, id?: string): Promise<Answered | undefined> =>
  rig.within(rig.command(who, 'note', { text }, id));
/** A message to bob, and everything that follows from it. */
async function tell(rig: Rig, from: ActorKey, ...all: string[]): Promise<void> {
  for (const text of all) await rig.within(rig.command(from, 'tell', { to: 'bob', text }));
  await rig.settle(4);
}
const texts = (rig: Rig, who: ActorKey): Promise<unknown> => rig.within(rig.read(who, 'texts'));
const list = async (rig: Rig): Promise<Json | undefined> => {
  await rig.settle(2);
  return rig.within(rig.attend(0, { verb: 'list' }));
};
const retry = (rig: Rig, at: string): Promise<Json | undefined> =>
  rig.within(rig.attend(0, { verb: 'retry', at }));
/** The retry of the first record as a host of an earlier version carried it out. */
const earlier = {
  name: 'note',
  body: { text: 'unthinkable' },
  id: 'retry 0:1-1',
  retried: 1,
};
const retryActor = (rig: Rig, actor: ActorKey): Promise<Json | undefined> =>
  rig.within(rig.attend(rig.home(actor), { verb: 'retry', actor }));

describe('the list of what is set aside', () => {
  it('names commands and messages by the addresses of their records, oldest first', async () => {
    const rig = await clinic({ limits: { strikesMax: 1 } });
    await note(rig, ann, 'unthinkable', 'bad');
    await tell(rig, ann, 'unthinkable', 'behind');
    await note(rig, bob, 'unthinkable', 'worse');
    const error = 'Error: cannot judge "unthinkable"';
    const time = expect.any(Number) as number;
    const letter = { time, actor: bob, kind: 'message', name: 'say', from: 0 };
    expect(await list(rig)).toEqual({
      halted: [{ at: '0:1-6', time, actor: bob, error }],
      letters: [
        { at: '0:1-1', time, actor: ann, kind: 'command', name: 'note', id: 'bad', error },
        { ...letter, at: '0:1-4', error },
        { ...letter, at: '0:1-5' },
        { at: '0:1-6', time, actor: bob, kind: 'command', name: 'note', id: 'worse', error },
      ],
    });
  });

  it('comes in pages', async () => {
    const rig = await clinic({ limits: { strikesMax: 1_000, deadLettersMax: 120 } });
    for (let n = 0; n < 130; n++) await note(rig, ann, 'unthinkable');
    await rig.settle();
    const found: string[] = [];
    for (let after: string | undefined; ;) {
      const asked = rig.attend(0, { verb: 'list', ...(after !== undefined && { after }) });
      const page = (await rig.within(asked)) as { letters: { at: string }[]; next?: string };
      found.push(...page.letters.map(({ at }) => at));
      after = page.next;
      if (after === undefined) break;
    }
    expect(found).toEqual(Array.from({ length: 120 }, (_, index) => `0:1-${index + 11}`));
  });

  it('shows of each what it was, the state and the error', async () => {
    const rig = await clinic();
    await note(rig, ann, 'one');
    await note(rig, ann, 'unthinkable', 'bad');
    await rig.settle(2);
    expect(await rig.within(rig.attend(0, { verb: 'show', at: '0:1-2' }))).toMatchObject({
      at: '0:1-2',
      actor: ann,
      id: 'bad',
      name: 'note',
      body: { text: 'unthinkable' },
      version: 1,
      stateHash: expect.stringMatching(/^.{22}$/) as string,
      error: expect.stringMatching(/cannot judge[^]*patient\.ts/) as string,
    });
    for (const at of ['0:1-1', '0:2-2', '3:1-2'])
      expect(await rig.within(rig.attend(0, { verb: 'show', at }))).toBe('dead-letter/unknown');
  });
});

describe('a retried command', () => {
  it('runs once, however often it is retried, and is gone from the list', async () => {
    const rig = await clinic();
    await note(rig, ann, 'unthinkable', 'bad');
    await rig.settle(2);
    cure();
    const replies = await Promise.all([retry(rig, '0:1-1'), retry(rig, '0:1-1')]);
    expect(replies).toEqual([{ noted: 'unthinkable' }, { noted: 'unthinkable' }]);
    rig.crash(0);
    await rig.start(0);
    expect(await retry(rig, '0:1-1')).toEqual({ noted: 'unthinkable' });
    expect(await texts(rig, ann)).toEqual(['unthinkable']);
    expect(await list(rig)).toEqual({ halted: [], letters: [] });
    expect((await note(rig, ann, 'unthinkable', 'bad'))?.code).toBe('runtime/quarantined');
    await rig.settle();
    await expectSoundLogs(rig);
  });

  it.each(['retry→0:1-1', 'retry 0:1-1'])(
    'is not blocked by a client with the id %j',
    async (id) => {
      const rig = await clinic();
      await note(rig, ann, 'unthinkable', 'bad');
      await note(rig, ann, 'mine', id);
      await rig.settle(2);
      cure();
      expect(await retry(rig, '0:1-1')).toEqual({ noted: 'unthinkable' });
      expect(await retry(rig, '0:1-1')).toEqual({ noted: 'unthinkable' });
      expect(await list(rig)).toEqual({ halted: [], letters: [] });
    },
  );

  it('gets its reply again if a host of an earlier version has retried it', async () => {
    const rig = await clinic();
    await note(rig, ann, 'unthinkable', 'bad');
    await rig.settle(2);
    cure();
    await rig.within(rig.submit(rig.open.get(0), { ...earlier, actor: ann }));
    expect(await list(rig)).toEqual({ halted: [], letters: [] });
    expect(await retry(rig, '0:1-1')).toEqual({ noted: 'unthinkable' });
    expect(await texts(rig, ann)).toEqual(['unthinkable']);
  });

  it('runs once even when its reply has long been forgotten', async () => {
    const windowMs = 300_000;
    const rig = await clinic({ limits: { windowMs, recentRepliesMax: 1, checkpointRecords: 1 } });
    await note(rig, ann, 'unthinkable', 'bad');
    await rig.settle(2);
    cure();
    await retry(rig, '0:1-1');
    for (let n = 0; n < 10; n++) {
      rig.clock.advance(windowMs / 5);
      await note(rig, bob, `${n}`, `id ${n}`);
      rig.open.get(0)?.tick();
      await rig.settle(20);
    }
    expect(await retry(rig, '0:1-1')).toBe('dead-letter/unknown');
    expect(await texts(rig, ann)).toEqual(['unthinkable']);
  });

  it('that fails again is a dead letter of its own, in the place of the first', async () => {
    const rig = await clinic();
    await note(rig, ann, 'indigestible', 'bad');
    await rig.settle(2);
    expect(await retry(rig, '0:1-1')).toBe('runtime/quarantined');
    expect(await list(rig)).toMatchObject({
      letters: [{ at: '0:1-2', name: 'note', id: 'retry→0:1-1' }],
    });
    cure();
    expect(await retry(rig, '0:1-1')).toBe('runtime/quarantined');
    expect(await retry(rig, '0:1-2')).toEqual({ noted: 'indigestible' });
    expect(await texts(rig, ann)).toEqual(['indigestible']);
    await rig.settle();
    await expectSoundLogs(rig);
  });

  it('waits for its actor, if that is halted', async () => {
    const rig = await clinic({ limits: { strikesMax: 0 } });
    await note(rig, ann, 'unthinkable', 'bad');
    await rig.settle(2);
    cure();
    expect(await retry(rig, '0:1-1')).toBe('runtime/halted');
    expect(await retryActor(rig, ann)).toMatchObject({ resumed: true, applied: 0, parked: 0 });
    expect(await retry(rig, '0:1-1')).toEqual({ noted: 'unthinkable' });
    await rig.settle();
    await expectSoundLogs(rig);
  });
});

describe('retried messages', () => {
  it('are applied in the order in which they came, and what comes after them after them', async () => {
    const rig = await clinic({ partitions: 4 });
    const senders = ['ann', 'cyd', 'dan', 'eve'].map((name) => actorKey('patient', name));
    for (const sender of senders) await tell(rig, sender, 'before', 'unthinkable', 'after');
    cure();
    await Promise.all([
      retryActor(rig, bob),
      ...senders.map((sender) => tell(rig, sender, 'last')),
    ]);
    const heard = (await texts(rig, bob)) as string[];
    expect(heard).toHaveLength(4 * senders.length);
    expect(await retryActor(rig, bob)).toMatchObject({ applied: 0, parked: 0 });
    await rig.settle();
    await expectSoundLogs(rig);
  });

  it('that fail again stay, with what follows them in their channel; others are applied', async () => {
    const rig = await clinic({ partitions: 4 });
    const cyd = ['cyd', 'dan', 'eve']
      .map((name) => actorKey('patient', name))
      .find((name) => rig.home(name) !== rig.home(ann));
    if (cyd === undefined) throw new Error('nobody lives elsewhere');
    await tell(rig, ann, 'indigestible', 'behind');
    await tell(rig, cyd, 'unthinkable', 'beside');
    illness.judgement.clear();
    expect(await retryActor(rig, bob)).toMatchObject({
      applied: 2,
      parked: 2,
      failed: [{ error: 'Error: cannot take "indigestible"' }],
    });
    expect(await texts(rig, bob)).toEqual(['unthinkable', 'beside']);
    cure();
    expect(await retryActor(rig, bob)).toMatchObject({ applied: 2, parked: 0, failed: [] });
    expect(await texts(rig, bob)).toEqual(['unthinkable', 'beside', 'indigestible', 'behind']);
    await rig.settle();
    await expectSoundLogs(rig);
  });

  it('of a halted actor are applied when it is let go on, hundreds of them', async () => {
    const rig = await clinic({ limits: { strikesMax: 0 } });
    await note(rig, bob, 'unthinkable');
    const all = Array.from({ length: 200 }, (_, index) => `${index}`);
    await tell(rig, ann, ...all);
    const retried = retryActor(rig, bob);
    await tell(rig, ann, 'last');
    expect(await retried).toMatchObject({ resumed: true, parked: 0, failed: [] });
    await rig.settle();
    expect(await texts(rig, bob)).toEqual([...all, 'last']);
    expect(await list(rig)).toMatchObject({ halted: [], letters: [{ kind: 'command' }] });
    await rig.settle();
    await expectSoundLogs(rig);
  });

  it.each(['a crash', 'a stop'])('are applied once and in order, with %s half-way', async (how) => {
    const rig = await clinic({ limits: { strikesMax: 0 } });
    await note(rig, bob, 'unthinkable');
    const all = Array.from({ length: 150 }, (_, index) => `${index}`);
    await tell(rig, ann, ...all);
    void retryActor(rig, bob);
    await rig.turns(3);
    if (how === 'a stop') await rig.within(rig.open.get(0)?.stop() ?? Promise.resolve());
    rig.crash(0);
    await rig.start(0);
    await retryActor(rig, bob);
    expect(await texts(rig, bob)).toEqual(all);
    await rig.settle();
    await expectSoundLogs(rig);
  });
});
