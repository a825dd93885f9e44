import { describe, expect, it } from 'vitest';
import type { Bus } from '../../runtime/bus.ts';
import type { Host, HostOptions } from '../../runtime/host.ts';
import type { Leases } from '../../runtime/leases.ts';
import type { Answer, Ask } from '../../runtime/parley.ts';
import { HostRig, mappedSubject, partitionOfPurse, replacing, settings } from './host-rig.ts';

const purses = Array.from({ length: 24 }, (_, n) => `p${n}`);

/** Clients that send every request once, without an id, and wait so long for its answer. */
class Crowd {
  readonly failures: string[] = [];
  longestMs = 0;
  readonly #rig: HostRig;
  readonly #patienceMs: number;
  readonly #puts = new Map<string, number>();
  #running = true;
  readonly #clients: Promise<unknown>;

  constructor(rig: HostRig, patienceMs = 1_000) {
    this.#rig = rig;
    this.#patienceMs = patienceMs;
    this.#clients = Promise.all(purses.flatMap((name) => [this.#put(name), this.#ask(name)]));
  }

  /** Stops them; every purse then holds what its clients were told. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#rig.pass(this.#clients);
    for (const name of purses) {
      const subject = mappedSubject('get', name, 'coins');
      const asked = this.#rig.request(subject, {}, undefined, this.#patienceMs);
      const coins = await this.#rig.pass(asked);
      expect([name, coins?.result]).toEqual([name, { coins: this.#puts.get(name) }]);
    }
  }

  async #put(name: string): Promise<void> {
    let puts = 0;
    while (this.#running) {
      if (await this.#send(mappedSubject('cmd', name, 'put'), { coins: 1 })) puts++;
      this.#puts.set(name, puts);
    }
  }

  async #ask(name: string): Promise<void> {
    while (this.#running) await this.#send(mappedSubject('get', name, 'coins'), {});
  }

  async #send(subject: string, body: { coins?: number }): Promise<boolean> {
    const { clock } = this.#rig;
    const sentAt = clock.monotonic();
    const answer = await this.#rig.request(subject, body, undefined, this.#patienceMs);
    this.longestMs = Math.max(this.longestMs, clock.monotonic() - sentAt);
    if (answer?.ok !== true) this.failures.push(`${subject}: ${JSON.stringify(answer)}`);
    await new Promise<void>((resolve) => void clock.after(5, resolve));
    return answer?.ok === true;
  }
}

const epochs = (rig: HostRig): (number | undefined)[] =>
  Array.from({ length: settings.partitions }, (_, n) => rig.store.partitions(n).owner?.epoch);

const groups = (rig: HostRig): (string | undefined)[] =>
  Array.from({ length: settings.partitions }, (_, n) => rig.store.partitions(n).owner?.group);

async function underLoad(
  different: Partial<HostOptions> = {},
): Promise<{ rig: HostRig; ann: Host; crowd: Crowd }> {
  const rig = new HostRig();
  const ann = await rig.start('ann', different);
  await rig.ownedBy('ann');
  const crowd = new Crowd(rig);
  await rig.elapse(200);
  return { rig, ann, crowd };
}

/** A bus on which a successor's question of this kind never gets out. */
const muteAt = (bus: Bus, step: Ask['step']): Bus =>
  replacing(bus, {
    request: (subject, payload, options) => {
      const asks = subject.endsWith('.hand-over') && String(payload).includes(`"step":"${step}"`);
      return asks ? new Promise<never>(() => {}) : bus.request(subject, payload, options);
    },
  });

/** A bus on which this word of an owner is lost: that it has given a partition away, or that it will not. */
const without = (word: Answer['kind'], bus: Bus): Bus =>
  replacing(bus, {
    publish: (subject, payload, options) => {
      if (!String(payload).includes(`"${word}"`)) bus.publish(subject, payload, options);
    },
  });

/** What a host sees of the owners that looked just before each of them opened another queue group. */
const lookingTooEarly = ({ store }: HostRig): Pick<HostOptions, 'leases'> => ({
  leases: replacing(store.leases, {
    owners: async (partitions) => {
      const seen = await store.leases.owners(partitions);
      const owners = seen.owners.map((owner) => owner && { ...owner, group: 'the one before' });
      return { ...seen, owners };
    },
  }),
});

describe('a planned change of hands', () => {
  it('to a host that joins fails no request, does none twice, and holds none up for 100 ms', async () => {
    const { rig, crowd } = await underLoad();
    await rig.start('bob');
    await rig.ownedBy('ann', 'bob');
    await rig.elapse(1_000);
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.longestMs).toBeLessThan(100);
  });

  it('from a host that leaves does neither', async () => {
    const { rig, ann, crowd } = await underLoad();
    await rig.start('bob');
    await rig.ownedBy('ann', 'bob');
    await rig.pass(ann.stop());
    expect(new Set(await rig.owners())).toEqual(new Set(['bob']));
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.longestMs).toBeLessThan(100);
  });

