import { describe, expect, it } from 'vitest';
import { defaultLimits, type Limits } from '../../runtime/limits.ts';
import { aheadBy, HostRig, mappedSubject, pulse, replacing, settings } from './host-rig.ts';

const purses = Array.from({ length: 24 }, (_, n) => `p${n}`);

/** Each purse gets one coin, by a command that is sent again until it is answered. */
const putInAll = (rig: HostRig, id: string): Promise<unknown> =>
  Promise.all(purses.map((name) => rig.insist(name, 'put', { coins: 1 }, id)));

async function expectCoins(rig: HostRig, coins: number): Promise<void> {
  for (const name of purses) {
    const answer = await rig.pass(rig.request(mappedSubject('get', name, 'coins'), {}));
    expect(answer?.result).toEqual({ coins });
  }
}

const epochsOf = (rig: HostRig): unknown[] =>
  Array.from(
    { length: settings.partitions },
    (_, partition) => rig.store.partitions(partition).owner?.epoch,
  );

async function twoHosts(): Promise<{ rig: HostRig; ann: Awaited<ReturnType<HostRig['start']>> }> {
  const rig = new HostRig();
  const [ann] = await Promise.all([rig.start('ann'), rig.start('bob')]);
  await rig.ownedBy('ann', 'bob');
  return { rig, ann };
}

describe('two hosts', () => {
  it('share all partitions between them and answer for every actor', async () => {
    const { rig } = await twoHosts();
    await rig.pass(putInAll(rig, 'first'));
    await expectCoins(rig, 1);
    expect((await rig.owners()).filter((owner) => owner === 'ann').length).toBeGreaterThan(1);
  });

  it('become one when the other is stopped: within a second, and every command is answered once', async () => {
    const { rig, ann } = await twoHosts();
    const under = putInAll(rig, 'under way');
    await rig.elapse(5);
    const stopped = ann.stop();
    const meanwhile = putInAll(rig, 'meanwhile');
    expect(await rig.ownedBy('bob')).toBeLessThan(1_000);
    await rig.pass(Promise.all([under, meanwhile, stopped]));
    await expectCoins(rig, 2);
  });

  it('become one when a lease runs out; the former owner then answers nothing, nor a second time', async () => {
    const rig = new HostRig();
    let alive = true;
    const lost = async (): Promise<never> => {
      throw new Error('the store does not answer');
    };
    const leases = replacing(rig.store.leases, {
      renew: (...parameters) => (alive ? rig.store.leases.renew(...parameters) : lost()),
      heartbeat: (...parameters) => (alive ? rig.store.leases.heartbeat(...parameters) : lost()),
      owners: (count) => (alive ? rig.store.leases.owners(count) : lost()),
    });
    await Promise.all([rig.start('ann', { leases }), rig.start('bob')]);
    await rig.ownedBy('ann', 'bob');
    await rig.pass(putInAll(rig, 'before'));
    alive = false;
    const takenAfter = await rig.ownedBy('bob');
    expect(takenAfter).toBeGreaterThan(1_500);
    expect(takenAfter).toBeLessThan(5_500);
    for (const name of purses.slice(0, 8)) {
      const wrong = await rig.answersTo(mappedSubject('cmd', name, 'put'), { coins: -1 });
      expect(wrong.map(({ error }) => error?.code)).toEqual(['request/malformed']);
      const coins = await rig.answersTo(mappedSubject('get', name, 'coins'), {});
      expect(coins).toEqual([{ ok: true, result: { coins: 1 } }]);
    }
    await rig.pass(putInAll(rig, 'after'));
    await expectCoins(rig, 2);
  });
});

