/** What goes wrong in a simulation, and when: the kinds and their rates are drawn from the seed. */
import type { Cluster, HostProcess } from './cluster.ts';
import type { Dice } from './dice.ts';
import { LateCalls } from './late-calls.ts';
import type { SimulatedNats } from './nats.ts';
import type { Readers, ReaderProcess } from './readers.ts';
import type { SimulatedRedis } from './redis.ts';
import type { Schedule } from './schedule.ts';
import type { Trace } from './trace.ts';
import { fairWeather, someWeather, type Weather } from './weather.ts';

export interface FaultOptions {
  readonly schedule: Schedule;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly redis: SimulatedRedis;
  readonly nats: SimulatedNats;
  readonly cluster: Cluster;
  readonly readers: Readers;
  /** Nothing fails: hosts only come and go as an operator lets them. */
  readonly planned: boolean;
  readonly setWeather: (weather: Weather) => void;
}

/** Says what it did; undefined if there was nothing to do it to. */
export type Deed = () => string | undefined;

export class Faults {
  /** How often each kind has struck. */
  readonly counted = new Map<string, number>();
  readonly #options: FaultOptions;
  /**
   * Whether what came without an id may be carried out twice: NATS doubles some messages, or an owner
   * whose clock has slowed down sends on what its heir has a copy of.
   */
  doubles = false;
  #ended = false;

  constructor(options: FaultOptions) {
    this.#options = options;
  }

