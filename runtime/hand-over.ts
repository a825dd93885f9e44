/**
 * The owner's half of a planned change of hands; the successor's is succession.ts.
 *
 * Owns who is to succeed. Invariants:
 * H1  one successor at a time, and only the one that has joined is given the partition;
 * H2  everything that came in is finished and answered before it is given away;
 * H3  from `join` on the next step comes within a second, or the owner opens another queue group: a
 *     successor that freezes half-way keeps no more requests than those of that second;
 * H4  the call that gives the partition away is repeated until its outcome is known; if that takes
 *     too long the owner goes on, and the fence stops it should the call have arrived after all. It names
 *     the group that the successor is in: once the owner has opened another, it comes too late.
 */
import type { Bus } from './bus.ts';
import { pause, within, type Clock, type Random, type Timer } from './clock.ts';
import type { Heir, Leases } from './leases.ts';
import type { Ownership } from './ownership.ts';
import type { Answer, Ask } from './parley.ts';
import type { Partition } from './partition.ts';

export interface HandOverOptions {
  readonly leases: Leases;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly onGiven: (ownership: Ownership) => void;
  readonly onLost: (ownership: Ownership) => void;
  readonly report: (line: string) => void;
}

const stepMsMax = 1_000;
/** A host that is behind sends on what arrives later than this. */
const drainMsMax = 100;

const no: Answer = { kind: 'no' };

export class HandOver {
  readonly #options: HandOverOptions;
  readonly #ownership: Ownership;
  #group: string;
  #heir: Heir | undefined;
  #watch: Timer | undefined;
  #giving = false;

  constructor(options: HandOverOptions, ownership: Ownership, group: string) {
    this.#options = options;
    this.#ownership = ownership;
    this.#group = group;
  }

  /** Whether a successor reads along: then the log must stay as it is. */
  get underWay(): boolean {
    return this.#heir !== undefined;
  }

  /** What a successor is told that asks for the partition. */
  async answer({ step, epoch, heir }: Ask): Promise<Answer> {
    const { served, fence } = this.#ownership;
    if (served === undefined || epoch !== fence.epoch) return no;
    const known = this.#heir?.nonce === heir.nonce;
    switch (step) {
      case 'join':
        return this.#heir === undefined ? this.#join(heir, served) : no;
      case 'take':
        return known && !this.#giving ? this.#take(heir, served) : no;
      case 'leave':
        if (known && !this.#giving) this.#forget();
        return no;
    }
  }

  #forget(): void {
    this.#watch?.cancel();
    this.#heir = undefined;
  }

  /** H1, H3. */
  async #join(heir: Heir, partition: Partition): Promise<Answer> {
    const { clock } = this.#options;
    this.#heir = heir;
    this.#watch = clock.after(stepMsMax, () => void this.#regroup());
    // A checkpoint under way would change what the successor has read.
    await partition.checkpointed();
    return this.#heir?.nonce === heir.nonce ? { kind: 'joined', group: this.#group } : no;
  }

  async #take(heir: Heir, partition: Partition): Promise<Answer> {
    const { clock, bus } = this.#options;
    this.#watch?.cancel();
    this.#giving = true;
    const deadline = clock.monotonic() + stepMsMax;
    await within(clock, drainMsMax, this.#ownership.door.leave());
    this.#ownership.giving = true;
    if (!(await this.#finished(partition, deadline))) return this.#takeBack();
    // What was said last has reached NATS, so that the successor need not say it again.
    const arrived = partition.publisher.confirmation();
    if (await within(clock, drainMsMax, bus.flush())) arrived();
    return this.#give(heir, clock.monotonic() + stepMsMax);
  }

  /** H4. */
  async #give(heir: Heir, deadline: number): Promise<Answer> {
    const { clock, leases, onGiven, onLost } = this.#options;
    while (clock.monotonic() < deadline) {
      const outcome = await leases
        .handOver(this.#ownership.renewal, heir, this.#group)
        .catch(() => 'unknown' as const);
      switch (outcome) {
        case 'ok':
          onGiven(this.#ownership);
          this.#ownership.served?.dismiss();
          this.#ownership.given();
          return { kind: 'given' };
        case 'fenced':
          onLost(this.#ownership);
          return no;
        case 'diverged':
          return this.#takeBack();
        case 'unknown':
          await pause(clock, 50);
      }
    }
    return this.#takeBack();
  }

  /** H2; false if it takes too long. */
  async #finished(partition: Partition, deadline: number): Promise<boolean> {
    const { clock } = this.#options;
    while (!partition.idle) {
      if (clock.monotonic() >= deadline) return false;
      await pause(clock, 1);
    }
    return true;
  }

  /** The successor is told, leaves and sends on what it has; if it does not, see H3. */
  async #takeBack(): Promise<Answer> {
    // Another has taken it meanwhile: to come back into the group would be to hear its requests.
    if (this.#ownership.hasEnded) return no;
    this.#giving = false;
    this.#ownership.giving = false;
    await this.#enter(this.#group);
    this.#watch = this.#options.clock.after(stepMsMax, () => void this.#regroup());
    return no;
  }

  /** H3: from now on requests count only through a group that the successor is not in. */
  async #regroup(): Promise<void> {
    const { leases, clock, random, onLost, report } = this.#options;
    const ownership = this.#ownership;
    if (ownership.hasEnded) return;
    const group = random.id(clock.now());
    report(`partition ${ownership.partition} stays: ${this.#heir?.host} did not take it in time`);
    this.#giving = true;
    const groups = { from: this.#group, to: group };
    for (;;) {
      const outcome = await leases.regroup(ownership.fence, groups).catch(() => undefined);
      if (outcome === 'fenced') return onLost(ownership);
      if (outcome === 'ok') break;
      await pause(clock, 50);
    }
    await this.#enter(group);
    this.#group = group;
    this.#giving = false;
    this.#forget();
  }

  /** A connection that is lost enters its groups by itself once it is there again. */
  async #enter(group: string): Promise<void> {
    await this.#ownership.door.enter(group).catch(() => undefined);
  }
}
