import { describe, expect, it } from 'vitest';
import type { Log } from '../../runtime/log.ts';
import type { Limits } from '../../runtime/limits.ts';
import { Gate } from './intercepted-log.ts';
import { Rig } from './rig.ts';

/** One partition with these limits, of which calls of one name to the store can be held back. */
async function gatedRig(limits: Partial<Limits>, call: keyof Log = 'append') {
  const gate = new Gate(call);
  gate.release();
  const rig = new Rig({ partitions: 1, limits, intercept: gate.intercept });
  const opened = await rig.start(0);
  return { rig, gate, opened };
}

const alice = (rig: Rig) => rig.purse('alice');
const put = (rig: Rig, id?: string) => rig.command(alice(rig), 'put', { coins: 1 }, id);
const lengthOf = async (rig: Rig): Promise<number> => (await rig.records(0)).length;

/** How a reply that must be there by now came out. */
const codeOf = async (rig: Rig, reply: Promise<{ code: string | undefined }>): Promise<unknown> => {
  const answered = await rig.within(reply);
  expect(answered).toBeDefined();
  return answered?.code;
};

describe('busy, and nothing appended,', () => {
  it.each([
    ['records', { stagedRecordsMax: 2 }],
    ['bytes', { stagedBytesMax: 300 }],
  ])('while too many %s wait for the log', async (_, limits) => {
    const { rig, gate } = await gatedRig(limits);
    await rig.within(put(rig));
    gate.shut();
    const taken = [put(rig), put(rig)];
    await rig.turns();
    expect(await codeOf(rig, put(rig))).toBe('runtime/busy');
    gate.release();
    for (const reply of taken) expect(await codeOf(rig, reply)).toBeUndefined();
    expect(await codeOf(rig, put(rig))).toBeUndefined();
    expect(await lengthOf(rig)).toBe(4);
  });

  it('while too many answers wait for their fence check: queries and commands', async () => {
    const { rig, gate } = await gatedRig({ readsMax: 2 }, 'check');
    await rig.within(put(rig));
    gate.shut();
    const taken = [rig.read(alice(rig), 'coins'), rig.read(alice(rig), 'coins')];
    await rig.turns();
    expect(await rig.within(rig.read(alice(rig), 'coins'))).toBe('runtime/busy');
    expect(await codeOf(rig, put(rig))).toBe('runtime/busy');
    gate.release();
    for (const reply of taken) expect(await rig.within(reply)).toEqual({ coins: 1 });
    expect(await codeOf(rig, put(rig))).toBeUndefined();
  });

  it('while too many requests wait for actors to be loaded: queries and commands', async () => {
    const { rig, gate } = await gatedRig({ loadingMax: 2 }, 'loadSnapshots');
    gate.shut();
    const taken = ['ann', 'bob'].map((name) => rig.command(rig.purse(name), 'put', { coins: 1 }));
    expect(await codeOf(rig, put(rig))).toBe('runtime/busy');
    expect(await rig.within(rig.read(alice(rig), 'coins'))).toBe('runtime/busy');
    gate.release();
    for (const reply of taken) expect(await codeOf(rig, reply)).toBeUndefined();
    expect(await codeOf(rig, put(rig))).toBeUndefined();
  });

  it('while the tail is too long, until a checkpoint has been taken', async () => {
    const { rig, opened } = await gatedRig({ tailRecordsMax: 3, checkpointRecords: 3 });
    for (let n = 0; n < 3; n++) expect(await codeOf(rig, put(rig))).toBeUndefined();
    expect(await codeOf(rig, put(rig))).toBe('runtime/busy');
    expect(await lengthOf(rig)).toBe(3);
    opened.tick();
    await rig.settle();
    expect(opened.status.checkpoint).toBe(3);
    expect(await codeOf(rig, put(rig))).toBeUndefined();
  });

  it('while too many commands are deferred, to commands that would be; others go on', async () => {
    const rig = new Rig({ limits: { pendingMax: 1 } });
    await rig.startAll();
    await rig.within(rig.command(alice(rig), 'put', { coins: 9 }));
    const away = rig.home(rig.purse('bob'));
    rig.crash(away);
    const give = (id: string) => rig.command(alice(rig), 'give', { to: 'bob', coins: 1 }, id);
    const first = give('first');
    await rig.settle(10);
    const before = (await rig.records(rig.home(alice(rig)))).length;
    expect(await codeOf(rig, give('second'))).toBe('runtime/busy');
    expect(await rig.records(rig.home(alice(rig)))).toHaveLength(before);
    expect(await codeOf(rig, put(rig))).toBeUndefined();
    await rig.start(away);
    expect(await codeOf(rig, first)).toBeUndefined();
    expect(await codeOf(rig, give('second'))).toBeUndefined();
  });

  it('to new ids when no more can be remembered; known ids and commands without one go on', async () => {
    const { rig } = await gatedRig({ idsMax: 2 });
    const first = await rig.within(put(rig, 'first'));
    await rig.within(put(rig, 'second'));
    expect(await codeOf(rig, put(rig, 'third'))).toBe('runtime/busy');
    expect(await lengthOf(rig)).toBe(2);
    expect(await rig.within(put(rig, 'first'))).toEqual(first);
    expect(await codeOf(rig, put(rig))).toBeUndefined();
  });

  it('to ids of commands that are still under way, as well as to those that are answered', async () => {
    const { rig, gate } = await gatedRig({ idsMax: 1 });
    await rig.within(put(rig));
    gate.shut();
    const first = put(rig, 'first');
    await rig.turns();
    const second = put(rig, 'second');
    gate.release();
    expect(await codeOf(rig, first)).toBeUndefined();
    expect(await codeOf(rig, second)).toBe('runtime/busy');
  });

  it('while too many repeats wait for their reply to be read from the log', async () => {
    const limits = { searchesMax: 1, recentRepliesMax: 0 };
    const { rig, gate } = await gatedRig(limits, 'entryAt');
    const first = await rig.within(put(rig, 'first'));
    await rig.within(put(rig, 'second'));
    gate.shut();
    const repeat = put(rig, 'first');
    await rig.turns();
    expect(await codeOf(rig, put(rig, 'second'))).toBe('runtime/busy');
    expect(await codeOf(rig, put(rig))).toBeUndefined();
    gate.release();
    expect(await rig.within(repeat)).toEqual(first);
    expect(await codeOf(rig, put(rig, 'second'))).toBeUndefined();
    expect(await lengthOf(rig)).toBe(3);
  });
});
