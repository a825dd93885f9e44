/**
 * One simulation: several hosts, a Redis, a NATS and clients in one thread, on a clock and a chance
 * of their own. First things go wrong while clients work (safety), then everything heals and must
 * settle within 30 seconds of simulated time (liveness); in the end all that happened is checked.
 */
import { memoryArchive } from '../../runtime/memory/archive.ts';
import { placedIn, type Evidence, type PartitionLog } from '../checkers/evidence.ts';
import { leftAside } from '../checkers/logs.ts';
import { wrongUnnamed } from '../checkers/unnamed.ts';
import { violationsOf } from '../checkers/violations.ts';
import { SimulatedClient } from './clients.ts';
import { Cluster } from './cluster.ts';
import { Dice } from './dice.ts';
import { exchange } from './exchange.ts';
import { Faults } from './faults.ts';
import { commandsIn, toldIn, unnamedIn } from './exchanges.ts';
import { Life } from './life.ts';
import { SimulatedNats } from './nats.ts';
import { Observations } from './observations.ts';
import { Readers } from './readers.ts';
import { SimulatedRedis } from './redis.ts';
import { Repairs } from './repairs.ts';
import { Schedule } from './schedule.ts';
import { copied, TailLoss } from './tail-loss.ts';
import { tightLimits } from './tight-limits.ts';
import { Trace } from './trace.ts';
import { fairWeather, type Weather } from './weather.ts';
import type { Workload } from './workload.ts';

export interface SimulationOptions {
  readonly seed: string;
  readonly workload?: () => Workload;
  /** Given what the simulation left behind, as it is judged. */
  readonly onEvidence?: (evidence: Evidence) => void;
}

export interface Outcome {
  readonly seed: string;
  /** The same for the same seed and the same code. */
  readonly hash: string;
  readonly complaints: readonly string[];
  readonly trace: readonly string[];
  readonly figures: Figures;
}

export interface Figures {
  readonly simulatedMs: number;
  readonly records: number;
  readonly exchanges: number;
  readonly faults: ReadonlyMap<string, number>;
}

const prefix = 'millrace';
const hostNames = ['a', 'b', 'c'] as const;
const safetyMs = 12_000;
/** Nothing holds clients up where nothing fails: as much happens in less time. */
const plannedMs = 4_000;
const livenessMs = 30_000;
/** All hosts are up again, and work for a while. */
const calmMs = 6_000;
const quietMs = 8_000;

export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const { seed, workload = exchange, onEvidence = () => {} } = options;
  const simulation = new Simulation(seed, workload(), onEvidence);
  const rejected = (reason: unknown): void => simulation.complain(unobserved(reason));
  process.on('unhandledRejection', rejected);
  try {
    return await simulation.run();
  } finally {
    process.off('unhandledRejection', rejected);
  }
}

const unobserved = (reason: unknown): string =>
  `a promise was rejected and nobody looked, which ends a host: ` +
  (reason instanceof Error ? (reason.stack ?? reason.message) : String(reason));

class Simulation {
  readonly #seed: string;
  readonly #dice: Dice;
  readonly #schedule = new Schedule();
  readonly #trace = new Trace(this.#schedule);
  readonly #archive = memoryArchive();
  readonly #workload: Workload;
  readonly #onEvidence: (evidence: Evidence) => void;
  readonly #partitions: number;
  readonly #planned: boolean;
  readonly #badClocks: boolean;
  readonly #keepsCommands: boolean;
  readonly #redis: SimulatedRedis;
  readonly #nats: SimulatedNats;
  readonly #cluster: Cluster;
  readonly #observations = new Observations(this.#schedule);
  readonly #readers: Readers;
  readonly #clients: SimulatedClient[];
  /** Where actors fail, there is an operator. */
  readonly #repairs: Repairs | undefined;
  readonly #complaints: string[] = [];
  #weather: Weather = fairWeather;
  #loss: TailLoss | undefined;

