import { describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { rogue, rogueLimits, waysToMisbehave } from './rogue.ts';
import { Rig } from './rig.ts';

const rob = actorKey('rogue', 'rob');

async function rogueRig(): Promise<Rig> {
  const rig = new Rig({ partitions: 1, limits: rogueLimits });
  await rig.start(0);
  return rig;
}

const note = (rig: Rig, text: string) => rig.within(rig.command(rob, 'note', { text }));
const notes = (rig: Rig) => rig.within(rig.read(rob, 'notes'));

describe('a decision that cannot become a record', () => {
  it.each(waysToMisbehave)('(%s) is quarantined and changes nothing', async (how) => {
    const rig = await rogueRig();
    await note(rig, 'one');
    const misbehave = () => rig.within(rig.command(rob, 'misbehave', { how }, 'bad'));
    const refused = await misbehave();
    expect(refused?.code).toBe('runtime/quarantined');
    expect(await notes(rig)).toEqual(['one']);
    expect((await note(rig, 'two'))?.code).toBeUndefined();

    rig.crash(0);
    await rig.start(0);
    expect(await notes(rig)).toEqual(['one', 'two']);
    expect(await misbehave()).toEqual(refused);
    expect((await note(rig, 'three'))?.code).toBeUndefined();
    expect(rig.halted).toEqual([]);

    const records = (await rig.records(0)).map(({ record }) => record);
    expect(records.map(({ version }) => version)).toEqual([1, 1, 2, 3]);
    expect(records[1]).toMatchObject({ id: 'bad', reply: { ok: false } });
    expect(records[1]).not.toHaveProperty('events');
    expect(records[1]).not.toHaveProperty('out');
  });

  it('leaves the ways of messages as they were: the next one has the next number', async () => {
    const rig = await rogueRig();
    const [alice, bob] = [rig.purse('alice'), rig.purse('bob')];
    await rig.within(rig.command(alice, 'put', { coins: 5 }));
    await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }));
    await rig.within(rig.command(rob, 'misbehave', { how: 'a message that is too large' }));
    await rig.within(rig.command(alice, 'send', { to: 'bob', coins: 1 }));
    await rig.settle();
    expect(await rig.within(rig.read(bob, 'coins'))).toEqual({ coins: 2 });
  });
});

describe('a dead letter', () => {
  it.each([
    ['judgement', 'crash-judgement', /this judgement always fails/],
    ['the machine', 'crash-machine', /could not take the events/],
  ])('is written when %s fails, with the command and the error', async (_, name, error) => {
    const rig = new Rig({ partitions: 1 });
    await rig.start(0);
    const actor = rig.purse('alice');
    await rig.within(rig.command(actor, name, {}, 'bad'));
    await rig.settle(2);
    expect(rig.store.partitions(0).deadLetters).toEqual([
      {
        at: { epoch: 1, position: 1 },
        time: (await rig.records(0))[0]?.record.time,
        actor,
        version: 0,
        stateHash: expect.stringMatching(/^.{22}$/) as string,
        id: 'bad',
        payload: JSON.stringify({ name, body: {} }),
        error: expect.stringMatching(error) as string,
        trace: '',
      },
    ]);
    await rig.within(rig.command(actor, name, {}, 'bad'));
    expect(rig.store.partitions(0).deadLetters).toHaveLength(1);
  });

  it('that cannot be written stops nothing: the refusal in the log is what counts', async () => {
    const rig = new Rig({
      partitions: 1,
      intercept: async (call, carryOut) => {
        if (call === 'addDeadLetter') throw new Error('the connection broke');
        return carryOut();
      },
    });
    await rig.start(0);
    const refused = await rig.within(rig.command(rig.purse('alice'), 'crash-judgement'));
    expect(refused?.code).toBe('runtime/quarantined');
    expect(rig.halted).toEqual([]);
  });
});

describe('a live statechart', () => {
  it('refuses an event that its state does not take, and is as it was', () => {
    const instance = rogue.start();
    instance.evolve({ type: 'noted', text: 'one' });
    expect(() => instance.evolve({ type: 'impossible' })).toThrow(
      /in state ".*" the machine cannot take the event "impossible"/,
    );
    expect(instance.save().context).toEqual({ notes: ['one'] });
  });
});
