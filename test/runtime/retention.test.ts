import { describe, expect, it } from 'vitest';
import type { Limits } from '../../runtime/limits.ts';
import type { Partition } from '../../runtime/partition.ts';
import { HostRig } from './host-rig.ts';
import { Gate } from './intercepted-log.ts';
import { Rig, type Answered, type RigOptions } from './rig.ts';

const limits: Partial<Limits> = {
  retainBytesMax: 4_000,
  replyWindowMs: 1_000,
  checkpointRecords: 5,
  recentRepliesMax: 1,
};

/** One partition with a log that may be 4,000 long, which is about twenty deposits. */
async function opened(options: RigOptions = {}): Promise<{ rig: Rig; owner: Partition }> {
  const rig = new Rig({ partitions: 1, limits, ...options });
  return { rig, owner: await rig.start(0) };
}

/** Deposits, each in a group of its own, with the housekeeping of a host between them. */
async function deposit(rig: Rig, count: number): Promise<(Answered | undefined)[]> {
  const answers: (Answered | undefined)[] = [];
  for (let n = 0; n < count; n++) {
    const asked = rig.command(rig.purse('ann'), 'put', { coins: 1 }, `id-${++deposits}`);
    answers.push(await rig.within(asked));
    await keepHouse(rig, 1);
  }
  return answers;
}
let deposits = 0;

/** What a host does several times a second; everything published has arrived. */
async function keepHouse(rig: Rig, times = 20): Promise<void> {
  for (let time = 0; time < times; time++) {
    const owner = rig.open.get(0);
    owner?.publisher.confirm(owner.publisher.published);
    owner?.tick();
    await rig.settle(4);
  }
}

const lengthOf = async (rig: Rig): Promise<number> =>
  (await rig.store.log.read(0, 1, 1_000)).reduce((sum, { records }) => sum + records.length, 0);
const firstOf = async (rig: Rig): Promise<number | undefined> =>
  (await rig.store.log.read(0, 1, 1))[0]?.position;
const coins = (rig: Rig): Promise<unknown> => rig.within(rig.read(rig.purse('ann'), 'coins'));

/** Every record is in the archive or in the log. */
async function expectWhole(rig: Rig, count: number): Promise<void> {
  const positions = (await rig.records(0)).map(({ position }) => position);
  expect(positions).toEqual(Array.from({ length: count }, (_, i) => i + 1));
}

describe('a message that its receiver does not take', () => {
  const small = { ...limits, tailRecordsMax: 20 };

  async function sentTwice(different: Partial<Limits> = {}) {
    let blocked = true;
    const rig = new Rig({
      partitions: 2,
      limits: { ...small, ...different },
      carry: async (_, carryOut) => {
        if (blocked) throw new Error('the way is blocked');
        return carryOut();
      },
    });
    await rig.startAll();
    const home = rig.home(rig.purse('ann'));
    const far = Array.from({ length: 8 }, (_, n) => `far${n}`).find(
      (name) => rig.home(rig.purse(name)) !== home,
    );
    if (far === undefined) throw new Error('all live together');
    const put = (n: number) =>
      rig.within(rig.command(rig.purse('ann'), 'put', { coins: 1 }, `${n}`));
    await put(0);
    await put(1);
    for (let n = 0; n < 2; n++)
      await rig.within(rig.command(rig.purse('ann'), 'send', { to: far, coins: 1 }));
    for (let n = 2; n < 120; n++) {
      await put(n);
      const owner = rig.open.get(home);
      owner?.publisher.confirm(owner.publisher.published);
      owner?.tick();
      await rig.settle(4);
    }
    const entries = await rig.store.log.read(home, 1, 1_000);
    const unblock = (): void => void (blocked = false);
    return { rig, home, far: rig.purse(far), first: entries[0]?.position ?? 0, unblock };
  }

  it('is kept in the checkpoint, and not for ever in the log', async () => {
    const { rig, home, far, first, unblock } = await sentTwice();
    expect(first).toBeGreaterThan(50);
    rig.crash(home);
    await rig.start(home);
    unblock();
    rig.clock.advance(2_000);
    await rig.settle(60);
    expect(await rig.within(rig.read(far, 'coins'))).toEqual({ coins: 2 });
    expect(rig.halted).toEqual([]);
  });

  it('is kept in the log if all that are not taken are too much for a checkpoint', async () => {
    const { rig, home, far, first, unblock } = await sentTwice({ savedMessagesBytesMax: 10 });
    expect(first).toBeLessThan(5);
    rig.crash(home);
    await rig.start(home);
    unblock();
    rig.clock.advance(2_000);
    await rig.settle(60);
    expect(await rig.within(rig.read(far, 'coins'))).toEqual({ coins: 2 });
  });
});