describe('a host', () => {
  it('loses no request that comes while a renewal is late, if nobody has taken over meanwhile', async () => {
    const rig = new HostRig();
    let held: (() => void) | undefined;
    let late = false;
    const leases = replacing(rig.store.leases, {
      renew: async (...parameters) => {
        if (late) await new Promise<void>((resolve) => (held = resolve));
        return rig.store.leases.renew(...parameters);
      },
    });
    await rig.start('ann', { leases });
    await rig.ownedBy('ann');
    late = true;
    await rig.until(() => held !== undefined);
    await rig.elapse(3_500);
    const put = rig.request(mappedSubject('cmd', 'p1', 'put'), { coins: 5 }, 'late', 20_000);
    await rig.elapse(100);
    late = false;
    held?.();
    expect(await rig.pass(put)).toMatchObject({ ok: true });
  });

  it('whose lease ran out sends on nothing of what is too much to wait: the new owner has it, too', async () => {
    const rig = new HostRig();
    let renewing = true;
    const leases = replacing(rig.store.leases, {
      renew: async (...parameters) => {
        if (!renewing) await new Promise<never>(() => undefined);
        return rig.store.leases.renew(...parameters);
      },
    });
    const limits = (count: number): Limits => ({ ...defaultLimits(count), waitingMax: 2 });
    await rig.start('ann', { leases, limits });
    await rig.ownedBy('ann');
    renewing = false;
    await rig.start('bob');
    await rig.ownedBy('bob');
    for (let n = 0; n < 6; n++)
      await rig.pass(rig.request(mappedSubject('cmd', 'p1', 'put'), { coins: 1 }));
    await rig.elapse(2_000);
    const coins = await rig.pass(rig.request(mappedSubject('get', 'p1', 'coins'), {}));
    expect(coins?.result).toEqual({ coins: 6 });
  });

  it('that NATS no longer reaches lets go of what it has, and takes nothing', async () => {
    const rig = new HostRig();
    const heart = pulse();
    await Promise.all([rig.start('ann', { pulse: heart }), rig.start('bob')]);
    await rig.ownedBy('ann', 'bob');
    heart.cut();
    await rig.ownedBy('bob');
    const epochs = epochsOf(rig);
    await rig.elapse(20_000);
    expect(new Set(await rig.owners())).toEqual(new Set(['bob']));
    expect(epochsOf(rig)).toEqual(epochs);
  });

  it('that NATS never reached takes nothing, although all is free', async () => {
    const rig = new HostRig();
    const heart = pulse();
    heart.cut();
    await rig.start('ann', { pulse: heart });
    await rig.elapse(20_000);
    expect(new Set(epochsOf(rig))).toEqual(new Set([undefined]));
  });

  it.each([
    [600, undefined],
    [-600, undefined],
    [400, 'ann'],
  ])('whose clock is %d ms off has its partitions owned by %s', async (ms, owner) => {
    const rig = new HostRig();
    await rig.start('ann', { clock: aheadBy(rig.clock, ms) });
    await rig.elapse(10_000);
    expect(new Set(await rig.owners())).toEqual(new Set([owner]));
  });

  it('takes what another that should have it leaves free', async () => {
    const rig = new HostRig();
    const behind = aheadBy(rig.clock, -600);
    await Promise.all([rig.start('ann', { clock: behind }), rig.start('bob')]);
    expect(await rig.ownedBy('bob')).toBeLessThan(3_000);
  });

  it('gives back what it cannot open, so that another can try before the lease would end', async () => {
    const rig = new HostRig();
    const loadCheckpoints = async (): Promise<never> => {
      throw new Error('the store does not answer');
    };
    const log = replacing(rig.store.log, { loadCheckpoints });
    await Promise.all([rig.start('ann', { log }), rig.start('bob')]);
    expect(await rig.ownedBy('bob')).toBeLessThan(3_000);
  });

  it('tries a partition that it cannot open again, ever later, and serves it once it can', async () => {
    const rig = new HostRig();
    let failing = true;
    const loadCheckpoints = async (partition: number): Promise<readonly string[]> => {
      if (failing && partition === 3) throw new Error('the store does not answer');
      return rig.store.log.loadCheckpoints(partition);
    };
    await rig.start('ann', { log: replacing(rig.store.log, { loadCheckpoints }) });
    await rig.elapse(60_000);
    const { epoch } = rig.store.partitions(3).owner ?? {};
    expect(epoch).toBeGreaterThan(4);
    expect(epoch).toBeLessThan(10);
    expect(rig.reported.filter((line) => line.includes('partition 3'))).toHaveLength(epoch ?? 0);
    expect((await rig.owners()).filter((owner) => owner === 'ann')).toHaveLength(7);
    failing = false;
    await rig.ownedBy('ann');
    await rig.pass(putInAll(rig, 'first'));
    await expectCoins(rig, 1);
  });

  it('halts a partition whose log is damaged, says why to whoever asks, and serves the others', async () => {
    const rig = new HostRig();
    const ann = await rig.start('ann');
    await rig.ownedBy('ann');
    await rig.pass(putInAll(rig, 'first'));
    await rig.pass(ann.stop());
    rig.store.partitions(3).checkpoints = ['{', '{'];
    await rig.start('bob');
    await rig.until(() => rig.reported.some((line) => line.startsWith('bob: partition 3')));
    for (const name of purses) {
      const [answer] = await rig.answersTo(mappedSubject('get', name, 'coins'), {});
      if (mappedSubject('get', name, 'coins').includes('.part.3.')) {
        expect(answer?.error).toMatchObject({ code: 'runtime/halted' });
        expect(answer?.error?.message).toMatch(/none of its 2 checkpoints can be read/);
      } else {
        expect(answer?.result).toEqual({ coins: 1 });
      }
    }
  });

  it('takes over few partitions at a time', async () => {
    const rig = new HostRig();
    let opening = 0;
    let most = 0;
    const loadCheckpoints = async (partition: number): Promise<readonly string[]> => {
      most = Math.max(most, ++opening);
      await new Promise<void>((resolve) => void rig.clock.after(50, resolve));
      opening--;
      return rig.store.log.loadCheckpoints(partition);
    };
    await rig.start('ann', {
      log: replacing(rig.store.log, { loadCheckpoints }),
      limits: (partitions) => ({ ...rig.limits(partitions), recoveriesMax: 3 }),
    });
    await rig.ownedBy('ann');
    expect(most).toBe(3);
    expect(settings.partitions).toBeGreaterThan(most);
  });

  it('takes over those with the shortest tails first', async () => {
    const rig = new HostRig();
    const ann = await rig.start('ann');
    await rig.ownedBy('ann');
    await rig.pass(putInAll(rig, 'first'));
    await rig.pass(ann.stop());
    const tails = new Map<number, number>();
    for (let partition = 0; partition < settings.partitions; partition++) {
      const store = rig.store.partitions(partition);
      // As if its checkpoint stood so far before the end of its log.
      const checkpoint = (store.owner?.top ?? 0) - ((partition * 5) % settings.partitions);
      if (store.owner) store.owner = { ...store.owner, checkpoint };
      tails.set(partition, (partition * 5) % settings.partitions);
    }
    const taken: number[] = [];
    const loadCheckpoints = async (partition: number): Promise<readonly string[]> => {
      taken.push(tails.get(partition) ?? 0);
      return rig.store.log.loadCheckpoints(partition);
    };
    await rig.start('bob', {
      log: replacing(rig.store.log, { loadCheckpoints }),
      limits: (partitions) => ({ ...rig.limits(partitions), recoveriesMax: 1 }),
    });
    await rig.ownedBy('bob');
    await rig.elapse(100);
    expect(taken).toEqual(taken.toSorted((a, b) => a - b));
    expect(taken).toHaveLength(settings.partitions);
  });
});
