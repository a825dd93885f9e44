/**
 * Which partitions this host owns.
 *
 * Owns the ownerships of this host. What to take is decided by take-overs.ts (what nobody owns) and
 * pulls.ts (what an owner that lives is to hand over), what to get ready for by standbys.ts (what an
 * owner that is silent has); heartbeat.ts keeps it.
 */
import type { Bus, BusMessage, Subscription } from './bus.ts';
import { pause, within, type Random } from './clock.ts';
import { HandOver } from './hand-over.ts';
import { Heartbeat } from './heartbeat.ts';
import type { OwnerRecord } from './leases.ts';
import type { Limits } from './limits.ts';
import { LogWatch, lostRecords } from './log-watch.ts';
import { Ownership, type OwnershipOptions, type Service } from './ownership.ts';
import { Outlook, type Owner } from './outlook.ts';
import { Parley, type Answer, type Ask } from './parley.ts';
import type { PartitionStatus } from './partition-status.ts';
import { Pulls } from './pulls.ts';
import { Restarts } from './restarts.ts';
import { Rounds } from './rounds.ts';
import { Standbys } from './standbys.ts';
import { succeed } from './succession.ts';
import { TakeOvers } from './take-overs.ts';
import type { Subjects } from '../contracts/subjects.ts';

export interface PlacementOptions extends Omit<
  OwnershipOptions,
  'onLost' | 'onFailed' | 'subjectOf'
> {
  readonly host: string;
  readonly partitions: number;
  readonly subjects: Subjects;
  /** What only the hosts of the cluster know. */
  readonly secret: string;
  readonly random: Random;
  readonly limits: Limits;
  /** A connection to NATS that no flood holds up. */
  readonly pulse: Pick<Bus, 'flush'>;
  /** A request that waited here for a partition which stays with its owner. */
  readonly onStranded: (message: BusMessage, partition: number) => void;
}

interface Held {
  readonly ownership: Ownership;
  readonly handOver: HandOver;
}

/** How long hosts that start together wait to see each other before they take anything. */
const introductionMs = 400;
const scanMs = 250;
const tickMs = 100;
/** How often a host that leaves looks whether anybody is there to succeed it. */
const leavingMs = 50;