describe('a log that is longer than it may be', () => {
  it('stays near its limit for ever, and what has left it is in the archive', async () => {
    const { rig, owner } = await opened();
    let longest = 0;
    for (let round = 0; round < 20; round++) {
      await deposit(rig, 10);
      longest = Math.max(longest, await lengthOf(rig));
      expect(owner.status.logBytes).toBe(await lengthOf(rig));
    }
    expect(longest).toBeLessThan(6_000);
    expect(await firstOf(rig)).toBeGreaterThan(150);
    await expectWhole(rig, 200);
    expect(rig.halted).toEqual([]);
  });

  it('is left alone while it is not', async () => {
    const { rig } = await opened({ limits: { ...limits, retainBytesMax: 1_000_000 } });
    await deposit(rig, 40);
    await keepHouse(rig);
    expect(await firstOf(rig)).toBe(1);
    expect(await rig.archive.read(0, 1)).toEqual([]);
  });

  it('answers a repeat byte for byte while the reply is in it, then with where it stood', async () => {
    const { rig } = await opened();
    const began = deposits;
    const answers = await deposit(rig, 60);
    const repeat = (nth: number) =>
      rig.within(rig.command(rig.purse('ann'), 'put', { coins: 1 }, `id-${began + nth}`));
    const first = (await firstOf(rig)) ?? 0;
    expect(await repeat(first)).toEqual(answers[first - 1]);
    const gone = await repeat(first - 1);
    expect(gone?.code).toBe('runtime/already-applied');
    expect(JSON.parse(gone?.text ?? '')).toMatchObject({ ok: false, at: `0:1-${first - 1}` });
    expect(await coins(rig)).toEqual({ coins: 60 });
  });

  it('is recovered from, and counted right, after a stop and after a crash', async () => {
    const { rig } = await opened();
    for (const end of ['stop', 'crash', 'crash'] as const) {
      await deposit(rig, 33);
      if (end === 'stop') await rig.within(rig.open.get(0)?.stop() ?? Promise.resolve());
      rig.crash(0);
      const next = await rig.start(0);
      await deposit(rig, 20);
      const length = await lengthOf(rig);
      expect(next.status.logBytes).toBeGreaterThan(length * 0.9);
      expect(next.status.logBytes).toBeLessThan(length * 1.1);
    }
    expect(await coins(rig)).toEqual({ coins: 159 });
    await expectWhole(rig, 159);
  });

  it('is counted right although its last owner trimmed it after the last checkpoint', async () => {
    const gate = new Gate('trim');
    const { rig } = await opened({ intercept: gate.intercept });
    await deposit(rig, 100);
    const before = await lengthOf(rig);
    gate.release();
    await keepHouse(rig);
    expect(await lengthOf(rig)).toBeLessThan(before / 4);
    rig.crash(0);
    const next = await rig.start(0);
    expect(next.status.logBytes).toBeGreaterThan(before * 0.9);
    await keepHouse(rig);
    expect(next.status.logBytes).toBeLessThan((await lengthOf(rig)) * 1.2);
    expect(next.status.logBytes).toBeGreaterThan((await lengthOf(rig)) * 0.8);
    await expectWhole(rig, 100);
  });
});

