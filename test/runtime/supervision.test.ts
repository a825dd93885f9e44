import { beforeEach, describe, expect, it } from 'vitest';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { LogRecord } from '../../contracts/record.ts';
import { digest } from '../../contracts/json.ts';
import type { DeadLetter } from '../../runtime/log.ts';
import { Supervision } from '../../runtime/supervision.ts';
import { cure, illness } from './patient.ts';
import { Rig, type Answered } from './rig.ts';

beforeEach(() => {
  cure();
  illness.judgement.add('unthinkable');
  illness.machine.add('indigestible');
});

const ann = actorKey('patient', 'ann');
const bob = actorKey('patient', 'bob');
const poisons = ['unthinkable', 'indigestible'];

async function clinic(options: ConstructorParameters<typeof Rig>[0] = {}): Promise<Rig> {
  const rig = new Rig({ partitions: 1, ...options });
  await rig.startAll();
  return rig;
}

const note = (rig: Rig, who: ActorKey, text: string, id?: string): Promise<Answered | undefined> =>
  rig.within(rig.command(who, 'note', { text }, id));
const tell = (rig: Rig, from: ActorKey, text: string): Promise<Answered | undefined> =>
  rig.within(rig.command(from, 'tell', { to: 'bob', text }));
const texts = (rig: Rig, who: ActorKey): Promise<unknown> => rig.within(rig.read(who, 'texts'));
const strike = async (rig: Rig, who: ActorKey, times: number, text = 'unthinkable') => {
  for (let n = 0; n < times; n++) await note(rig, who, text, `strike ${n} ${rig.clock.now()}`);
};
const records = async (rig: Rig): Promise<LogRecord[]> =>
  (await rig.records(0)).map(({ record }) => record);
const letters = async (rig: Rig): Promise<readonly DeadLetter[]> => {
  await rig.settle(4);
  return rig.store.partitions(0).deadLetters;
};

/** With a checkpoint, so that nothing is left to be read from the log; or without. */
const takeOvers: [string, (rig: Rig) => Promise<unknown>][] = [
  ['a crash', async (rig) => rig.crash(0)],
  ['a stop', async (rig) => rig.within(rig.open.get(0)?.stop() ?? Promise.resolve())],
];

describe.each(poisons)('a command on which the actor fails (%s)', (poison) => {
  it('is refused, recorded with what it was, and changes nothing; the actor goes on', async () => {
    const rig = await clinic();
    await note(rig, ann, 'one');
    const refused = await note(rig, ann, poison, 'bad');
    expect(refused?.code).toBe('runtime/quarantined');
    expect(await note(rig, ann, poison, 'bad')).toEqual(refused);
    expect((await note(rig, ann, 'two'))?.code).toBeUndefined();
    expect(await texts(rig, ann)).toEqual(['one', 'two']);
    expect((await records(rig))[1]).toMatchObject({
      id: 'bad',
      version: 1,
      aside: { name: 'note', body: { text: poison } },
      failure: { error: expect.stringContaining(`"${poison}"`) as string },
    });
  });

  it('becomes a dead letter with the hash of the state, the error and the trace', async () => {
    const rig = await clinic();
    await note(rig, ann, 'one');
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    const body = { text: poison };
    await rig.within(
      rig.submit(rig.open.get(0), { actor: ann, name: 'note', body, id: 'bad', trace }),
    );
    await note(rig, ann, 'two');
    const state = JSON.stringify({ value: {}, context: { texts: ['one'], coins: 0 } });
    expect(await letters(rig)).toMatchObject([
      {
        at: { epoch: 1, position: 2 },
        actor: ann,
        version: 1,
        stateHash: digest(state),
        id: 'bad',
        payload: JSON.stringify({ name: 'note', body }),
        error: expect.stringContaining(`"${poison}"`) as string,
        trace,
      },
    ]);
  });
});

describe('strikes', () => {
  it('halt the actor alone, one beyond the limit; the others of its partition go on', async () => {
    const rig = await clinic({ limits: { strikesMax: 3 } });
    await note(rig, ann, 'one');
    await strike(rig, ann, 3);
    expect((await note(rig, ann, 'two'))?.code).toBeUndefined();
    await strike(rig, ann, 1);
    const refused = await note(rig, ann, 'three');
    expect(refused?.code).toBe('runtime/halted');
    expect(refused?.text).toContain('patient/ann is halted since it failed on 0:1-6');
    expect((await note(rig, bob, 'hello'))?.code).toBeUndefined();
    expect(await texts(rig, ann)).toEqual(['one', 'two']);
    expect(rig.halted).toEqual([]);
    expect(rig.reported.join('\n')).toContain('patient/ann is halted');
  });

  it('count distinct ids: one poison command, sent again and again, is one', async () => {
    const rig = await clinic({ limits: { strikesMax: 1 } });
    for (let n = 0; n < 5; n++) await note(rig, ann, 'unthinkable', 'the same');
    expect((await note(rig, ann, 'one'))?.code).toBeUndefined();

    const supervision = new Supervision({ limits: rig.limits });
    const failed = (id: string): LogRecord => ({
      time: 1,
      actor: ann,
      version: 0,
      id,
      failure: { error: 'no' },
    });
    for (let position = 1; position < 5; position++)
      supervision.evolve(failed('the same'), { epoch: 1, position });
    expect(supervision.isLastStraw(ann, 'the same', 2)).toBe(false);
    expect(supervision.isLastStraw(ann, 'another', 2)).toBe(true);
  });

  it('are forgotten after a while', async () => {
    const rig = await clinic({ limits: { strikesMax: 1, strikeWindowMs: 60_000 } });
    for (let n = 0; n < 5; n++) {
      await strike(rig, ann, 1);
      rig.clock.advance(60_001);
    }
    expect((await note(rig, ann, 'one'))?.code).toBeUndefined();
  });

  it('leave what was answered before a halt as it was: a repeat gets its reply', async () => {
    const rig = await clinic({ limits: { strikesMax: 0 } });
    const first = await note(rig, ann, 'one', 'early');
    await strike(rig, ann, 1);
    expect(await note(rig, ann, 'one', 'early')).toEqual(first);
    expect((await note(rig, ann, 'two', 'late'))?.code).toBe('runtime/halted');
  });

  it.each(takeOvers)('and halts are known to the next owner after %s', async (_, leave) => {
    const rig = await clinic({ limits: { strikesMax: 1 } });
    await strike(rig, ann, 1);
    await strike(rig, bob, 2);
    await leave(rig);
    await rig.start(0);
    expect((await note(rig, bob, 'hello'))?.code).toBe('runtime/halted');
    expect((await note(rig, ann, 'one'))?.code).toBeUndefined();
    await strike(rig, ann, 1);
    expect((await note(rig, ann, 'two'))?.code).toBe('runtime/halted');
  });
});

