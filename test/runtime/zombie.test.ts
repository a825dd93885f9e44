import { expect, it } from 'vitest';
import { partitionOf } from '../../contracts/partition.ts';
import { actorKey } from '../../contracts/ids.ts';
import type { Bus } from '../../runtime/bus.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { HostOptions } from '../../runtime/host.ts';
import type { Log } from '../../runtime/log.ts';
import { HostRig, mappedSubject, replacing, settings } from './host-rig.ts';

type Writes = Pick<Log, 'append' | 'saveSnapshots' | 'saveCheckpoint' | 'addDeadLetter' | 'trim'>;
const writes: readonly (keyof Writes)[] = [
  'append',
  'saveSnapshots',
  'saveCheckpoint',
  'addDeadLetter',
  'trim',
];

/** A process that can be stopped as SIGSTOP does: what comes to it meanwhile waits, and then comes at once. */
class Freezer {
  /** What it did of itself since it was let go on: subjects, and writes with their outcomes. */
  readonly said: string[] = [];
  readonly wrote: string[] = [];
  frozen = false;
  #thawed = false;
  #waiting: (() => void)[] = [];

  thaw(): void {
    this.frozen = false;
    this.#thawed = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  clock(clock: Clock): Clock {
    return replacing(clock, {
      after: (ms, callback) => clock.after(ms, () => this.#gate(callback)),
      soon: (callback) => clock.soon(() => this.#gate(callback)),
    });
  }

  bus(bus: Bus): Bus {
    return replacing(bus, {
      publish: (subject, payload, options) => {
        if (this.#thawed) this.said.push(`${subject} ${Buffer.from(payload).toString()}`);
        bus.publish(subject, payload, options);
      },
      request: (subject, payload, options) => {
        const forwarded = options.headers?.['Millrace-Subject'] ?? '';
        if (this.#thawed) this.said.push(`${subject} ${forwarded}`);
        return this.#later(bus.request(subject, payload, options));
      },
      subscribe: (subject, handler, queue) =>
        bus.subscribe(subject, (message) => this.#gate(() => handler(message)), queue),
      flush: () => this.#later(bus.flush()),
    });
  }

  /** Every answer of a port comes only while the process runs. */
  port<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...parameters: unknown[]): unknown => {
          const told = this.#later(Reflect.apply(method, target, parameters) as Promise<unknown>);
          if (!this.#thawed || !writes.some((write) => write === name)) return told;
          void told.then((outcome) => this.wrote.push(`${String(name)}: ${wordOf(outcome)}`));
          return told;
        };
      },
    });
  }

  #gate(go: () => void): void {
    if (this.frozen) this.#waiting.push(go);
    else go();
  }

  async #later<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } finally {
      await new Promise<void>((resolve) => this.#gate(resolve));
    }
  }
}

const wordOf = (outcome: unknown): string =>
  typeof outcome === 'object' && outcome !== null && 'kind' in outcome
    ? String(outcome.kind)
    : String(outcome);

it.each([
  {
    due: 'a message',
    asks: false,
    limits: {},
    wrote: ['append: fenced'],
  },
  {
    due: 'a message, asked for its partitions',
    asks: true,
    limits: {},
    wrote: ['append: fenced'],
  },
  {
    due: 'a message, with room for one request',
    asks: true,
    limits: { waitingMax: 1 },
    wrote: ['append: fenced'],
  },
  {
    due: 'a message and a snapshot',
    asks: true,
    limits: { checkpointRecords: 2 },
    wrote: ['append: fenced', 'saveSnapshots: fenced'],
  },
])(
  'a host that was frozen past its lease, having to deliver $due, delivers, answers and writes nothing when it goes on',
  async ({ asks, limits: changed, wrote }) => {
    const rig = new HostRig();
    const freezer = new Freezer();
    let storing = false;
    let believing = false;
    const notNow = async (): Promise<never> => {
      throw new Error('not now');
    };
    const homeOf = (purse: string): number =>
      partitionOf(actorKey('purse', purse), settings.partitions);
    // What it has to deliver, to snapshot and to cover by a checkpoint is still undone when it freezes.
    const log = replacing(rig.store.log, {
      append: (group) =>
        !storing && group.fence.partition === homeOf('bea')
          ? notNow()
          : rig.store.log.append(group),
      saveSnapshots: (...args) => (storing ? rig.store.log.saveSnapshots(...args) : notNow()),
      saveCheckpoint: (...args) => (storing ? rig.store.log.saveCheckpoint(...args) : notNow()),
    });
    // That it has lost its leases it is not told: it can only see how late it is.
    const leases = replacing(rig.store.leases, {
      heartbeat: (...args) =>
        believing ? new Promise<never>(() => {}) : rig.store.leases.heartbeat(...args),
    });
    const limits: HostOptions['limits'] = (partitions) => ({
      ...rig.limits(partitions),
      ...changed,
    });
    await rig.start('ann', {
      log: freezer.port(log),
      leases: freezer.port(leases),
      bus: freezer.bus(rig.hub.connect()),
      clock: freezer.clock(rig.clock),
      limits,
    });
    await rig.ownedBy('ann');
    for (const id of ['1', '2', '3']) await rig.pass(rig.insist('alf', 'put', { coins: 2 }, id));
    await rig.pass(rig.insist('alf', 'send', { to: 'bea', coins: 1 }, 'send'));
    expect(homeOf('alf')).not.toBe(homeOf('bea'));
    await rig.elapse(300);

    freezer.frozen = true;
    const eaten = [
      rig.answersTo(mappedSubject('get', 'alf', 'coins'), {}),
      rig.answersTo(mappedSubject('cmd', 'alf', 'put'), { coins: 100 }),
    ];
    await rig.elapse(1_000);
    const bus = rig.hub.connect();
    const request: Bus['request'] = (subject, payload, options) =>
      subject.endsWith('.hand-over') && !asks
        ? new Promise<never>(() => {})
        : bus.request(subject, payload, options);
    await rig.start('bob', { bus: replacing(bus, { request }) });
    await rig.ownedBy('bob');
    await rig.pass(rig.insist('alf', 'put', { coins: 10 }, 'with bob'));
    await rig.elapse(1_000);
    const received = (await rig.request(mappedSubject('get', 'bea', 'coins'), {}))?.result;

    storing = true;
    believing = true;
    freezer.thaw();
    const question = rig.answersTo(mappedSubject('get', 'alf', 'coins'), {});
    await rig.elapse(5_000);

    expect(await question).toEqual([{ ok: true, result: { coins: 15 } }]);
    expect(await Promise.all(eaten)).toEqual([[], []]);
    // What hosts say about a change of hands moves nothing that is not theirs; and what came to it as one
    // of the routers, nobody else has.
    const harmless = [
      /^_INBOX\.memory\.\d+ \{"kind":/,
      /^millrace\.host\.bob millrace\.(get|cmd)\./,
    ];
    const said = freezer.said.filter((line) => !harmless.some((form) => form.test(line)));
    expect(said).toEqual([]);
    expect(new Set(freezer.wrote)).toEqual(new Set(wrote));
    expect(received).toEqual({ coins: 1 });
  },
);