describe('a record stays in the log', () => {
  it('until there are two checkpoints from which recovery does not need it', async () => {
    const { rig, owner } = await opened({ limits: { ...limits, checkpointRecords: 40 } });
    await deposit(rig, 60);
    expect(owner.status.checkpoint).toBeGreaterThan(0);
    expect(await firstOf(rig)).toBe(1);
    await deposit(rig, 40);
    const first = (await firstOf(rig)) ?? 0;
    expect(first).toBeGreaterThan(1);
    expect(first).toBeLessThanOrEqual(owner.status.checkpoint - 38);
  });

  it('until its reply is as old as the reply window', async () => {
    const { rig } = await opened({ limits: { ...limits, replyWindowMs: 600_000 } });
    await deposit(rig, 60);
    await keepHouse(rig);
    expect(await firstOf(rig)).toBe(1);
    rig.clock.advance(600_000);
    await deposit(rig, 1);
    await keepHouse(rig);
    expect(await firstOf(rig)).toBeGreaterThan(30);
  });

  it('until its events are known to be published', async () => {
    const { rig, owner } = await opened();
    for (let n = 0; n < 60; n++) {
      await rig.within(rig.command(rig.purse('ann'), 'put', { coins: 1 }));
      owner.tick();
      await rig.settle(4);
    }
    expect(await firstOf(rig)).toBe(1);
    owner.publisher.confirm(30);
    for (let n = 0; n < 20; n++) {
      owner.tick();
      await rig.settle(4);
    }
    expect(await firstOf(rig)).toBe(31);
  });

  it('until its messages are acknowledged', async () => {
    const rig = new Rig({ partitions: 2, limits });
    const [home, away] = ['ann', 'bob', 'cyd', 'dan']
      .map((name) => rig.purse(name))
      .toSorted((one, other) => rig.home(one) - rig.home(other))
      .filter((one, index, all) => index === 0 || rig.home(one) !== rig.home(all[0] ?? one));
    if (home === undefined || away === undefined) throw new Error('all purses live together');
    const owner = await rig.start(0);
    const ask = (name: string, body: { coins: number; to?: string }) =>
      rig.within(rig.command(home, name, body));
    await ask('put', { coins: 100 });
    await ask('send', { coins: 1, to: away.split('/')[1] ?? '' });
    for (let n = 0; n < 60; n++) {
      await ask('put', { coins: 1 });
      await keepHouse(rig, 1);
    }
    expect(await firstOf(rig)).toBeLessThanOrEqual(2);
    await rig.start(1);
    for (let n = 0; n < 60; n++) {
      await ask('put', { coins: 1 });
      await keepHouse(rig, 1);
    }
    expect(owner.status.position).toBeGreaterThan(100);
    expect(await firstOf(rig)).toBeGreaterThan(60);
  });

  it('until it is archived: a failing archive is told of once, and tried again', async () => {
    let failing = true;
    const { rig } = await opened({
      archive: (archive) => ({
        ...archive,
        write: async (partition, entries) => {
          if (failing) throw new Error('no space left on device');
          await archive.write(partition, entries);
        },
      }),
    });
    await deposit(rig, 40);
    await keepHouse(rig, 40);
    expect(await firstOf(rig)).toBe(1);
    expect(rig.reported).toEqual([expect.stringMatching(/archived.*no space left on device/)]);
    failing = false;
    await keepHouse(rig, 40);
    expect(await firstOf(rig)).toBeGreaterThan(10);
    await expectWhole(rig, 40);
  });

  it('and when too much waits for a failing archive commands get busy, until it has been written', async () => {
    let failing = true;
    const { rig } = await opened({
      limits: { ...limits, untrimmedBytesMax: 8_000 },
      archive: (archive) => ({
        ...archive,
        write: async (partition, entries) => {
          if (failing) throw new Error('no space left on device');
          await archive.write(partition, entries);
        },
      }),
    });
    const answers = await deposit(rig, 100);
    expect(answers.at(-1)?.code).toBe('runtime/busy');
    expect(await lengthOf(rig)).toBeLessThan(11_000);
    const { coins: kept } = (await coins(rig)) as { coins: number };
    expect(answers.filter((answer) => answer?.code === undefined)).toHaveLength(kept);
    failing = false;
    await keepHouse(rig, 40);
    const [again] = await deposit(rig, 1);
    expect(again?.code).toBeUndefined();
    expect(await coins(rig)).toEqual({ coins: kept + 1 });
  });

  it('when its owner is no longer the owner', async () => {
    const gate = new Gate('trim');
    const { rig } = await opened({ intercept: gate.intercept });
    await deposit(rig, 40);
    expect(gate.held).toBe(1);
    await rig.start(0);
    gate.release();
    await rig.settle();
    expect(await firstOf(rig)).toBe(1);
    expect(rig.halted).toEqual([]);
  });
});

