/**
 * One simulation: several hosts, a Redis, a NATS and clients in one thread, on a clock and a chance
 * of their own. First things go wrong while clients work (safety), then everything heals and must
 * settle within 30 seconds of simulated time (liveness); in the end all that happened is checked.
 */
import { payloadHash } from '../../contracts/json.ts';
import { defaultLimits, type Limits } from '../../runtime/limits.ts';
import { memoryArchive } from '../../runtime/memory/archive.ts';
import { placedIn, type Evidence, type SentCommand, type Told } from '../checkers/evidence.ts';
import { wrongUnnamed, type Unnamed } from '../checkers/unnamed.ts';
import { violationsOf } from '../checkers/violations.ts';
import { SimulatedClient, type Exchange } from './clients.ts';
import { Cluster } from './cluster.ts';
import { Dice } from './dice.ts';
import { exchange } from './exchange.ts';
import { Faults } from './faults.ts';
import { Life } from './life.ts';
import { SimulatedNats } from './nats.ts';
import { Observations } from './observations.ts';
import { SimulatedRedis } from './redis.ts';
import { Schedule } from './schedule.ts';
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
  readonly #redis: SimulatedRedis;
  readonly #nats: SimulatedNats;
  readonly #cluster: Cluster;
  readonly #observations = new Observations(this.#schedule);
  readonly #clients: SimulatedClient[];
  readonly #complaints: string[] = [];
  #weather: Weather = fairWeather;

  constructor(seed: string, workload: Workload, onEvidence: (evidence: Evidence) => void) {
    this.#seed = seed;
    this.#workload = workload;
    this.#onEvidence = onEvidence;
    const dice = (this.#dice = new Dice(seed));
    this.#partitions = dice.pick([2, 3, 5]);
    this.#planned = dice.chance(0.15);
    const servers = {
      schedule: this.#schedule,
      trace: this.#trace,
      weather: () => this.#weather,
    };
    const watched = this.#observations.watch.bind(this.#observations);
    this.#redis = new SimulatedRedis({ ...servers, dice: dice.fork('redis'), watched });
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
      settings: {
        id: seed,
        partitions: this.#partitions,
        scales: { byAsset: {}, others: 8 },
      },
      prefix,
      badClocks: !this.#planned && dice.chance(0.5),
      limits: tightLimits(dice.fork('limits'), this.#partitions),
    });
    this.#clients = ['p', 'q', 'r'].map((name) => this.#client(name));
  }

  complain(complaint: string): void {
    this.#complaints.push(complaint);
  }

  async run(): Promise<Outcome> {
    for (const name of hostNames) this.#cluster.start(name);
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
      planned: this.#planned,
      setWeather: (weather) => (this.#weather = weather),
    });
    faults.begin();
    const plainEveryMs = this.#planned ? 25 : 400;
    const working = this.#clients.map((client) => client.run({ plainEveryMs }));
    await this.#schedule.until(() => false, this.#planned ? plannedMs : safetyMs);
    faults.end();
    for (const client of this.#clients) client.stop();

    await this.#finish('what was under way', () => working);
    await this.#finish('asking everything again', () =>
      this.#clients.map((client) => client.repeatAll()),
    );
    await this.#finish('the epilogue', () => [first.perform(epilogue, judge)]);
    await this.#quiet();
    return this.#outcome(faults);
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
    const evidence: Evidence = {
      types: new Map(this.#workload.types.map((type) => [type.type, type])),
      logs: await Promise.all(
        this.#everyPartition((partition) =>
          this.#observations.logOf(this.#redis.store, partition, this.#archive),
        ),
      ),
      commands: commandsIn(exchanges),
      told: toldIn(exchanges),
      snapshots: this.#observations.snapshots,
      published: this.#observations.published,
      writtenAt: this.#observations.writtenAt,
    };
    this.#onEvidence(evidence);
    const placed = evidence.logs.flatMap(placedIn);
    const halted = this.#cluster.reports.filter((line) => line.includes('halted'));
    return {
      seed: this.#seed,
      hash: this.#trace.hash,
      trace: this.#trace.lines,
      complaints: [
        ...this.#complaints,
        ...halted,
        ...this.#observations.complaints,
        ...this.#clients.flatMap((client) => client.complaints),
        ...(this.#planned ? this.#clients.flatMap((client) => client.failures) : []),
        ...violationsOf(evidence),
        ...(faults.doubles ? [] : wrongUnnamed(placed, unnamedIn(exchanges))),
      ],
      figures: {
        simulatedMs: this.#schedule.now,
        records: this.#length(),
        exchanges: exchanges.length,
        faults: faults.counted,
      },
    };
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

  #everyPartition<T>(look: (partition: number) => T): T[] {
    return Array.from({ length: this.#partitions }, (_, partition) => look(partition));
  }
}

/** So little fits in memory and in the log that a short run meets every bound. */
function tightLimits(dice: Dice, partitions: number): Limits {
  const often = <T>(usual: T, tight: T): T => (dice.chance(0.5) ? tight : usual);
  const limits = defaultLimits(partitions);
  return {
    ...limits,
    residentsMax: often(64, 2),
    checkpointRecords: often(200, dice.whole(3, 40)),
    recentRepliesMax: often(limits.recentRepliesMax, 3),
    retainBytesMax: often(limits.retainBytesMax, 4_000),
    replyWindowMs: often(limits.replyWindowMs, 500),
    deliveryMessagesMax: often(limits.deliveryMessagesMax, 2),
    groupBytesMax: often(limits.groupBytesMax, 1_500),
    timersAtOnce: often(limits.timersAtOnce, 1),
    channelMessagesMax: often(limits.channelMessagesMax, 3),
    checkpointMs: often(limits.checkpointMs, 2_000),
    windowMs: limits.windowMs,
  };
}

/** By id and payload, with all replies. */
function commandsIn(exchanges: readonly Exchange[]): SentCommand[] {
  const commands = new Map<string, SentCommand & { replies: string[] }>();
  for (const { verb, actor, name, body, id, answer } of exchanges) {
    if (verb !== 'cmd' || id === undefined) continue;
    const key = `${actor} ${id} ${payloadHash(name, body)}`;
    const command = commands.get(key) ?? { actor, name, body, id, replies: [] };
    commands.set(key, command);
    if (answer) command.replies.push(answer.text);
  }
  return [...commands.values()];
}

const toldIn = (exchanges: readonly Exchange[]): Told[] =>
  exchanges.flatMap(({ answer, ...asked }) =>
    answer ? [{ ...asked, answeredAt: answer.at, text: answer.text }] : [],
  );

const unnamedIn = (exchanges: readonly Exchange[]): Unnamed[] =>
  exchanges.flatMap(({ verb, actor, id, answer }) =>
    verb === 'cmd' && id === undefined ? [{ actor, reply: answer?.text }] : [],
  );
