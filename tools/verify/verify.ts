/**
 * Replays the logs of a cluster with the actors of a build, side by side: a record that applies a
 * message waits until the record that sent it has been seen, so that no more is in memory than the
 * actors, the messages under way and a page of each log. A cluster that works meanwhile disturbs
 * nothing: what it has appended by the time that a log's end is reached is verified too.
 */
import type { ActorKey } from '../../contracts/ids.ts';
import type { Message } from '../../contracts/record.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import type { Log } from '../../runtime/log.ts';
import type { LogSources, Placed } from '../../runtime/whole-log.ts';
import { differenceText, PartitionReplay, type ReplayWorld } from '../checkers/partition-replay.ts';
import { ledgerFault } from '../checkers/ledger.ts';
import { Snapshots } from '../checkers/snapshots.ts';
import { CausalWalk } from './causal-walk.ts';
import { Invariants } from './invariants.ts';
import { LiveStates, type AskStates } from './live-states.ts';
import { StateComparison } from './state-comparison.ts';

export interface VerifyOptions extends LogSources {
  readonly log: Pick<Log, 'read' | 'loadSnapshots'>;
  readonly partitions: number;
  /** The build that is asked. */
  readonly types: ActorTypes;
  /** The build that its states are compared with after each record; without it with snapshots alone. */
  readonly against?: ActorTypes | undefined;
  /** Verifies these partitions alone; the other logs are read for the messages that they applied. */
  readonly only?: ReadonlySet<number> | undefined;
  /** Asks hosts for what they have in memory; without it that is not compared. */
  readonly live?: AskStates | undefined;
  /** Told now and then how many records have been verified. */
  readonly onProgress?: (records: number) => void;
}

export interface Verified {
  readonly records: number;
  /** How many were decided again. */
  readonly judged: number;
  /** How many commands' records were only evolved again: the log does not say what was asked. */
  readonly unknown: number;
  readonly snapshots: number;
  /** Actors whose states in the memory of hosts were compared. */
  readonly live: number;
  /** What could not be looked at, and why. */
  readonly notes: readonly string[];
  readonly differences: number;
  /** Where they begin: the first of them, as sentences. */
  readonly first: readonly string[];
}

const firstMax = 20;

/** Verifies every log from its first record to its end. Rejects if it cannot be read. */
export async function verify(options: VerifyOptions): Promise<Verified> {
  const verification = new Verification(options);
  await verification.run();
  return verification.verified;
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #walk: CausalWalk;
  readonly #replays: readonly (PartitionReplay | undefined)[];
  readonly #snapshots = new Snapshots();
  /** The actors whose snapshots have been asked for. */
  readonly #known = new Set<ActorKey>();
  readonly #states: StateComparison;
  readonly #live = new LiveStates((sentence) => this.#say(sentence));
  readonly #invariants: readonly Invariants[];
  readonly #notes: string[] = [];
  readonly #first: string[] = [];
  /** What the record that is replayed takes. */
  #message: Message | undefined;
  #loaded = 0;
  #differences = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
    const { types, against, partitions, only } = options;
    this.#states = new StateComparison(against ?? new Map(), this.#say.bind(this));
    const world: ReplayWorld = {
      types,
      partitions,
      observers: [this.#states.observe, this.#snapshots.observe, this.#live.observe],
      command: () => undefined,
      message: () => this.#message,
      onDifference: (difference) => this.#say(differenceText(difference)),
    };
    this.#replays = Array.from({ length: partitions }, (_, partition) =>
      only?.has(partition) === false ? undefined : new PartitionReplay(world),
    );
    this.#invariants = this.#replays.map(() => new Invariants());
    this.#walk = new CausalWalk({
      ...options,
      prepare: (partition, page) => this.#loadSnapshots(partition, page),
      visit: (placed, message) => this.#visit(placed, message),
      onBroken: (sentence) => this.#say(sentence),
    });
  }

  get verified(): Verified {
    const replays = this.#replays.flatMap((replay) => replay ?? []);
    return {
      records: this.#walk.visited,
      judged: replays.reduce((sum, { judged }) => sum + judged, 0),
      unknown: replays.reduce((sum, { unknown }) => sum + unknown, 0),
      snapshots: this.#loaded,
      live: this.#live.compared,
      notes: this.#notes,
      differences: this.#differences,
      first: this.#first,
    };
  }

  async run(): Promise<void> {
    await this.#walk.run();
    if (this.#options.live) {
      await this.#compareLive(this.#options.live);
      this.#walk.again();
      await this.#walk.run();
      this.#live.finish();
    }
    this.#states.finish();
    for (const wrong of this.#snapshots.wrong) this.#say(wrong);
    // Another build may keep no ledger that this one can read.
    if (this.#options.against === undefined)
      for (const replay of this.#replays) this.#audit(replay);
  }

  /** Hosts are ahead of what was read: what they tell is compared when replay comes there. */
  async #compareLive(ask: AskStates): Promise<void> {
    const asked = this.#replays.map(async (replay, partition) => {
      if (replay) await this.#live.ask(partition, replay, ask);
    });
    for (const outcome of await Promise.allSettled(asked))
      if (outcome.status === 'rejected')
        this.#notes.push(`not compared with what is in memory: ${textOf(outcome.reason)}`);
  }

  /** An actor owns what it keeps its holdings for, and nothing of it is below zero. */
  #audit(replay: PartitionReplay | undefined): void {
    for (const { actor, type, instance, version } of replay?.actors() ?? []) {
      const fault = ledgerFault(type, {
        value: instance.value,
        context: instance.context,
        version,
      });
      if (fault !== undefined) this.#say(`${actor}: ${fault}`);
    }
  }

  #visit(placed: Placed, message: Message | undefined): Promise<void> | void {
    for (const broken of this.#invariants[placed.partition]?.observe(placed) ?? [])
      this.#say(broken);
    const replay = this.#replays[placed.partition];
    const cites = replay?.cites(placed);
    if (cites !== undefined) return this.#visitCiting(placed, message, cites);
    this.#message = message;
    replay?.take(placed);
  }

  async #visitCiting(placed: Placed, message: Message | undefined, cites: string): Promise<void> {
    const cited = await this.#walk.record(placed.partition, cites);
    this.#message = message;
    this.#replays[placed.partition]?.take(placed, cited);
  }

  /** Before the records whose actors they are of: replay must still come to their versions. */
  async #loadSnapshots(partition: number, page: readonly Placed[]): Promise<void> {
    if (this.#replays[partition] === undefined) return;
    const fresh = new Set<ActorKey>();
    for (const { record } of page) if (!this.#known.has(record.actor)) fresh.add(record.actor);
    if (fresh.size === 0) return;
    for (const actor of fresh) this.#known.add(actor);
    for (const found of await this.#options.log.loadSnapshots(partition, [...fresh])) {
      if (found === undefined || found.version === 0) continue;
      this.#snapshots.add(found);
      this.#loaded++;
    }
  }

  #say(sentence: string): void {
    this.#differences++;
    if (this.#first.length < firstMax) this.#first.push(sentence);
  }
}

const textOf = (reason: unknown): string =>
  reason instanceof Error ? reason.message : String(reason);