describe.each(poisons)('a message on which the actor fails (%s)', (poison) => {
  it('is parked, what follows it in its channel too, and commands go on', async () => {
    const rig = await clinic();
    for (const text of ['one', poison, 'three']) await tell(rig, ann, text);
    expect((await note(rig, bob, 'noted'))?.code).toBeUndefined();
    await rig.settle();
    expect(await texts(rig, bob)).toEqual(['one', 'noted']);
    expect(rig.halted).toEqual([]);
    const parked = (await records(rig)).filter((record) => record.aside);
    expect(parked).toMatchObject([
      {
        aside: { name: 'say', body: { text: poison }, value: { COIN: '1' } },
        failure: { error: expect.stringContaining(poison) as string },
        from: { n: 2 },
      },
      { aside: { name: 'say', body: { text: 'three' }, value: { COIN: '1' } }, from: { n: 3 } },
    ]);
    expect(parked[1]).not.toHaveProperty('failure');
    expect(await letters(rig)).toMatchObject([{ actor: bob, id: '' }]);
  });

  it('does not hold up the messages of other partitions, nor those to other actors', async () => {
    const rig = await clinic({ partitions: 4 });
    const names = ['ann', 'cyd', 'dan', 'eve', 'fay'].map((name) => actorKey('patient', name));
    const elsewhere = names.find((name) => rig.home(name) !== rig.home(ann)) ?? ann;
    await tell(rig, ann, poison);
    await rig.settle();
    await tell(rig, ann, 'behind');
    await tell(rig, elsewhere, 'beside');
    await rig.within(rig.command(ann, 'tell', { to: 'gus', text: 'hello' }));
    await rig.settle();
    expect(await texts(rig, bob)).toEqual(['beside']);
    expect(await texts(rig, actorKey('patient', 'gus'))).toEqual(['hello']);
  });

  it.each(takeOvers)('stays parked after %s, and so does what follows', async (_, leave) => {
    const rig = await clinic();
    await tell(rig, ann, poison);
    await rig.settle();
    await leave(rig);
    cure();
    await rig.start(0);
    await tell(rig, ann, 'behind');
    await rig.settle();
    expect(await texts(rig, bob)).toEqual([]);
    expect(rig.open.get(0)?.status).toMatchObject({ parkedMessages: 2 });
  });
});

describe('messages to a halted actor', () => {
  it('are parked without being judged; the channel goes on', async () => {
    const rig = await clinic({ limits: { strikesMax: 0 } });
    await strike(rig, bob, 1);
    await tell(rig, ann, 'to the halted');
    await rig.within(rig.command(ann, 'tell', { to: 'gus', text: 'hello' }));
    await rig.settle();
    expect(await texts(rig, actorKey('patient', 'gus'))).toEqual(['hello']);
    expect(await texts(rig, bob)).toEqual([]);
    expect(rig.open.get(0)?.status).toMatchObject({ haltedActors: [bob], parkedMessages: 1 });
  });

  it('wait in their channel once too many are parked, and none is lost', async () => {
    const rig = await clinic({ limits: { strikesMax: 0, parkedMessagesMax: 2 } });
    await strike(rig, bob, 1);
    for (const text of ['one', 'two', 'three', 'four']) await tell(rig, ann, text);
    await rig.settle();
    expect(rig.open.get(0)?.status).toMatchObject({ parkedMessages: 2 });
    expect((await records(rig)).filter((record) => record.aside && record.from)).toHaveLength(2);
    expect(rig.halted).toEqual([]);
  });
});

describe('a dead letter', () => {
  it('that its owner did not live to write is written by the next', async () => {
    let broken = true;
    const rig = await clinic({
      intercept: async (call, carryOut) => {
        if (call === 'addDeadLetter' && broken) throw new Error('the connection broke');
        return carryOut();
      },
    });
    await note(rig, ann, 'unthinkable', 'bad');
    expect(await letters(rig)).toEqual([]);
    rig.crash(0);
    await rig.start(0);
    await note(rig, ann, 'unthinkable', 'worse');
    await rig.within(rig.open.get(0)?.stop() ?? Promise.resolve());
    expect(await letters(rig)).toEqual([]);
    broken = false;
    await rig.start(0);
    expect(await letters(rig)).toMatchObject([
      { at: { epoch: 1, position: 1 }, id: 'bad' },
      { at: { epoch: 2, position: 2 }, id: 'worse' },
    ]);
  });
});