export class Placement {
  readonly #options: PlacementOptions;
  readonly #ownershipOptions: OwnershipOptions;
  readonly #nonce: string;
  readonly #parley: Parley;
  readonly #heartbeat: Heartbeat;
  readonly #takeOvers: TakeOvers;
  readonly #standbys: Standbys;
  readonly #pulls: Pulls;
  readonly #restarts: Restarts;
  readonly #held = new Map<number, Held>();
  /** Not held any more; until they are free they may still publish. */
  readonly #freed = new Set<Ownership>();
  readonly #logWatch: LogWatch;
  readonly #outlook: Outlook;
  readonly #rounds: Rounds;
  #asked: Subscription | undefined;
  #acquisitions = 0;
  /** On the monotonic clock. */
  #tickedAt: number;
  /** Hosts that start together have seen each other. */
  #introduced = false;
  /** Takes nothing more. */
  #stopping = false;

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.#tickedAt = options.clock.monotonic();
    this.#nonce = options.random.id(options.clock.now());
    this.#parley = new Parley(options);
    this.#ownershipOptions = {
      ...options,
      subjectOf: (partition) => options.subjects.partition(partition),
      onLost: (ownership) => this.#lost(ownership),
      onFailed: (ownership, reason) => void this.#failed(ownership, reason),
    };
    this.#heartbeat = new Heartbeat({
      ...this.#ownershipOptions,
      ...options,
      held: () => this.#ownerships,
    });
    const storeNow = (): number => this.#heartbeat.storeNow;
    this.#outlook = new Outlook({ ...options, storeNow });
    const onError = (error: unknown): void => options.report(`placement: ${String(error)}`);
    this.#rounds = new Rounds(options.clock, onError);
    this.#logWatch = new LogWatch({
      ...options,
      onWentBack: (partition, reason) => this.#wentBack(partition, reason),
    });
    this.#restarts = new Restarts(options);
    const isHeld = (partition: number): boolean =>
      this.#held.has(partition) || !this.#restarts.mayTry(partition);
    const shared = { ...options, isHeld };
    const successorOf = (partition: number, { epoch }: OwnerRecord): Ownership =>
      this.#ownershipOf(partition, epoch + 1, this.#newNonce());
    this.#standbys = new Standbys({ ...shared, nonce: this.#nonce, successorOf });
    this.#takeOvers = new TakeOvers({
      ...shared,
      reached: (partition) => this.#standbys.reached(partition),
      take: (partition) => this.#take(partition),
    });
    this.#pulls = new Pulls({
      ...options,
      // An owner that is silent hands nothing over.
      isHeld: (partition) => isHeld(partition) || this.#standbys.has(partition),
      pull: (partition, owner) => this.#pull(successorOf(partition, owner), owner),
    });
  }

  get nonce(): string {
    return this.#nonce;
  }

  /** Begins to take partitions; what cannot begin goes on with nothing. */
  async start(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      this.#stopping = true;
      this.#standbys.stop();
      this.#end();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const { clock, limits, host } = this.#options;
    this.#asked = this.#parley.listen(host, (ask) => this.#answer(ask));
    await this.#heartbeat.beat();
    // What a former process of this name has can be read meanwhile.
    this.#rounds.every(scanMs, () => this.#scan(), 0);
    await pause(clock, introductionMs);
    await this.#heartbeat.beat();
    this.#introduced = true;
    this.#rounds.every(limits.leaseMs / 3, () => this.#heartbeat.beat());
    this.#rounds.every(tickMs, async () => this.#tick());
  }

  /** What answers for a partition here; undefined if this host may not answer. */
  service(partition: number): Service | undefined {
    return this.#held.get(partition)?.ownership.service;
  }

  /** Whether the lease of a partition is this host's, as far as it can know. */
  holds(partition: number): boolean {
    return this.#held.get(partition)?.ownership.holds ?? false;
  }

  /** The partition's owner as of the last look, if its lease runs. */
  ownerOf(partition: number): Owner | undefined {
    return this.#outlook.ownerOf(partition);
  }

  /** Looks at the owners now. */
  look(): Promise<void> {
    return this.#outlook.look();
  }

  /** The partitions that requests reach here. */
  status(): PartitionStatus[] {
    return this.#ownerships.flatMap((ownership) => ownership.status ?? []);
  }

  /** The partitions that are halted here, and why. */
  halted(): { partition: number; reason: string }[] {
    return this.#ownerships.flatMap(({ partition, haltedBecause: reason }) =>
      reason === undefined ? [] : [{ partition, reason }],
    );
  }

  /** What keeps this host from serving all that it should, a sentence each. */
  get troubles(): string[] {
    if (this.#stopping) return ['this host is leaving: it hands its partitions over'];
    const halts = this.halted().map(
      ({ partition, reason }) => `partition ${partition} is halted: ${reason}`,
    );
    return [...this.#heartbeat.troubles, ...halts];
  }

  /** How long ago it last did its housekeeping, in ms. */
  get idleMs(): number {
    return this.#options.clock.monotonic() - this.#tickedAt;
  }

  /** Events that were sent shortly before the connection broke may be lost: they are sent again. */
  republish(): void {
    for (const { served } of [...this.#ownerships, ...this.#freed]) served?.republish();
  }

  /**
   * Lets go of everything in good order, within `ms`: other hosts pull what is here, since this one
   * is no longer among the living; what nobody is there to take is freed.
   */
  async stop(ms: number): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + ms;
    this.#stopping = true;
    this.#takeOvers.stop();
    this.#standbys.stop();
    this.#pulls.stop();
    await this.#heartbeat.leave().catch(() => undefined);
    while (this.#leaving && clock.monotonic() < deadline && (await this.#outlook.othersLive()))
      await pause(clock, leavingMs);
    const rest = Promise.all(this.#ownerships.map((ownership) => ownership.release()));
    await within(clock, Math.max(0, deadline - clock.monotonic()), rest);
    for (const ownership of this.#ownerships) ownership.end();
    this.#held.clear();
    this.#end();
  }

  #end(): void {
    this.#asked?.unsubscribe();
    this.#rounds.stop();
  }

  get #ownerships(): Ownership[] {
    return [...this.#held.values()].map(({ ownership }) => ownership);
  }

  /** Whether something is here, or may yet come, that another host could take. */
  get #leaving(): boolean {
    const givable = this.#ownerships.some(({ served }) => served !== undefined);
    return givable || this.#takeOvers.busy || this.#pulls.busy;
  }

  async #scan(): Promise<void> {
    if (this.#stopping) return;
    await this.look();
    const own = this.#ownerships.flatMap(({ served }) => served?.status ?? []);
    await this.#logWatch.look(this.#outlook.seen, own);
    if (!this.#heartbeat.mayTake) return this.#standbys.clear();
    this.#standbys.consider(this.#outlook.seen);
    if (!this.#introduced) return;
    this.#takeOvers.consider(this.#outlook.seen);
    this.#pulls.consider(this.#outlook.seen);
  }

  /** Takes a free partition, with what has been read of it already. */
  async #take(partition: number): Promise<void> {
    const standby = this.#standbys.claim(partition);
    try {
      await this.#acquire(partition, standby);
    } finally {
      if (this.#held.get(partition)?.ownership !== standby) standby?.end();
    }
  }

  /** Acquires a free partition and opens it; one that cannot be opened is given back. */
  async #acquire(partition: number, standby: Ownership | undefined): Promise<void> {
    const { leases, limits, clock, host } = this.#options;
    const nonce = standby?.fence.nonce ?? this.#newNonce();
    const group = `${host}.${nonce}`;
    const sentAt = clock.monotonic();
    const claim = { partition, host, nonce, group, leaseMs: limits.leaseMs };
    const known = this.#logWatch.reached(partition);
    const acquired = await leases.acquire(claim);
    if (acquired.kind === 'held') return;
    const { epoch } = acquired;
    const ownership =
      standby?.fence.epoch === epoch ? standby : this.#ownershipOf(partition, epoch, nonce);
    await this.#opened(ownership, group, () => {
      if (acquired.kind === 'lost-tail')
        return ownership.openHalted(group, sentAt, lostRecords(acquired.found, acquired.known));
      return acquired.top < known
        ? ownership.openHalted(group, sentAt, lostRecords(acquired.top, known))
        : ownership.open(group, { ...acquired, sentAt });
    });
  }

  #opened(ownership: Ownership, group: string, open: () => Promise<void>): Promise<void> {
    this.#hold(ownership, group);
    return this.#orFree(ownership, open());
  }

  /** While it is being handed over its successor looks, too. */
  #wentBack(partition: number, reason: string): void {
    const held = this.#held.get(partition);
    if (held?.ownership.served && !held.handOver.underWay) held.ownership.halt(reason);
  }

  /** Takes a partition over from an owner that lives; tells whether it has changed hands. */
  async #pull(ownership: Ownership, owner: OwnerRecord): Promise<boolean> {
    const onOwned = (group: string): void => this.#hold(ownership, group);
    const options = { ...this.#options, parley: this.#parley, onOwned };
    const pulled = await this.#orFree(ownership, succeed(options, ownership, owner));
    await this.look().catch(() => undefined);
    return pulled;
  }

  #newNonce(): string {
    return `${this.#nonce}.${++this.#acquisitions}`;
  }

  #ownershipOf(partition: number, epoch: number, nonce: string): Ownership {
    const fence = { partition, epoch, nonce };
    return new Ownership(this.#ownershipOptions, fence);
  }

  #hold(ownership: Ownership, group: string): void {
    const onGiven = (given: Ownership): void => {
      this.#drop(given);
      void this.look().catch(() => undefined);
    };
    const onLost = (lost: Ownership): void => this.#lost(lost);
    const handOver = new HandOver({ ...this.#options, onGiven, onLost }, ownership, group);
    this.#held.set(ownership.partition, { ownership, handOver });
  }

  /** If it fails, what is held is freed, so that another host can try. */
  async #orFree<T>(ownership: Ownership, opening: Promise<T>): Promise<T> {
    try {
      return await opening;
    } catch (error) {
      if (this.#drop(ownership)) await this.#free(ownership);
      throw error;
    }
  }

  async #free(ownership: Ownership): Promise<void> {
    this.#freed.add(ownership);
    await ownership.release().finally(() => this.#freed.delete(ownership));
  }

  async #answer(ask: Ask): Promise<Answer> {
    return (await this.#held.get(ask.partition)?.handOver.answer(ask)) ?? { kind: 'no' };
  }

  #lost(ownership: Ownership): void {
    if (!this.#drop(ownership)) return;
    this.#options.report(`partition ${ownership.partition} has another owner now`);
    ownership.served?.dismiss();
    ownership.end();
  }

  /** It is built again from its log: here after a pause, or by another host. */
  async #failed(ownership: Ownership, reason: string): Promise<void> {
    const { partition } = ownership;
    if (this.#held.get(partition)?.ownership !== ownership) return;
    if (!this.#restarts.failed(partition)) {
      ownership.halt(`${reason}; it went wrong each time it was built again`);
      return;
    }
    this.#options.report(`partition ${partition} is dropped and built again: ${reason}`);
    this.#drop(ownership);
    await this.#free(ownership);
  }

  #drop(ownership: Ownership): boolean {
    const { partition } = ownership;
    return this.#held.get(partition)?.ownership === ownership && this.#held.delete(partition);
  }

  #tick(): void {
    this.#tickedAt = this.#options.clock.monotonic();
    for (const { ownership, handOver } of this.#held.values())
      if (!handOver.underWay) ownership.served?.tick();
  }
}
