/** The hosts of a simulated cluster: each a process that is started, dies and is started again. */
import type { ClusterSettings } from '../../contracts/cluster.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import type { Archive } from '../../runtime/archive.ts';
import { startHost, type Host } from '../../runtime/host.ts';
import type { Limits } from '../../runtime/limits.ts';
import type { Dice } from './dice.ts';
import { Life } from './life.ts';
import type { NatsConnection, SimulatedNats } from './nats.ts';
import { ProcessMemory } from './process-memory.ts';
import type { RedisConnection, SimulatedRedis } from './redis.ts';
import type { Schedule } from './schedule.ts';
import type { Trace } from './trace.ts';

export interface ClusterOptions {
  readonly schedule: Schedule;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly redis: SimulatedRedis;
  readonly nats: SimulatedNats;
  readonly archive: Archive;
  readonly types: ActorTypes;
  readonly settings: ClusterSettings;
  readonly prefix: string;
  readonly limits: Limits;
  /** Whether records hold the commands that they answer. */
  readonly keepCommands: boolean;
  /** Whether some clocks run too fast or too slow: no lease may be trusted. */
  readonly badClocks: boolean;
}

/** One process of a host; when it has died, its successor is another. */
export interface HostProcess {
  readonly life: Life;
  readonly memory: ProcessMemory;
  readonly log: RedisConnection;
  readonly leases: RedisConnection;
  readonly bus: NatsConnection;
  readonly pulse: NatsConnection;
  /** Once it has started, until it is asked to stop. */
  host: Host | undefined;
}

export class Cluster {
  readonly reports: string[] = [];
  readonly #options: ClusterOptions;
  /** By host name. */
  readonly #processes = new Map<string, HostProcess>();
  readonly #wanted = new Set<string>();
  #healed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  get processes(): HostProcess[] {
    return [...this.#processes.values()];
  }

  /** Starts a host; a supervisor starts it again whenever its process has died. */
  start(name: string): void {
    this.#wanted.add(name);
    if (!this.#processes.has(name)) this.#spawn(name, 0);
  }

  /** SIGTERM: the process lets go in good order and ends; `restart` starts it again. */
  stop(name: string, { restart }: { readonly restart: boolean }): void {
    const process = this.#processes.get(name);
    const host = process?.host;
    if (process === undefined || host === undefined || !process.life.isRunning) return;
    if (!restart) this.#wanted.delete(name);
    this.#options.trace.add(`host   ${name} is asked to stop`);
    process.host = undefined;
    const stopMs = 8_000;
    process.life.clock.after(stopMs + 500, () => process.life.kill());
    host.stop(stopMs).then(
      () => process.life.kill(),
      () => process.life.kill(),
    );
  }

  /** From now on hosts that have died are started again at once. */
  heal(): void {
    this.#healed = true;
    for (const { life, memory, log, leases, bus, pulse } of this.processes) {
      memory.failing = false;
      life.skewMs = 0;
      life.pace = 1;
      life.killAfter(Number.POSITIVE_INFINITY);
      for (const connection of [log, leases, bus, pulse]) connection.heal();
      life.thaw();
    }
  }

  #spawn(name: string, number: number): void {
    const { schedule, dice, redis, nats, trace, badClocks } = this.#options;
    const pace = badClocks && dice.chance(0.4) ? dice.pick([0.4, 0.7, 1.5]) : 1;
    const life = new Life(name, schedule, pace);
    trace.add(`host   ${name} starts (${number}), its clock at ${pace}`);
    const process: HostProcess = {
      life,
      memory: new ProcessMemory(),
      log: redis.connect(life, `${name}.${number}`),
      leases: redis.connect(life, `${name}.${number}.leases`),
      bus: nats.connect(life),
      pulse: nats.connect(life),
      host: undefined,
    };
    this.#processes.set(name, process);
    life.onEnd(() => {
      trace.add(`host   ${name} ends`);
      this.#processes.delete(name);
      const pause = this.#healed ? 100 : dice.between(100, 3_000);
      schedule.after(pause, () => {
        if (this.#wanted.has(name) && !this.#processes.has(name)) this.#spawn(name, number + 1);
      });
    });
    startHost(this.#hostOptions(process, number)).then(
      (host) => (process.host = host),
      (error: unknown) => {
        this.#report(name, `cannot start: ${String(error)}`);
        life.kill();
      },
    );
  }

  #hostOptions({ life, memory, log, leases, bus, pulse }: HostProcess, number: number) {
    const { archive, types, settings, prefix, limits, dice, keepCommands } = this.#options;
    return {
      name: life.name,
      prefix,
      settings,
      types: memory.types(types),
      keepCommands,
      log: log.log,
      leases: leases.leases,
      archive,
      bus,
      pulse,
      clock: life.clock,
      random: dice.fork(`${life.name}.${number}`).random,
      limits: () => memory.limits(limits),
      report: (line: string) => this.#report(life.name, line),
    };
  }

  #report(name: string, line: string): void {
    this.reports.push(`${name}: ${line}`);
    this.#options.trace.add(`report ${name}: ${line}`);
  }
}