describe('a consumer group', () => {
  it('holds the log until that is twice as long as it may be, then is left behind and told of', async () => {
    const { rig, owner } = await opened();
    await rig.store.groupReads.open('slow', 1, 'start');
    await deposit(rig, 30);
    expect(await firstOf(rig)).toBe(1);
    expect(owner.status).not.toHaveProperty('leftBehind');
    await deposit(rig, 60);
    await keepHouse(rig, 40);
    expect(await firstOf(rig)).toBeGreaterThan(30);
    expect(await lengthOf(rig)).toBeLessThanOrEqual(8_000);
    expect(await lengthOf(rig)).toBeGreaterThan(7_000);
    expect(owner.status.leftBehind).toEqual(['slow']);
    expect(rig.reported).toEqual([
      expect.stringMatching(/"slow" lags so far.*: "millrace groups remove slow"$/),
    ]);
    await expectWhole(rig, 90);
  });

  it('is told of also if the answer to what left it behind is lost', async () => {
    let lost = false;
    const { rig } = await opened({
      intercept: async (call, carryOut) => {
        const outcome = await carryOut();
        // Nothing but that takes out what the group needs.
        if (lost || call !== 'trim' || (await firstOf(rig)) === 1) return outcome;
        lost = true;
        throw new Error('the connection is lost');
      },
    });
    await rig.store.groupReads.open('slow', 1, 'start');
    for (let n = 0; n < 90 && !lost; n++) await deposit(rig, 1);
    expect(rig.reported).toContainEqual(expect.stringMatching(/"slow" lags so far/));
  });
});

describe('a consumer group that is made while another is left behind', () => {
  it('is told of before more leaves the log', async () => {
    const cuts: string[][] = [];
    const rig: Rig = new Rig({
      partitions: 1,
      limits,
      intercept: async (call, carryOut) => {
        const told = rig.reported.flatMap((line) => /"(.*)" lags/.exec(line)?.[1] ?? []);
        if (call === 'trim' && told.length > 0) {
          if (cuts.length === 0) await rig.store.groupReads.open('late', 1, 'start');
          cuts.push(told);
        }
        return carryOut();
      },
    });
    await rig.start(0);
    await rig.store.groupReads.open('slow', 1, 'start');
    for (let n = 0; n < 120 && cuts.length < 2; n++) await deposit(rig, 1);
    expect(cuts.slice(0, 2)).toEqual([['slow'], ['slow', 'late']]);
  });
});

describe('a host without an archive', () => {
  it('says once that its logs grow for ever', async () => {
    const rig = new HostRig();
    await rig.start('one');
    const told = rig.reported.filter((line) => line.includes('never trimmed'));
    expect(told).toHaveLength(1);
  });
});