  it('takes one epoch each, keeps the queue groups, and moves only what hashing gives away', async () => {
    const { rig, crowd } = await underLoad();
    const before = groups(rig);
    await rig.start('bob');
    await rig.ownedBy('ann', 'bob');
    await rig.elapse(5_000);
    await crowd.stop();
    const moved = (await rig.owners()).map((owner) => owner === 'bob');
    expect(epochs(rig)).toEqual(moved.map((isMoved) => (isMoved ? 2 : 1)));
    expect(groups(rig)).toEqual(before);
    expect(moved.filter(Boolean).length).toBeGreaterThan(1);
  });

  it('goes by the queue group that the owner names, not by what was seen before it opened another', async () => {
    const { rig, ann, crowd } = await underLoad();
    const before = groups(rig);
    const bob = await rig.start('bob', lookingTooEarly(rig));
    await rig.ownedBy('ann', 'bob');
    await rig.pass(ann.stop());
    await rig.start('cyd');
    await rig.pass(bob.stop());
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.longestMs).toBeLessThan(100);
    expect(groups(rig)).toEqual(before);
  });

  it('while checkpoints are taken all the time leaves a log from which all ids are known again', async () => {
    const limits: HostOptions['limits'] = (partitions) => ({
      ...new HostRig().limits(partitions),
      checkpointRecords: 3,
      recentRepliesMax: 1,
    });
    const { rig, ann, crowd } = await underLoad({ limits });
    const first = await rig.pass(
      Promise.all(purses.map((name) => rig.insist(name, 'put', { coins: 0 }, 'known'))),
    );
    const bob = await rig.start('bob', { limits });
    await rig.ownedBy('ann', 'bob');
    await rig.pass(ann.stop());
    const cyd = await rig.start('cyd', { limits });
    await rig.ownedBy('bob', 'cyd');
    await rig.pass(bob.stop());
    await crowd.stop();
    expect(crowd.failures).toEqual([]);
    await rig.pass(cyd.stop());
    await rig.start('dan', { limits });
    await rig.ownedBy('dan');
    const again = await rig.pass(
      Promise.all(purses.map((name) => rig.insist(name, 'put', { coins: 0 }, 'known'))),
    );
    expect(again).toEqual(first);
    expect(rig.reported.filter((line) => line.includes('halted'))).toEqual([]);
  });

  it('answers who waits for a deferred reply, whoever owns by then', async () => {
    const rig = new HostRig();
    const ann = await rig.start('ann');
    await rig.ownedBy('ann');
    await rig.pass(rig.insist('p0', 'put', { coins: 100 }, 'fill'));
    await rig.start('bob');
    const given: unknown[] = [];
    const give = async (to: string): Promise<void> => {
      const subject = mappedSubject('cmd', 'p0', 'give');
      given.push((await rig.request(subject, { to, coins: 1 }))?.result);
    };
    const gifts = purses.slice(1).flatMap((to) => [give(to), give(to), give(to)]);
    await rig.pass(Promise.all([ann.stop(), ...gifts]));
    expect(given).toEqual(gifts.map(() => ({ given: 1 })));
  });
});

