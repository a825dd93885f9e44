import { describe, expect, it } from 'vitest';
import type { Host, HostOptions } from '../../runtime/host.ts';
import type { Leases } from '../../runtime/leases.ts';
import type { Log } from '../../runtime/log.ts';
import { HostRig, mappedSubject, partitionOfPurse, replacing, settings } from './host-rig.ts';

const purses = Array.from({ length: 24 }, (_, n) => `p${n}`);
const partitions = Array.from({ length: settings.partitions }, (_, partition) => partition);

const putInAll = (rig: HostRig, id: string): Promise<{ readonly ok: boolean }[]> =>
  rig.pass(Promise.all(purses.map((name) => rig.insist(name, 'put', { coins: 1 }, id))));

async function expectCoins(rig: HostRig, coins: number): Promise<void> {
  for (const name of purses) {
    const answer = await rig.pass(rig.request(mappedSubject('get', name, 'coins'), {}));
    expect(answer?.result).toEqual({ coins });
  }
}

const epochsOf = (rig: HostRig): unknown[] =>
  partitions.map((partition) => rig.store.partitions(partition).owner?.epoch);

const topsOf = (rig: HostRig): number[] =>
  partitions.map((partition) => rig.store.partitions(partition).owner?.top ?? 0);

const allAt = (rig: HostRig, epoch: number) => () => epochsOf(rig).every((one) => one === epoch);

/** Leases of a process that can fall silent: it renews nothing then, and still writes what it may. */
class Voice {
  silent = false;
  readonly leases: Leases;

  constructor({ store }: HostRig) {
    const unlessSilent =
      <Call extends unknown[], Answer>(call: (...parameters: Call) => Promise<Answer>) =>
      (...parameters: Call): Promise<Answer> =>
        this.silent ? Promise.reject(new Error('nobody answers')) : call(...parameters);
    const { renew, heartbeat, owners } = store.leases;
    this.leases = replacing(store.leases, {
      renew: unlessSilent(renew),
      heartbeat: unlessSilent(heartbeat),
      owners: unlessSilent(owners),
    });
  }
}

/** What a silent host would do if it were not. */
async function renewAll({ store }: HostRig): Promise<void> {
  await store.leases.heartbeat('ann', 3_000);
  const { owners } = await store.leases.owners(settings.partitions);
  const renewals = owners.flatMap((owner, partition) =>
    owner ? [{ fence: { ...owner, partition }, published: owner.published }] : [],
  );
  await store.leases.renew(renewals, 3_000);
}

/** What a host reads of the logs. */
class Reading {
  readonly log: Log;
  /** From which position, in order. */
  readonly reads: { readonly partition: number; readonly position: number }[] = [];
  /** Partitions whose checkpoints were asked for. */
  readonly begun = new Set<number>();
  underWay = 0;
  most = 0;

  constructor(rig: HostRig) {
    this.log = replacing(rig.store.log, {
      read: (partition, position, count) => {
        this.reads.push({ partition, position });
        return rig.store.log.read(partition, position, count);
      },
      loadCheckpoints: async (partition) => {
        this.begun.add(partition);
        this.most = Math.max(this.most, ++this.underWay);
        await new Promise<void>((resolve) => void rig.clock.after(20, resolve));
        this.underWay--;
        return rig.store.log.loadCheckpoints(partition);
      },
    });
  }

  /** By partition: where it began to read. */
  get from(): ReadonlyMap<number, number> {
    return new Map(
      this.reads.toReversed().map(({ partition, position }) => [partition, position] as const),
    );
  }

  /** Whether the log of every partition has been read to its end at least once. */
  get isComplete(): boolean {
    return this.begun.size === settings.partitions && this.underWay === 0;
  }
}

interface Restarted {
  readonly rig: HostRig;
  readonly host: Host;
  readonly reading: Reading;
}

/** A host whose process has fallen silent is started again, and has followed what that one owns. */
async function restarted(
  different: Partial<HostOptions> = {},
  again: Partial<HostOptions> = {},
): Promise<Restarted> {
  const rig = new HostRig();
  const former = new Voice(rig);
  await rig.start('ann', { leases: former.leases, ...different });
  await rig.ownedBy('ann');
  await putInAll(rig, 'first');
  former.silent = true;
  const reading = new Reading(rig);
  const host = await rig.start('ann', { log: reading.log, ...different, ...again });
  await rig.until(() => reading.isComplete);
  await rig.elapse(50);
  expect(allAt(rig, 1)()).toBe(true);
  return { rig, host, reading };
}

