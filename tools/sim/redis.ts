/**
 * Redis as a process sees it: the memory store behind connections that take time and break.
 *
 * A call is carried out in one instant, as a script is, when it reaches the server; a call whose
 * connection has ended rejects, and may have been carried out, or may still be (log.ts).
 */
import type { GroupReads } from '../../runtime/group-reads.ts';
import type { Leases } from '../../runtime/leases.ts';
import type { Log } from '../../runtime/log.ts';
import { memoryStore, type MemoryStore } from '../../runtime/memory/store.ts';
import type { Dice } from './dice.ts';
import { trueTime, type Life } from './life.ts';
import type { Schedule } from './schedule.ts';
import type { Trace } from './trace.ts';
import { delayOf, type Weather } from './weather.ts';
import { Wire } from './wire.ts';

export interface ServerOptions {
  readonly schedule: Schedule;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly weather: () => Weather;
}

export interface RedisOptions extends ServerOptions {
  readonly partitions: number;
  /** Looks at what is carried out. */
  readonly watched: (store: MemoryStore) => Watched;
}

export type Watched = Pick<MemoryStore, 'log' | 'leases' | 'groupReads'>;

export class SimulatedRedis {
  readonly store: MemoryStore;
  readonly watched: Watched;
  /** By partition: up to which record an owner was told that it is in the log. */
  readonly acknowledged = new Map<number, number>();
  /** How far the server's clock is ahead of the true time. */
  skewMs = 0;
  /** How much longer everything takes at present. */
  slowMs = 0;
  /** Of an error that it answers at present instead of carrying anything out, such as OOM. */
  refuses: string | undefined;
  readonly #options: RedisOptions;
  readonly #partitions: readonly number[];
  readonly #connections = new Set<RedisConnection>();
  #up = true;

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#partitions = Array.from({ length: options.partitions }, (_, partition) => partition);
    this.store = memoryStore(() => trueTime(options.schedule) + this.skewMs);
    this.watched = options.watched(this.store);
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#options.schedule.now;
  }

  /** Whether a host of this name owns any partition by a lease that runs. */
  isOwner(host: string): boolean {
    const now = trueTime(this.#options.schedule) + this.skewMs;
    return this.#partitions.some((partition) => {
      const { owner } = this.store.partitions(partition);
      return owner?.host === host && owner.until > now;
    });
  }

  connect(life: Life, name: string): RedisConnection {
    const connection = new RedisConnection(this, { ...this.#options, life, name });
    this.#connections.add(connection);
    life.onEnd(() => {
      this.#connections.delete(connection);
      connection.cut();
    });
    return connection;
  }

  /** kill -9: what it has not carried out it never will; what it has is on disk. */
  stop(): void {
    this.#up = false;
    for (const connection of this.#connections) connection.cut();
  }

  start(): void {
    this.#up = true;
  }
}

interface ConnectionOptions extends ServerOptions {
  readonly life: Life;
  readonly name: string;
}

/** What befalls a call: its connection ends, and what was sent through it is carried out all the same. */
export interface Delay {
  /** So long the connection cannot be made again. */
  readonly outMs: number;
  /** So long after the end of the connection the server gets the call. */
  readonly lateMs: number;
  readonly onCut?: () => void;
}

/** One connection; after it was cut it comes back by itself. */
export class RedisConnection {
  readonly log: Log;
  readonly leases: Leases;
  readonly groupReads: GroupReads;
  readonly #server: SimulatedRedis;
  readonly #options: ConnectionOptions;
  readonly #unanswered = new Set<(error: Error) => void>();
  #session: Session | undefined;
  /** Until then it cannot be made again, in ms of the schedule. */
  #outUntil = 0;
  /** By the name of the call. */
  readonly #awaited = new Map<string, Delay>();

  constructor(server: SimulatedRedis, options: ConnectionOptions) {
    this.#server = server;
    this.#options = options;
    this.log = noting(this.#through(server.watched.log), server.acknowledged);
    this.leases = this.#through(server.watched.leases);
    this.groupReads = this.#through(server.watched.groupReads);
    this.#session = this.#open();
  }

  /** Breaks the connection, so that it cannot be made again for so long. */
  cut(outMs = 0): void {
    const { dice } = this.#options;
    this.#end(outMs, (requests) =>
      requests.end(dice.chance(0.5) ? dice.pause(dice.pick([50, 500, 4_000])) : undefined),
    );
  }

  /** Breaks it as soon as a call of this name is sent, which then lands late. */
  cutAt(call: string, delay: Delay): void {
    this.#awaited.set(call, delay);
  }

  #end(outMs: number, endRequests: (requests: Wire) => void): void {
    const { schedule, life } = this.#options;
    this.#outUntil = Math.max(this.#outUntil, schedule.now + outMs);
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    endRequests(session.requests);
    session.replies.end(undefined);
    const lost = [...this.#unanswered];
    this.#unanswered.clear();
    life.reach(() =>
      lost.forEach((reject) => reject(new Error('the connection to Redis is lost'))),
    );
  }

  /** What hinders it ends. */
  heal(): void {
    this.#outUntil = 0;
    this.#awaited.clear();
  }

  #sent(call: string): void {
    const delay = this.#awaited.get(call);
    if (delay === undefined) return;
    this.#awaited.delete(call);
    const { trace, name } = this.#options;
    const { outMs, lateMs, onCut } = delay;
    trace.add(`redis  ${name}  ${call} is cut off for ${outMs} ms, and lands after ${lateMs} ms`);
    this.#end(outMs, (requests) => requests.end(lateMs, true));
    onCut?.();
  }

  #open(): Session | undefined {
    if (!this.#server.isUp || this.#options.schedule.now < this.#outUntil) return undefined;
    const { schedule, dice, weather } = this.#options;
    const delayMs = (): number => delayOf(weather(), dice) + this.#server.slowMs / 2;
    const wire = { schedule, dice, delayMs };
    return { requests: new Wire(wire), replies: new Wire(wire) };
  }

  #through<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...parameters: unknown[]) => {
          const carryOut = (): Promise<unknown> =>
            Promise.resolve(Reflect.apply(method, target, parameters));
          return this.#call(String(name), parameters, carryOut);
        };
      },
    });
  }

  #call(
    call: string,
    parameters: readonly unknown[],
    carryOut: () => Promise<unknown>,
  ): Promise<unknown> {
    const { life, dice, weather, trace, name } = this.#options;
    life.boundary();
    return new Promise((resolve, reject) => {
      if (life.isDead) return;
      const session = (this.#session ??= this.#open());
      if (session === undefined) {
        life.clock.soon(() => reject(new Error('there is no connection to Redis')));
        return;
      }
      this.#unanswered.add(reject);
      const answer = (told: () => void): void =>
        session.replies.send(() =>
          life.reach(() => {
            if (!this.#unanswered.delete(reject)) return;
            life.boundary();
            if (!life.isDead) told();
          }),
        );
      session.requests.send(() => {
        if (!this.#server.isUp) return;
        const { refused, unanswered } = weather();
        const refusal = this.#server.refuses ?? (dice.chance(refused) ? 'a fault' : undefined);
        if (refusal !== undefined) {
          answer(() => reject(new Error(`Redis refuses: ${refusal}`)));
          return;
        }
        void carryOut().then(
          (outcome) => {
            trace.add(`redis  ${name}  ${call} ${brief(parameters)} → ${brief(outcome)}`);
            life.boundary();
            if (dice.chance(unanswered)) answer(() => reject(new Error('the answer is lost')));
            else answer(() => resolve(outcome));
          },
          (error: unknown) => answer(() => reject(error)),
        );
      });
      this.#sent(call);
    });
  }
}

/** The same log; what it acknowledges is noted. */
const noting = (log: Log, acknowledged: Map<number, number>): Log => ({
  ...log,
  append: async (group) => {
    const outcome = await log.append(group);
    const { fence, after, n } = group;
    const before = acknowledged.get(fence.partition) ?? 0;
    if (outcome === 'ok' || outcome === 'already')
      acknowledged.set(fence.partition, Math.max(before, after + n));
    return outcome;
  },
});

interface Session {
  readonly requests: Wire;
  readonly replies: Wire;
}

const briefMax = 160;

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > briefMax ? `${text.slice(0, briefMax)}… (${text.length})` : text;
}