describe('a change of hands that fails half-way', () => {
  it('because the successor freezes: the owner opens another group, and goes on', async () => {
    const { rig, crowd } = await underLoad();
    const before = groups(rig);
    await rig.start('bob', { bus: muteAt(rig.hub.connect(), 'take') });
    await rig.until(() => groups(rig).some((group, n) => group !== before[n]));
    const changed = groups(rig).findIndex((group, n) => group !== before[n]);
    // What the successor has eaten until then is given up by its clients after a second.
    await rig.elapse(1_100);
    expect(crowd.failures.length).toBeGreaterThan(0);
    crowd.failures.splice(0);
    await rig.elapse(2_000);
    await crowd.stop();
    expect(new Set(epochs(rig))).toEqual(new Set([1]));
    expect(crowd.failures.filter((line) => line.includes(`.part.${changed}.`))).toEqual([]);
  });

  it.each([
    ['is up to date', () => ({})],
    ['has looked too early', lookingTooEarly],
  ])(
    'because the store does not answer the owner: who waited at a successor that %s is answered all the same',
    async (_, view) => {
      const rig = new HostRig();
      const handOver = async (): Promise<never> => {
        throw new Error('the store does not answer');
      };
      await rig.start('ann', { leases: replacing(rig.store.leases, { handOver }) });
      await rig.ownedBy('ann');
      const before = groups(rig);
      const crowd = new Crowd(rig, 4_000);
      await rig.start('bob', view(rig));
      await rig.elapse(8_000);
      await crowd.stop();
      expect(crowd.failures).toEqual([]);
      expect(new Set(await rig.owners())).toEqual(new Set(['ann']));
      expect(groups(rig)).toEqual(before);
    },
  );

  it('because its call lands late, when the owner has opened another group: nothing is done twice', async () => {
    const rig = new HostRig();
    const calls: Parameters<Leases['handOver']>[] = [];
    const handOver = async (...call: Parameters<Leases['handOver']>): Promise<never> => {
      calls.push(call);
      throw new Error('the connection is lost');
    };
    const leases = replacing(rig.store.leases, { handOver });
    await rig.start('ann', { leases, bus: without('no', rig.hub.connect()) });
    await rig.ownedBy('ann');
    const before = groups(rig);
    await rig.start('bob');
    await rig.until(() => groups(rig).some((group, n) => group !== before[n]));
    const [first] = calls;
    const there = purses.filter((name) => partitionOfPurse(name) === first?.[0].fence.partition);
    for (const name of there)
      await rig.pass(rig.request(mappedSubject('cmd', name, 'put'), { coins: 1 }));
    if (first) expect(await rig.store.leases.handOver(...first)).toBe('fenced');
    await rig.elapse(6_000);
    for (const name of there)
      expect(await rig.pass(rig.request(mappedSubject('get', name, 'coins'), {}))).toMatchObject({
        result: { coins: 1 },
      });
    expect(there).not.toEqual([]);
  });

  it('because the answer of the owner is lost: the record tells the successor that it owns', async () => {
    const rig = new HostRig();
    await rig.start('ann', { bus: without('given', rig.hub.connect()) });
    await rig.ownedBy('ann');
    await rig.start('bob');
    await rig.ownedBy('ann', 'bob');
    for (const name of purses) {
      const put = await rig.pass(rig.insist(name, 'put', { coins: 1 }, 'once'));
      expect(put.result).toEqual({ coins: 1 });
    }
  });

  it('because nobody is there to answer: the owner keeps the partition, and no request is lost', async () => {
    const { rig, crowd } = await underLoad();
    await rig.start('bob', { bus: muteAt(rig.hub.connect(), 'join') });
    await rig.elapse(5_000);
    await crowd.stop();
    expect(new Set(epochs(rig))).toEqual(new Set([1]));
    expect(crowd.failures).toEqual([]);
  });
});

it('a host that is asked by someone who is not of the cluster gives nothing away', async () => {
  const rig = new HostRig();
  await rig.start('ann');
  await rig.ownedBy('ann');
  const heir = { host: 'eve', nonce: 'eve', leaseMs: 60_000 };
  for (const step of ['join', 'take']) {
    const ask = { step, partition: 0, epoch: 1, heir };
    expect(await rig.answersTo('millrace.host.ann.hand-over', ask)).toEqual([]);
  }
  expect(epochs(rig)[0]).toBe(1);
});