/** Two hosts of which one falls silent, until the other has begun to follow what it owns. */
async function forsaken(): Promise<Omit<Restarted, 'host'> & { readonly ann: Voice }> {
  const rig = new HostRig();
  const ann = new Voice(rig);
  const reading = new Reading(rig);
  await rig.pass(
    Promise.all([rig.start('ann', { leases: ann.leases }), rig.start('bob', { log: reading.log })]),
  );
  await rig.ownedBy('ann', 'bob');
  await putInAll(rig, 'first');
  await rig.elapse(1_000);
  reading.begun.clear();
  ann.silent = true;
  const owners = await rig.owners();
  await rig.until(() => owners.every((owner, n) => owner === 'bob' || reading.begun.has(n)));
  await rig.elapse(50);
  expect(await rig.owners()).toEqual(owners);
  reading.reads.splice(0);
  return { rig, ann, reading };
}

describe('a host that is started again', () => {
  it('has read what its former process owns when that lease ends, and then reads the end only', async () => {
    const { rig, reading } = await restarted();
    const tops = topsOf(rig);
    await putInAll(rig, 'written by the former process');
    reading.reads.splice(0);
    await rig.until(allAt(rig, 2));
    await rig.elapse(100);
    expect(reading.from).toEqual(new Map(tops.map((top, partition) => [partition, top + 1])));
    await putInAll(rig, 'after');
    await expectCoins(rig, 3);
  });

  it('reads nothing again while nothing is written', async () => {
    const { rig, reading } = await restarted();
    reading.reads.splice(0);
    await rig.elapse(1_000);
    expect(reading.reads).toEqual([]);
    expect(allAt(rig, 1)()).toBe(true);
  });

  it('leaves it to the former process to answer what it has deferred, while that is the owner', async () => {
    const rig = new HostRig();
    const former = new Voice(rig);
    const bea = partitionOfPurse('bea');
    let comeBack = (): void => {};
    const isBack = new Promise<void>((resolve) => (comeBack = resolve));
    const log = replacing(rig.store.log, {
      append: async (group) => {
        if (group.fence.partition === bea) await isBack;
        return rig.store.log.append(group);
      },
    });
    await rig.start('ann', { leases: former.leases, log });
    await rig.ownedBy('ann');
    await rig.pass(rig.insist('alf', 'put', { coins: 5 }, 'put'));
    const answers: string[] = [];
    rig.bus.subscribe('alf', ({ payload }) => void answers.push(Buffer.from(payload).toString()));
    const body = JSON.stringify({ to: 'bea', coins: 1 });
    rig.bus.publish(mappedSubject('cmd', 'alf', 'give'), body, { reply: 'alf' });
    await rig.elapse(50);
    former.silent = true;
    const reading = new Reading(rig);
    const restarting = rig.start('ann', { log: reading.log });
    await rig.until(() => reading.isComplete);
    comeBack();
    await restarting;
    await rig.elapse(600);
    expect(allAt(rig, 1)()).toBe(true);
    expect(answers).toEqual([expect.stringContaining('"given":1')]);
    await rig.until(allAt(rig, 2));
    await putInAll(rig, 'after');
    expect(new Set(answers).size).toBe(1);
  });

  it('knows all ids, although the former process has taken checkpoints meanwhile', async () => {
    const limits: HostOptions['limits'] = (count) => ({
      ...new HostRig().limits(count),
      checkpointRecords: 3,
      recentRepliesMax: 1,
    });
    const { rig } = await restarted({ limits });
    const ids = ['one', 'two', 'three'];
    const told = [];
    for (const id of ids) {
      told.push(await putInAll(rig, id));
      await rig.elapse(200);
    }
    expect(allAt(rig, 1)()).toBe(true);
    expect(rig.store.partitions(0).checkpoints).toHaveLength(2);
    await rig.until(allAt(rig, 2));
    const again = [];
    for (const id of ids) again.push(await putInAll(rig, id));
    expect(again).toEqual(told);
    await expectCoins(rig, 4);
  });

  it('begins anew where another had the partition in between: that one may have written', async () => {
    const rig = new HostRig();
    const { leases } = rig.store;
    const acquire: Leases['acquire'] = async (claim) => {
      await leases.acquire({ ...claim, host: 'eve', nonce: 'eve', leaseMs: 0 });
      return leases.acquire(claim);
    };
    const former = new Voice(rig);
    await rig.start('ann', { leases: former.leases });
    await rig.ownedBy('ann');
    await putInAll(rig, 'first');
    former.silent = true;
    const reading = new Reading(rig);
    await rig.start('ann', { log: reading.log, leases: replacing(leases, { acquire }) });
    await rig.until(allAt(rig, 3));
    await putInAll(rig, 'after');
    await expectCoins(rig, 2);
    expect(allAt(rig, 3)()).toBe(true);
  });

  it('takes what it could not follow as it would without, and halts nothing for it', async () => {
    const rig = new HostRig();
    const former = new Voice(rig);
    await rig.start('ann', { leases: former.leases });
    await rig.ownedBy('ann');
    await putInAll(rig, 'first');
    former.silent = true;
    const store = rig.store.partitions(3);
    store.checkpoints = ['{', '{'];
    await rig.start('ann');
    const failed = 'ann: partition 3 could not be followed';
    await rig.until(() => rig.reported.some((line) => line.startsWith(failed)));
    store.checkpoints = [];
    await rig.until(allAt(rig, 2));
    await putInAll(rig, 'after');
    await expectCoins(rig, 2);
    expect(rig.reported.filter((line) => line.includes('halted'))).toEqual([]);
  });

  it('reads few logs at a time', async () => {
    const limits: HostOptions['limits'] = (count) => ({
      ...new HostRig().limits(count),
      recoveriesMax: 3,
    });
    const { reading } = await restarted({}, { limits });
    expect(reading.most).toBe(3);
  });

  it('and cannot start looks at nothing any more', async () => {
    const rig = new HostRig();
    const former = new Voice(rig);
    await rig.start('ann', { leases: former.leases });
    await rig.ownedBy('ann');
    former.silent = true;
    let [beats, looks] = [0, 0];
    const leases = replacing(rig.store.leases, {
      heartbeat: (host, ttlMs) =>
        ++beats === 1
          ? rig.store.leases.heartbeat(host, ttlMs)
          : Promise.reject(new Error('nobody answers')),
      owners: (count) => {
        looks++;
        return rig.store.leases.owners(count);
      },
    });
    await expect(rig.start('ann', { leases })).rejects.toThrow('nobody answers');
    expect(looks).toBeGreaterThan(0);
    looks = 0;
    await rig.elapse(5_000);
    expect(looks).toBe(0);
  });

  it('and stopped again reads nothing more', async () => {
    const { rig, host, reading } = await restarted();
    await rig.pass(host.stop());
    await putInAll(rig, 'written by the former process');
    reading.reads.splice(0);
    await rig.elapse(5_000);
    expect(reading.reads).toEqual([]);
    expect(allAt(rig, 1)()).toBe(true);
  });
});

