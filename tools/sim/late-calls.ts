/**
 * Calls to Redis that land late: their connection ends as they are sent, whoever sent them goes on over
 * another one, and seconds later the server carries them out, as a network does that still has them.
 */
import type { Cluster } from './cluster.ts';
import type { Dice } from './dice.ts';
import type { Deed } from './faults.ts';
import type { SimulatedRedis } from './redis.ts';
import type { Schedule } from './schedule.ts';

export interface LateCallsOptions {
  readonly schedule: Schedule;
  readonly dice: Dice;
  readonly redis: SimulatedRedis;
  readonly cluster: Cluster;
}

/** Hand-overs, queue groups and checkpoints have kinds of their own, for they are rare. */
const ofLeases = ['acquire', 'release', 'renew'];
const ofLog = ['append', 'saveSnapshots', 'trim'];
/** A partition may go wrong a few times before it is halted. */
const memoryFaultsMax = 3;

export class LateCalls {
  readonly #options: LateCallsOptions;
  #memoryFaults = 0;

  constructor(options: LateCallsOptions) {
    this.#options = options;
  }

  kinds(): { readonly [kind: string]: Deed } {
    const { dice } = this.#options;
    return {
      'a call for a lease lands late': () => this.#delay('leases', dice.pick(ofLeases)),
      'a write lands late': () => this.#delay('log', dice.pick(ofLog)),
      'a checkpoint lands late': () => this.#checkpoint(),
      'a hand-over lands late': () => this.#handOver(),
      'memory fails while a write is late': () => this.#forget(),
    };
  }

  /** Whoever makes the call next. */
  #delay(port: 'log' | 'leases', call: string): string {
    const { dice, cluster } = this.#options;
    const outMs = Math.round(dice.pause(dice.pick([20, 1_200])));
    const lateMs = Math.round(dice.pause(dice.pick([100, 1_000, 4_000])));
    for (const process of cluster.processes) process[port].cutAt(call, { outMs, lateMs });
    return `${call}, cut off for ${outMs} ms, after ${lateMs} ms`;
  }

  /** When its owner, who is soon told of another sending, has written others. */
  #checkpoint(): string {
    const { dice, cluster } = this.#options;
    const lateMs = dice.whole(500, 4_000);
    for (const { log } of cluster.processes) log.cutAt('saveCheckpoint', { outMs: 20, lateMs });
    return `after ${lateMs} ms`;
  }

  /**
   * A host leaves and, when it is back, pulls partitions from those who took them. Owners that get no
   * answer for a second go on, and a second later through another queue group. A successor to whom they
   * cannot say so waits all the while.
   */
  #handOver(): string | undefined {
    const { dice, redis, cluster } = this.#options;
    const { processes } = cluster;
    const owners = processes.filter(({ life, host }) => host && redis.isOwner(life.name));
    if (processes.length < 3 || owners.length === 0) return undefined;
    const { life } = dice.pick(owners);
    const lateMs = dice.pick([dice.whole(900, 3_500), dice.whole(2_100, 2_900)]);
    const given = { outMs: dice.whole(900, 1_900), lateMs };
    const regrouped = { outMs: 20, lateMs: dice.whole(2_000, 5_000) };
    const muteMs = dice.chance(0.7) ? 1_600 : 0;
    for (const { leases, bus } of processes.filter((process) => process.life !== life)) {
      leases.cutAt('handOver', { ...given, onCut: () => bus.stall('up', muteMs) });
      leases.cutAt('regroup', regrouped);
    }
    cluster.stop(life.name, { restart: true });
    return `when ${life.name} leaves, out for ${given.outMs} ms, after ${given.lateMs} ms`;
  }

  /** An owner's partitions go wrong while a group of theirs is on its way, and will land. */
  #forget(): string | undefined {
    const { dice, schedule, redis, cluster } = this.#options;
    const owners = cluster.processes.filter(({ life }) => redis.isOwner(life.name));
    if (owners.length === 0 || this.#memoryFaults === memoryFaultsMax) return undefined;
    this.#memoryFaults++;
    const { life, memory, log } = dice.pick(owners);
    const outMs = dice.whole(150, 600);
    const lateMs = outMs + dice.whole(0, 300);
    const onCut = (): void => {
      memory.failing = true;
      schedule.after(outMs, () => (memory.failing = false));
    };
    log.cutAt('append', { outMs, lateMs, onCut });
    return `${life.name}, cut off for ${outMs} ms, the write after ${lateMs} ms`;
  }
}
