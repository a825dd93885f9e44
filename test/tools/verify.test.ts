/** A build that would do otherwise than the log says is caught, at the record where it begins. */
import { beforeAll, expect, test } from 'vitest';
import type { ActorType } from '../../actors/actor.ts';
import { accept } from '../../actors/actor.ts';
import { verify, type VerifyOptions } from '../../tools/verify/verify.ts';
import { purse } from '../runtime/purse.ts';
import { Rig } from '../runtime/rig.ts';

let sound: VerifyOptions;
let rig: Rig;

/** Purses give to each other across partitions, some deferred; all of it is in the log. */
beforeAll(async () => {
  rig = new Rig({ partitions: 4, keepCommands: true, limits: { checkpointRecords: 2 } });
  await rig.startAll();
  const send = (who: string, name: string, body: Record<string, string | number>) =>
    rig.within(rig.command(rig.purse(who), name, body));
  for (const who of ['ann', 'bob', 'cyd', 'dan']) await send(who, 'put', { coins: 50 });
  for (const to of ['bob', 'cyd', 'dan']) await send('ann', 'give', { to, coins: 5 });
  await send('cyd', 'send', { to: 'ann', coins: 70 });
  await send('dan', 'promise', { to: 'bob', coins: 2, inMs: 40 });
  await rig.settle();
  for (const partition of rig.open.values()) partition.tick();
  await rig.settle();
  const { log } = rig.store;
  sound = { log, archive: rig.archive, partitions: 4, types: rig.types };
});

/** A build whose purses are so; the rest of it is as this one. */
const withPurse = (change: Partial<ActorType>): VerifyOptions => ({
  ...sound,
  against: rig.types,
  types: new Map(rig.types).set('purse', { ...purse, ...change }),
});

test('the build that wrote a log does the same again, command for command', async () => {
  const { judged, unknown, snapshots, differences, first } = await verify(sound);
  expect({ unknown, differences, first }).toEqual({ unknown: 0, differences: 0, first: [] });
  expect(judged).toBeGreaterThan(12);
  expect(snapshots).toBeGreaterThan(3);
});

test('one partition alone is verified with the messages of the others', async () => {
  const whole = await verify(sound);
  const parts = await Promise.all(
    [0, 1, 2, 3].map((partition) => verify({ ...sound, only: new Set([partition]) })),
  );
  expect(parts.flatMap(({ first }) => first)).toEqual([]);
  expect(parts.reduce((sum, { judged }) => sum + judged, 0)).toBe(whole.judged);
});

test('a changed judgement is told with what it decides and what was recorded', async () => {
  const decide: ActorType['decide'] = (state, command, context) => {
    const decision = purse.decide(state, command, context);
    const [event] = decision.events;
    return event?.type === 'put' ? accept([event], { more: true }) : decision;
  };
  const { differences, first } = await verify(withPurse({ decide }));
  expect(differences).toBe(4);
  expect(first[0]).toMatch(
    /^\d:1-1 \(purse\/\w+\): the actor decides .*"more":true.*, the log has .*"coins":50/,
  );
});

test('a machine that comes to another state is told at the record where it begins', async () => {
  const start: ActorType['start'] = (saved) => {
    const instance = purse.start(saved);
    return {
      get value() {
        return instance.value;
      },
      get context() {
        return instance.context;
      },
      evolve: (event) => instance.evolve(event),
      save: () => {
        const { value, context } = instance.save();
        return { value, context: { ...Object(context), color: 'red' } };
      },
      text: () => instance.text(),
    };
  };
  const { first } = await verify(withPurse({ start }));
  expect(first[0]).toMatch(/^\d:1-1 .* its state has the hash .* instead of /);
  expect(first).toContainEqual(expect.stringMatching(/replay gives .* a snapshot has/));
});

test('a machine that refuses a recorded event is told', async () => {
  const start: ActorType['start'] = (saved) => {
    const instance = purse.start(saved);
    const evolve: typeof instance.evolve = (event) => {
      if (event.type === 'received') throw new Error('no presents');
      instance.evolve(event);
    };
    return {
      value: instance.value,
      context: instance.context,
      evolve,
      save: () => instance.save(),
      text: () => instance.text(),
    };
  };
  const { first } = await verify(withPurse({ start }));
  expect(first[0]).toMatch(/its events do not fit: Error: no presents/);
});

/** What hosts say that they have in memory of each actor. */
const inMemory = (version: number): VerifyOptions => ({
  ...sound,
  live: async (_, [actor = '', ...rest]) => ({
    states: [{ actor, version, hash: 'another' }],
    rest,
    large: [],
  }),
});

test('a state in memory that is not what the log makes is told', async () => {
  const { differences, first } = await verify(inMemory(1));
  expect(differences).toBe(4);
  expect(first).toContainEqual(
    expect.stringMatching(/^purse\/\w+: its host has version 1 in memory, its log \d$/),
  );
  const versions = await Promise.all([2, 3, 4].map((version) => verify(inMemory(version))));
  expect(versions.flatMap(({ first: found }) => found)).toContainEqual(
    expect.stringMatching(/: replay gives version \d the hash \S+, in memory it has another$/),
  );
});

test('a state in memory that never comes in the log is told', async () => {
  const { first } = await verify(inMemory(99));
  expect(first).toContainEqual(
    expect.stringMatching(/has version 99 in memory, which is not in the log$/),
  );
});

test('hosts that do not answer are told, and are no difference', async () => {
  const live = () => Promise.reject(new Error('nobody is there'));
  const { differences, live: compared, notes } = await verify({ ...sound, live });
  expect({ differences, compared }).toEqual({ differences: 0, compared: 0 });
  expect(notes).toContain('not compared with what is in memory: nobody is there');
});

test('a purse that owns coins for nothing known is told', async () => {
  const types = new Map(rig.types).set('purse', { ...purse, ledger: () => ({}) });
  const { first } = await verify({ ...sound, types });
  expect(first).toContainEqual(
    expect.stringMatching(/^purse\/\w+: it owns \d+ COIN for nothing known$/),
  );
});

test('a log whose beginning is nowhere cannot be verified, and that is said', async () => {
  const read: VerifyOptions['log']['read'] = async (partition, position, count) =>
    (await rig.store.log.read(partition, position, count)).filter((entry) => entry.position > 1);
  const { loadSnapshots } = rig.store.log;
  await expect(verify({ ...sound, log: { read, loadSnapshots } })).rejects.toThrow(
    /record 1 is not there, its log goes on with 2/,
  );
});