  /** From now on each kind that this seed has strikes again and again. */
  begin(): void {
    const { dice, setWeather, trace, planned } = this.#options;
    if (planned) {
      const everyMs = dice.between(300, 1_500);
      this.#again('planned stop and start', () => this.#plannedStop(), everyMs);
      return;
    }
    const weather = someWeather(dice);
    setWeather(weather);
    this.doubles = weather.doubled > 0;
    trace.add(`faults weather ${JSON.stringify(weather)}`);
    for (const [kind, deed] of Object.entries({ ...this.#kinds(), ...this.#readerKinds() })) {
      if (dice.chance(0.35)) this.#again(kind, deed, dice.between(1_000, 8_000));
    }
    this.#beginLate(dice.fork('late calls'));
  }

  /** Everything heals. */
  end(): void {
    this.#ended = true;
    const { redis, nats, cluster, readers, setWeather, trace } = this.#options;
    trace.add('faults end: everything heals');
    setWeather(fairWeather);
    redis.skewMs = 0;
    redis.slowMs = 0;
    redis.refuses = undefined;
    redis.start();
    nats.start();
    cluster.heal();
    readers.heal();
  }

  /** By dice of their own: where none of these strikes, a seed is what it would be without them. */
  #beginLate(dice: Dice): void {
    const kinds = new LateCalls({ ...this.#options, dice }).kinds();
    for (const [kind, deed] of Object.entries(kinds))
      if (dice.chance(0.3)) this.#again(kind, deed, dice.between(500, 3_000), dice);
  }

  #again(kind: string, deed: Deed, everyMs: number, dice = this.#options.dice): void {
    const { schedule, trace } = this.#options;
    schedule.after(dice.pause(everyMs), () => {
      if (this.#ended) return;
      const done = deed();
      if (done !== undefined) {
        trace.add(`fault  ${kind}: ${done}`);
        this.counted.set(kind, (this.counted.get(kind) ?? 0) + 1);
      }
      this.#again(kind, deed, everyMs, dice);
    });
  }

  #kinds(): { readonly [kind: string]: Deed } {
    const { dice, redis, nats, cluster } = this.#options;
    const one =
      (deed: (process: HostProcess) => string): Deed =>
      () => {
        const { processes } = cluster;
        return processes.length === 0 ? undefined : deed(dice.pick(processes));
      };
    return {
      kill: one(({ life }) => {
        life.kill();
        return life.name;
      }),
      'kill at a boundary': one(({ life }) => {
        const count = dice.whole(1, 60);
        life.killAfter(count);
        return `${life.name}, ${count} calls from now`;
      }),
      freeze: one(({ life }) => this.#freeze(life)),
      'stop and start': one(({ life }) => {
        cluster.stop(life.name, { restart: true });
        return life.name;
      }),
      'clock jump': one(({ life }) => {
        life.skewMs = dice.chance(0.3) ? 0 : dice.between(-5_000, 5_000);
        return `${life.name} to ${Math.round(life.skewMs)} ms`;
      }),
      'cut from Redis': one(({ life, log, leases }) => {
        const ms = dice.pause(dice.pick([200, 1_500, 5_000]));
        const which = dice.pick(['both', 'both', 'log', 'leases']);
        if (which !== 'leases') log.cut(ms);
        if (which !== 'log') leases.cut(ms);
        return `${life.name} for ${Math.round(ms)} ms`;
      }),
      'clock slows, cut from Redis': () => this.#outlive(),
      'cut from NATS': one(({ life, bus, pulse }) => {
        const ms = dice.pause(1_500);
        bus.cut(ms);
        if (dice.chance(0.7)) pulse.cut(ms);
        return `${life.name} for ${Math.round(ms)} ms`;
      }),
      'deaf or dumb': one(({ life, bus, pulse }) => {
        const ms = dice.pause(2_000);
        const direction = dice.pick(['up', 'down'] as const);
        bus.stall(direction, ms);
        if (dice.chance(0.5)) pulse.stall(direction, ms);
        return `${life.name} ${direction} for ${Math.round(ms)} ms`;
      }),
      'Redis restarts': () => {
        redis.stop();
        return this.#later('Redis', dice.pause(800), () => redis.start());
      },
      'Redis is slow': () => {
        redis.slowMs = dice.between(20, 2_000);
        return this.#later('Redis', dice.pause(1_000), () => (redis.slowMs = 0));
      },
      'Redis refuses': () => {
        redis.refuses = 'OOM command not allowed';
        return this.#later('Redis', dice.pause(1_000), () => (redis.refuses = undefined));
      },
      'NATS restarts': () => {
        nats.stop();
        return this.#later('NATS', dice.pause(800), () => nats.start());
      },
    };
  }

  /** What happens to those who read the logs. */
  #readerKinds(): { readonly [kind: string]: Deed } {
    const { dice, readers } = this.#options;
    const one =
      (deed: (process: ReaderProcess) => string): Deed =>
      () => {
        const { processes } = readers;
        return processes.length === 0 ? undefined : deed(dice.pick(processes));
      };
    return {
      'kill a reader': one(({ life }) => {
        const count = dice.whole(1, 40);
        life.killAfter(count);
        return `${life.name}, ${count} calls from now`;
      }),
      'freeze a reader': one(({ life }) => this.#freeze(life)),
      'stop a reader': one(({ life, ending }) => {
        ending.abort();
        return life.name;
      }),
      'cut a reader from Redis': one(({ life, connection }) => {
        const ms = dice.pause(1_500);
        connection.cut(ms);
        return `${life.name} for ${Math.round(ms)} ms`;
      }),
    };
  }

  /** As in a rolling restart: one at a time, the next when the last is back. */
  #plannedStop(): string | undefined {
    const { dice, cluster } = this.#options;
    const { processes } = cluster;
    if (processes.length < 3 || processes.some(({ host }) => host === undefined)) return undefined;
    const { life } = dice.pick(processes);
    cluster.stop(life.name, { restart: true });
    return life.name;
  }

  /** An owner that believes in its leases for long after others have taken them: only the fence tells. */
  #outlive(): string | undefined {
    const { dice, cluster, redis } = this.#options;
    const owners = cluster.processes.filter(({ life }) => redis.isOwner(life.name));
    if (owners.length === 0) return undefined;
    const { life, log, leases } = dice.pick(owners);
    const ms = dice.between(4_000, 9_000);
    life.pace = 0.2;
    this.doubles = true;
    log.cut(ms);
    leases.cut(ms);
    return this.#later(life.name, ms, () => (life.pace = 1));
  }

  #freeze(life: HostProcess['life']): string {
    life.freeze();
    return this.#later(life.name, this.#options.dice.pause(3_000), () => life.thaw());
  }

  #later(what: string, ms: number, undo: () => void): string {
    this.#options.schedule.after(ms, () => {
      if (!this.#ended) undo();
    });
    return `${what} for ${Math.round(ms)} ms`;
  }
}