  constructor(seed: string, workload: Workload, onEvidence: (evidence: Evidence) => void) {
    this.#seed = seed;
    this.#workload = workload;
    this.#onEvidence = onEvidence;
    const dice = (this.#dice = new Dice(seed));
    this.#partitions = dice.pick([2, 3, 5]);
    this.#planned = dice.chance(0.15);
    this.#badClocks = !this.#planned && dice.chance(0.5);
    this.#keepsCommands = dice.fork('kept commands').chance(0.25);
    const servers = {
      schedule: this.#schedule,
      trace: this.#trace,
      weather: () => this.#weather,
    };
    this.#redis = new SimulatedRedis({
      ...servers,
      partitions: this.#partitions,
      dice: dice.fork('redis'),
      watched: (store) => this.#observations.watch(store),
    });
    const mapped = dice.chance(0.8) ? this.#partitions : undefined;
    this.#nats = new SimulatedNats({ ...servers, dice: dice.fork('nats'), prefix, mapped });
    this.#observations.listen(this.#nats.hub, prefix);
    this.#cluster = new Cluster({
      schedule: this.#schedule,
      trace: this.#trace,
      dice: dice.fork('hosts'),
      redis: this.#redis,
      nats: this.#nats,
      archive: this.#archive,
      types: new Map(workload.types.map((type) => [type.type, type])),
      keepCommands: this.#keepsCommands,
      settings: {
        id: seed,
        partitions: this.#partitions,
        scales: { byAsset: {}, others: 8 },
      },
      prefix,
      badClocks: this.#badClocks,
      limits: tightLimits(dice.fork('limits'), this.#partitions),
    });
    this.#readers = new Readers({
      schedule: this.#schedule,
      trace: this.#trace,
      dice: dice.fork('readers'),
      redis: this.#redis,
      partitions: this.#partitions,
    });
    this.#clients = ['p', 'q', 'r'].map((name) => this.#client(name));
    const fails = !this.#planned && workload.mend !== undefined && dice.fork('fails').chance(0.4);
    if (fails) this.#repairs = this.#operator();
    else workload.mend?.();
  }

  complain(complaint: string): void {
    this.#complaints.push(complaint);
  }

  async run(): Promise<Outcome> {
    for (const name of hostNames) this.#cluster.start(name);
    this.#readers.start();
    const [first] = this.#clients;
    if (first === undefined) throw new Error('there are no clients');
    const { prologue = [], epilogue = [], judge } = this.#workload;
    await this.#finish('the prologue', () => [first.perform(prologue)]);

    const faults = new Faults({
      schedule: this.#schedule,
      dice: this.#dice.fork('faults'),
      trace: this.#trace,
      redis: this.#redis,
      nats: this.#nats,
      cluster: this.#cluster,
      readers: this.#readers,
      planned: this.#planned,
      setWeather: (weather) => (this.#weather = weather),
    });
    faults.begin();
    const plainEveryMs = this.#planned ? 25 : 400;
    const working = this.#clients.map((client) => client.run({ plainEveryMs }));
    const repairing = this.#repairs?.run();
    await this.#schedule.until(() => false, this.#planned ? plannedMs : safetyMs);
    faults.end();
    this.#workload.mend?.();
    this.#repairs?.stop();
    const losing = !this.#planned && !this.#badClocks && this.#dice.fork('tail').chance(0.2);
    if (losing) await this.#loseTail(this.#dice.fork('tail loss'));
    for (const client of this.#clients) client.stop();
    if (losing) {
      // Nothing halts where nothing is lost: then it must be settled like any other run.
      if (this.#loss?.partitions.length === 0)
        await this.#finish('what was set aside', () => [this.#repairAll(repairing)]);
      await this.#schedule.until(() => false, livenessMs);
      return this.#outcome(faults);
    }

    await this.#finish('what was set aside', () => [this.#repairAll(repairing)]);
    await this.#finish('what was under way', () => working);
    await this.#finish('asking everything again', () =>
      this.#clients.map((client) => client.repeatAll()),
    );
    await this.#finish('the epilogue', () => [first.perform(epilogue, judge)]);
    await this.#quiet();
    return this.#outcome(faults);
  }

  async #repairAll(repairing: Promise<void> | undefined): Promise<void> {
    await repairing;
    await this.#repairs?.retryAll();
  }

  /** Everything works; then Redis forgets the last moments. */
  async #loseTail(dice: Dice): Promise<void> {
    await this.#schedule.until(() => false, calmMs);
    const copies = copied(this.#redis, this.#partitions);
    await this.#schedule.until(() => false, dice.between(1, 1_000));
    this.#loss = new TailLoss(this.#redis, await this.#logs(), copies);
    this.#observations.shortened = this.#loss.partitions;
    this.#trace.add(
      `fault  Redis loses the tail of partitions ${this.#loss.partitions.join(', ')}`,
    );
    // Not for so long that leases run out: who takes a partition over then may have seen less of it.
    await this.#schedule.until(() => false, dice.between(1, 300));
    this.#redis.start();
    await this.#schedule.until(() => false, calmMs);
  }

  /** Lets time pass until this is done, which must not take longer than the liveness phase. */
  async #finish(what: string, begin: () => readonly Promise<void>[]): Promise<void> {
    let done = false;
    void Promise.all(begin()).then(() => (done = true));
    if (!(await this.#schedule.until(() => done, livenessMs)))
      this.#complaints.push(`${what}: not done after ${livenessMs / 1_000} s without a fault`);
  }

  /**
   * Until the logs grow no more for longer than a lost delivery waits to be sent again by a slow clock,
   * and every event of theirs has had the time to be published.
   */
  async #quiet(): Promise<void> {
    for (
      let before = -1, waited = 0;
      before !== this.#length() && waited < livenessMs;
      waited += quietMs
    ) {
      before = this.#length();
      await this.#schedule.until(() => false, quietMs);
    }
  }

  #length(): number {
    return this.#everyPartition(
      (partition) => this.#redis.store.partitions(partition).owner?.top ?? 0,
    ).reduce((sum, top) => sum + top, 0);
  }

  async #outcome(faults: Faults): Promise<Outcome> {
    const exchanges = this.#clients.flatMap((client) => client.exchanges);
    const logs = (await this.#logs()).map((log) => this.#loss?.whole(log) ?? log);
    const placed = logs.map(placedIn);
    const evidence: Evidence = {
      types: new Map(this.#workload.types.map((type) => [type.type, type])),
      logs,
      halted: this.#loss?.partitions ?? [],
      commands: [
        ...commandsIn([...exchanges, ...this.#clients.flatMap((client) => client.heard)]),
        ...(this.#repairs?.retriesIn(placed.flat()) ?? []),
      ],
      told: toldIn(exchanges).filter((told) => !this.#loss?.blurs(told)),
      snapshots: this.#observations.snapshots,
      published: this.#observations.published,
      writtenAt: this.#observations.writtenAt,
      keptCommands: this.#keepsCommands,
      ...(this.#loss === undefined && {
        groups: this.#readers.groups(this.#observations, this.#cluster.reports),
      }),
    };
    this.#onEvidence(evidence);
    const halted = this.#cluster.reports.filter((line) => /partition \d+ is halted/.test(line));
    return {
      seed: this.#seed,
      hash: this.#trace.hash,
      trace: this.#trace.lines,
      complaints: [
        ...this.#complaints,
        ...(this.#loss?.wrong(halted) ?? halted),
        ...this.#observations.complaints,
        ...this.#clients.flatMap((client) => client.complaints),
        ...(this.#planned ? this.#clients.flatMap((client) => client.failures) : []),
        ...(this.#repairs?.complaints ?? []),
        ...violationsOf(evidence),
        ...(this.#loss ? [] : placed.flatMap(leftAside)),
        ...(faults.doubles ? [] : wrongUnnamed(placed.flat(), unnamedIn(exchanges))),
      ],
      figures: {
        simulatedMs: this.#schedule.now,
        records: this.#length(),
        exchanges: exchanges.length,
        faults: this.#loss
          ? new Map([...faults.counted, ['Redis loses a tail', 1]])
          : faults.counted,
      },
    };
  }

  #logs(): Promise<PartitionLog[]> {
    const { store } = this.#redis;
    return Promise.all(
      this.#everyPartition((partition) =>
        this.#observations.logOf(store, partition, this.#archive),
      ),
    );
  }

  #client(name: string): SimulatedClient {
    const life = new Life(name, this.#schedule);
    return new SimulatedClient({
      life,
      bus: this.#nats.connect(life),
      dice: this.#dice.fork(`client ${name}`),
      trace: this.#trace,
      prefix,
      workload: this.#workload,
    });
  }

  #operator(): Repairs {
    const life = new Life('operator', this.#schedule);
    return new Repairs({
      life,
      bus: this.#nats.connect(life),
      dice: this.#dice.fork('operator'),
      trace: this.#trace,
      prefix,
    });
  }

  #everyPartition<T>(look: (partition: number) => T): T[] {
    return Array.from({ length: this.#partitions }, (_, partition) => look(partition));
  }
}
