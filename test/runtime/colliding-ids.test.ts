/** Two ids with one fingerprint: who looks one of them up finds the other's record, too. */
import { expect, test } from 'vitest';
import { IdTable } from '../../runtime/id-table.ts';
import type { Intercept } from './intercepted-log.ts';
import { Rig } from './rig.ts';

/** They collide for this actor under the rig's seed; found by a search through some 2^27 ids. */
const [one, other] = ['DPhMgqSBQGA', 'wRMAO1hwbAp'];
const seed = 7;

const coinsOf = (rig: Rig) => rig.within(rig.read(rig.purse('alice'), 'coins'));

test('they have one fingerprint', () => {
  const table = new IdTable(seed);
  const [print, same] = [one, other].map((id) => table.fingerprint('purse/alice', id));
  expect(print).toEqual(same);
});

test.each([
  ['from memory', {}],
  ['from the log', { recentRepliesMax: 0 }],
])('both are carried out once, and repeats get their own replies, %s', async (_, limits) => {
  const rig = new Rig({ partitions: 1, limits });
  await rig.start(0);
  const put = (id: string, coins: number) => rig.command(rig.purse('alice'), 'put', { coins }, id);
  const both = () => rig.within(Promise.all([put(one, 1), put(other, 2), put(one, 1)]));
  const first = await both();
  expect(first?.map(({ text }) => (JSON.parse(text) as { at: string }).at)).toEqual([
    '0:1-1',
    '0:1-2',
    '0:1-1',
  ]);
  expect(await both()).toEqual(first);
  expect((await rig.within(put(other, 1)))?.code).toBe('runtime/id-conflict');
  rig.crash(0);
  await rig.start(0);
  expect(await both()).toEqual(first);
  expect(await coinsOf(rig)).toEqual({ coins: 3 });
});

test('a repeat that was looked up for long is not carried out although the first was meanwhile', async () => {
  const held: (() => void)[] = [];
  let holds = false;
  const intercept: Intercept = async (call, carryOut) => {
    if (call === 'entryAt' && holds) await new Promise<void>((proceed) => held.push(proceed));
    return carryOut();
  };
  const rig = new Rig({ partitions: 1, limits: { recentRepliesMax: 0 }, intercept });
  await rig.start(0);
  const put = (id: string) => rig.command(rig.purse('alice'), 'put', { coins: 1 }, id);
  // More than the groups that are kept of those that were read.
  const others = ['a', 'b', 'c', 'd', 'e'];
  for (const id of [other, ...others]) await rig.within(put(id));
  holds = true;
  const first = put(one);
  const between = others.map((id) => put(id));
  const repeat = put(one);
  await rig.settle(2);
  held.shift()?.();
  const told = await rig.within(first);
  holds = false;
  for (const proceed of held) proceed();
  expect(await rig.within(repeat)).toEqual(told);
  await rig.within(Promise.all(between));
  expect(await coinsOf(rig)).toEqual({ coins: 7 });
});