describe('a host whose neighbour falls silent', () => {
  it('has read what that one owns when its lease ends', async () => {
    const { rig, reading } = await forsaken();
    const tops = topsOf(rig);
    await rig.ownedBy('bob');
    await rig.elapse(100);
    expect(reading.from.size).toBeGreaterThan(0);
    for (const [partition, position] of reading.from)
      expect(position).toBe((tops[partition] ?? 0) + 1);
    await putInAll(rig, 'after');
    await expectCoins(rig, 2);
  });

  it('forgets what it has read when that one renews, and lets it do its work', async () => {
    const { rig, ann, reading } = await forsaken();
    const owners = await rig.owners();
    await renewAll(rig);
    ann.silent = false;
    await rig.elapse(1_500);
    reading.reads.splice(0);
    await putInAll(rig, 'second');
    await rig.elapse(5_000);
    const ofAnn = reading.reads.filter(({ partition }) => owners[partition] === 'ann');
    expect(ofAnn).toEqual([]);
    expect(await rig.owners()).toEqual(owners);
    expect(allAt(rig, 1)()).toBe(true);
    ann.silent = true;
    await rig.ownedBy('bob');
    await putInAll(rig, 'third');
    await expectCoins(rig, 3);
  });

  it('follows one that is late again and again ever more seldom', async () => {
    const { rig, reading } = await forsaken();
    const lates = 8;
    let followed = 0;
    for (let late = 0; late < lates; late++) {
      await renewAll(rig);
      reading.begun.clear();
      await rig.elapse(2_800);
      if (reading.begun.size > 0) followed++;
    }
    expect(allAt(rig, 1)()).toBe(true);
    expect(followed).toBeGreaterThan(1);
    expect(followed).toBeLessThan(lates);
  });
});
