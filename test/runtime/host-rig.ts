import { actorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { NoResponders, RequestTimeout, type Bus } from '../../runtime/bus.ts';
import type { Clock } from '../../runtime/clock.ts';
import { startHost, type Host, type HostOptions } from '../../runtime/host.ts';
import { defaultLimits } from '../../runtime/limits.ts';
import type { OwnerRecord } from '../../runtime/leases.ts';
import { memoryHub } from '../../runtime/memory/bus.ts';
import { manualClock } from '../../runtime/memory/clock.ts';
import { memoryStore } from '../../runtime/memory/store.ts';
import { systemRandom } from '../../runtime/system-clock.ts';
import { purse } from './purse.ts';

export interface WireAnswer {
  readonly ok: boolean;
  readonly result?: Json;
  readonly error?: { readonly code: string; readonly message: string };
}

export const settings = { id: 'a-cluster', partitions: 8, scales: { byAsset: {}, others: 8 } };

/** Whole hosts in one process, over memory and a clock that is moved by hand. */
export class HostRig {
  readonly clock = manualClock();
  readonly store = memoryStore(() => this.clock.now());
  readonly hub = memoryHub({ clock: this.clock });
  readonly bus = this.hub.connect();
  readonly reported: string[] = [];
  readonly limits = defaultLimits;
  #inboxes = 0;

  /** Starts a host of the rig's cluster, which differs from the others so. */
  start(name: string, different: Partial<HostOptions> = {}): Promise<Host> {
    return this.pass(
      startHost({
        name,
        prefix: 'millrace',
        settings,
        types: new Map([[purse.type, purse]]),
        log: this.store.log,
        leases: this.store.leases,
        bus: this.hub.connect(),
        clock: this.clock,
        random: systemRandom(),
        limits: this.limits,
        report: (line) => void this.reported.push(`${name}: ${line}`),
        ...different,
      }),
    );
  }

  /** Lets time pass until the promise has settled. */
  async pass<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = (): void => void (settled = true);
    promise.then(end, end);
    while (!settled) await this.#step();
    return promise;
  }

  async elapse(ms: number): Promise<void> {
    for (const until = this.clock.monotonic() + ms; this.clock.monotonic() < until;)
      await this.#step();
  }

  /** Lets time pass until this holds, and tells how many ms that took; fails after a minute. */
  async until(condition: () => boolean | Promise<boolean>): Promise<number> {
    const began = this.clock.monotonic();
    while (!(await condition())) {
      if (this.clock.monotonic() - began > 60_000) throw new Error('it does not happen');
      await this.#step();
    }
    return this.clock.monotonic() - began;
  }

  /** Who owns each partition by a lease that runs. */
  async owners(): Promise<(string | undefined)[]> {
    const { now, owners } = await this.store.leases.owners(settings.partitions);
    const holds = (owner: OwnerRecord | undefined): owner is OwnerRecord =>
      owner !== undefined && owner.until > now;
    return owners.map((owner) => (holds(owner) ? owner.host : undefined));
  }

  /** Until all partitions are owned by these hosts, and by nobody else, and answer. */
  async ownedBy(...names: string[]): Promise<number> {
    return this.until(async () => {
      const owners = await this.owners();
      const theirs = owners.every((owner) => owner !== undefined && names.includes(owner));
      return theirs && names.every((name) => owners.includes(name));
    });
  }

  /** Sends until there is an answer that tells of an outcome, as a client would. */
  async insist(purseId: string, name: string, body: Json, id: string): Promise<WireAnswer> {
    const subject = `millrace.cmd.purse.${purseId}.${name}`;
    for (;;) {
      const answer = await this.request(subject, body, id);
      const code = answer?.error?.code ?? '';
      const again = ['runtime/busy', 'runtime/no-owner', 'runtime/pending'].includes(code);
      if (answer !== undefined && !again) return answer;
      await new Promise<void>((resolve) => void this.clock.after(20, resolve));
    }
  }

  /** Sends once; undefined if there is no answer. */
  async request(
    subject: string,
    body: Json,
    id?: string,
    timeoutMs = 1_000,
  ): Promise<WireAnswer | undefined> {
    const headers = id === undefined ? {} : { 'Nats-Msg-Id': id };
    try {
      const options = { timeoutMs, headers };
      const { payload } = await this.bus.request(subject, JSON.stringify(body), options);
      return JSON.parse(Buffer.from(payload).toString()) as WireAnswer;
    } catch (error) {
      if (error instanceof NoResponders || error instanceof RequestTimeout) return undefined;
      throw error;
    }
  }

  /** Every answer that a request gets within a second; there should be one. */
  async answersTo(subject: string, body: Json): Promise<WireAnswer[]> {
    const answers: WireAnswer[] = [];
    const reply = `answers.${++this.#inboxes}`;
    this.bus.subscribe(reply, ({ payload }) => {
      answers.push(JSON.parse(Buffer.from(payload).toString()) as WireAnswer);
    });
    this.bus.publish(subject, JSON.stringify(body), { reply });
    await this.elapse(1_000);
    return answers;
  }

  async #step(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.clock.advance(5);
  }
}

export const partitionOfPurse = (purseId: string): number =>
  partitionOf(actorKey('purse', purseId), settings.partitions);

/** The subject at the owner, as a NATS that maps subjects would make it. */
export function mappedSubject(verb: 'cmd' | 'get', purseId: string, name: string): string {
  return `millrace.part.${partitionOfPurse(purseId)}.${verb}.purse.${purseId}.${name}`;
}

/** A clock that is ahead of another by so many ms, or behind. */
export const aheadBy = (clock: Clock, ms: number): Clock => ({
  ...clock,
  now: () => clock.now() + ms,
});

/** A port of which some methods are replaced. */
export function replacing<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get: (target, name) => {
      const method: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof method === 'function' ? (method.bind(target) as unknown) : method;
    },
  });
}

/** A connection to NATS that can be cut: its round trips fail from then on. */
export function pulse(): Pick<Bus, 'flush'> & { cut(): void } {
  let connected = true;
  return {
    cut: () => void (connected = false),
    flush: async () => {
      if (!connected) throw new Error('the connection is cut');
    },
  };
}
