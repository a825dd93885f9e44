/** A trial balance comes to nothing at every consistent cut, with what is under way; and tells if not. */
import { beforeAll, expect, test } from 'vitest';
import type { ActorType } from '../../actors/actor.ts';
import { placedIn } from '../../tools/checkers/evidence.ts';
import { trialBalance, type TrialBalanceOptions } from '../../tools/balances/trial-balance.ts';
import { purse } from '../runtime/purse.ts';
import { Rig } from '../runtime/rig.ts';

let rig: Rig;
let sound: TrialBalanceOptions;
/** The times of all records. */
let times: readonly number[];

/** Purses give to each other across partitions while time goes on. */
beforeAll(async () => {
  rig = new Rig({ partitions: 4 });
  await rig.startAll();
  const send = (who: string, name: string, body: Record<string, string | number>) =>
    rig.within(rig.command(rig.purse(who), name, body));
  for (const who of ['ann', 'bob', 'cyd', 'dan']) await send(who, 'put', { coins: 50 });
  for (const to of ['bob', 'cyd', 'dan']) await send('ann', 'give', { to, coins: 5 });
  await send('cyd', 'send', { to: 'ann', coins: 7 });
  await rig.settle();
  const { log } = rig.store;
  const scales = { byAsset: {}, others: 0 };
  const whole = { partitions: 4, types: rig.types, scales, within: () => true };
  sound = { log, archive: rig.archive, ...whole };
  const logs = [0, 1, 2, 3].map(async (partition) =>
    placedIn({ partition, entries: await log.read(partition, 1, 1_000) }),
  );
  times = (await Promise.all(logs)).flat().map(({ record }) => record.time);
});

test('all that there is comes from outside', async () => {
  const { balanced, assets, actors, messagesUnderWay } = await trialBalance(sound);
  expect({ balanced, actors, messagesUnderWay }).toEqual({
    balanced: true,
    actors: 4,
    messagesUnderWay: 0,
  });
  expect(assets).toEqual({
    COIN: { lines: { purse: '200', 'deposits less withdrawals': '-200' }, sum: '0' },
  });
});

test('so it was at the time of every record', async () => {
  for (const time of new Set(times)) {
    const at = await trialBalance({ ...sound, within: ({ record }) => record.time <= time });
    expect(at).toMatchObject({ balanced: true, wrong: [] });
    expect(at.records).toBe(times.filter((each) => each <= time).length);
  }
});

test('value that is under way is a line of its own', async () => {
  const before = new Set(['put', 'sent']);
  const { balanced, assets, messagesUnderWay } = await trialBalance({
    ...sound,
    within: ({ record }) => (record.events ?? []).every(({ type }) => before.has(type)),
  });
  expect(messagesUnderWay).toBeGreaterThan(0);
  expect(balanced).toBe(true);
  expect(Object.keys(assets['COIN']?.lines ?? {})).toContainEqual(
    expect.stringMatching(/^under way: /),
  );
});

test('an actor that keeps less than it was given leaves the books unbalanced', async () => {
  const holdings: ActorType['holdings'] = (state) => {
    const held = purse.holdings(state);
    return held['COIN'] === '0' ? held : { COIN: '1' };
  };
  const ledger: ActorType['ledger'] = (state) => ({ purse: holdings(state) });
  const types = new Map(rig.types).set('purse', { ...purse, holdings, ledger });
  const { balanced, assets, wrong } = await trialBalance({ ...sound, types });
  expect({ balanced, wrong, sum: assets['COIN']?.sum }).toEqual({
    balanced: false,
    wrong: [],
    sum: '-196',
  });
});

test('a ledger that does not come to the holdings is told, with the actor', async () => {
  const types = new Map(rig.types).set('purse', { ...purse, ledger: () => ({}) });
  const { balanced, wrong } = await trialBalance({ ...sound, types });
  expect(balanced).toBe(false);
  expect(wrong[0]).toMatch(/^purse\/\w+: it owns \d+ COIN for nothing known$/);
});
