/**
 * A host: one process that owns some of the partitions and answers for them.
 *
 * Three ways lead a request to its partition: the owner's subscription (the NATS server has mapped
 * the subject), the router (it has not; see `routing`), and a forward of another host (the owner has
 * changed).
 */
import { hostname } from 'node:os';
import type { ClusterSettings } from '../contracts/cluster.ts';
import { canonicalJson } from '../contracts/json.ts';
import { subjectsUnder, type Subjects } from '../contracts/subjects.ts';
import { SharedArchive, type Archive } from './archive.ts';
import { Backlog } from './backlog.ts';
import type { Bus, BusMessage, Subscription } from './bus.ts';
import { within, type Clock, type Random } from './clock.ts';
import type { ActorTypes } from './command.ts';
import { DeferredParts } from './deferred-parts.ts';
import { Deliveries } from './deliveries.ts';
import { discover } from './discovery.ts';
import { Forwarding } from './forwarding.ts';
import { Gateway, requestOf, type Addressed, type Request } from './gateway.ts';
import { Histories } from './history/histories.ts';
import { seedOf } from './id-table.ts';
import type { Leases } from './leases.ts';
import { describeLimits, type Limits } from './limits.ts';
import type { Log } from './log.ts';
import { findWrongMapping } from './mapping-probe.ts';
import { Partition } from './partition.ts';
import type { Opening } from './ownership.ts';
import type { PartitionOptions } from './parts.ts';
import type { PartitionStatus } from './partition-status.ts';
import { Placement } from './placement.ts';
import { partitionType } from './reference-data.ts';
import type { Timing } from './timings.ts';
import type { Meter, Tracer } from './telemetry.ts';

export interface HostOptions {
  /** Unique among the hosts of the cluster; `[A-Za-z0-9_-]+`. */
  readonly name: string;
  readonly prefix: string;
  /** What the cluster is created with if there is none yet; otherwise it must be the same. */
  readonly settings: ClusterSettings;
  readonly types: ActorTypes;
  readonly log: Log;
  /** Where records go before they leave the log; without one the log grows for ever. */
  readonly archive?: Archive | undefined;
  /** Records hold the commands that they answer, too, so that `verify` can decide them again. */
  readonly keepCommands?: boolean | undefined;
  readonly leases: Leases;
  readonly bus: Bus;
  /** A quiet connection to the same NATS: tells that the host can be reached, also in a flood. */
  readonly pulse?: Pick<Bus, 'flush'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: (partitions: number) => Limits;
  /** Whoever listens to what goes on in the host. */
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
  /** Takes one line for the operator. */
  readonly report: (line: string) => void;
}

export interface Host {
  readonly settings: ClusterSettings;
  /** What it owns now, and how that is. */
  status(): HostStatus;
  /** What keeps it from serving all that it should, a sentence each; none: it is ready. */
  troubles(): string[];
  /** How long ago it last did its housekeeping, in ms; it does so several times a second. */
  idleMs(): number;
  /** Lets go of all partitions in good order, within `ms`. */
  stop(ms?: number): Promise<void>;
}

/** What a host says of itself through service discovery, as `data`. */
export interface HostStatus {
  readonly host: string;
  readonly machine: string;
  /** The partitions that requests reach here. */
  readonly partitions: readonly PartitionStatus[];
  readonly halted: readonly { readonly partition: number; readonly reason: string }[];
  /** How long requests took lately, a batch counting as one. */
  readonly timing: Timing;
}

/** The cluster was created with other settings, or NATS maps subjects for another number of partitions. */
export class SettingsDiffer extends Error {
  override readonly name = 'SettingsDiffer';
}

/**
 * The partition whose owner is the router: what NATS does not map all comes to one host, and one after
 * another, for two routers would let a client's commands overtake each other.
 */
const routing = 0;
const verbs = ['cmd', 'get'] as const;

/** How long a host that ends waits for each of its last words to be taken. */
const farewellMs = 1_000;

/** Starts a host; resolves when it has begun to take partitions. */
export async function startHost(options: HostOptions): Promise<Host> {
  if (options.types.has(partitionType)) {
    throw new Error(`no actor type may be called "${partitionType}": partitions are addressed so`);
  }
  const settings = await settle(options);
  const running = new RunningHost(options, settings);
  await running.start();
  return running;
}

async function settle({ leases, settings }: HostOptions): Promise<ClusterSettings> {
  const held = await leases.settle(settings);
  const fixed = ({ partitions, scales }: ClusterSettings): string =>
    canonicalJson({ partitions, scales });
  if (fixed(held) === fixed(settings)) return held;
  throw new SettingsDiffer(
    `this cluster was created with ${fixed(held)}; this host is configured with ${fixed(settings)}. ` +
      `Configure it as the cluster was created, or use another data folder.`,
  );
}

class RunningHost implements Host {
  readonly settings: ClusterSettings;
  readonly #options: HostOptions;
  readonly #limits: Limits;
  readonly #subjects: Subjects;
  readonly #deferred: DeferredParts;
  readonly #gateway: Gateway;
  readonly #placement: Placement;
  readonly #forwarding: Forwarding;
  readonly #deliveries: Deliveries;
  readonly #backlog: Backlog;
  readonly #archive: SharedArchive | undefined;
  #subscriptions: Subscription[] = [];

  constructor(options: HostOptions, settings: ClusterSettings) {
    this.#options = options;
    this.settings = settings;
    this.#archive = options.archive && new SharedArchive(options.archive);
    const { partitions } = settings;
    this.#limits = options.limits(partitions);
    this.#subjects = subjectsUnder(options.prefix);
    const shared = { ...options, partitions, limits: this.#limits, subjects: this.#subjects };
    // A nonce of its own: the subjects stand in the log, so they are short.
    const nonce = options.random.id(options.clock.now()).slice(-12);
    this.#deferred = new DeferredParts({ ...shared, nonce });
    const histories = new Histories({ ...options, archive: this.#archive });
    this.#gateway = new Gateway({ ...shared, deferred: this.#deferred, histories });
    this.#backlog = new Backlog({ ...options, lagMsMax: this.#limits.lagMsMax });
    this.#placement = new Placement({
      ...shared,
      host: options.name,
      pulse: options.pulse ?? options.bus,
      secret: settings.id,
      alsoOf: (partition) =>
        partition === routing ? verbs.map((verb) => this.#subjects.routed(verb)) : [],
      open: (opening, end) => Partition.open(this.#optionsOf(opening), end),
      follow: (opening) => Partition.follow(this.#optionsOf(opening)),
      onRequest: (message, partition) => this.#owned(message, partition),
      onLate: (message, partition) => this.#late(message, partition),
      onStranded: (message, partition) => this.#late(message, partition),
    });
    this.#deliveries = new Deliveries({
      ...shared,
      secret: settings.id,
      holds: (partition) => this.#placement.holds(partition),
      service: (partition) => this.#placement.service(partition),
    });
    this.#forwarding = new Forwarding({
      ...shared,
      nonce: this.#placement.nonce,
      ownerOf: (partition) => this.#placement.ownerOf(partition),
      look: () => this.#placement.look(),
      refuse: (request, code) => this.#gateway.refuse(request, code),
    });
  }

  async start(): Promise<void> {
    const { bus, name, prefix, types, report } = this.#options;
    await this.#refuseWrongMapping();
    this.#subscriptions = [
      bus.subscribe(this.#subjects.host(name), (message) =>
        this.#forwarding.receive(message, (request) => this.#serveHere(request)),
      ),
      ...discover({
        bus,
        prefix,
        partitions: this.settings.partitions,
        host: name,
        instance: this.#placement.nonce,
        types,
        started: new Date(this.#options.clock.now()),
        usage: (type) => this.#gateway.usage.of(type),
        data: () => this.status(),
      }),
    ];
    this.#deferred.start();
    bus.onReconnect(() => this.#placement.republish());
    await bus.flush();
    report(describeLimits(this.#limits, this.settings.partitions));
    if (this.#archive === undefined)
      report(
        'the log is never trimmed, for no archive is configured: Redis needs ever more memory',
      );
    await this.#placement.start();
    this.#backlog.start();
  }

  status(): HostStatus {
    return {
      host: this.#options.name,
      machine: hostname(),
      partitions: this.#placement.status(),
      halted: this.#placement.halted(),
      timing: this.#gateway.usage.timing,
    };
  }

  troubles(): string[] {
    const late = this.#backlog.excessive
      ? [`it is more than ${this.#limits.lagMsMax} ms behind what NATS has sent: clients get busy`]
      : [];
    return [...this.#placement.troubles, ...late];
  }

  idleMs(): number {
    return this.#placement.idleMs;
  }

  async stop(ms = 8_000): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + ms;
    this.#backlog.stop();
    await this.#placement.stop(ms);
    // What NATS has sent before it knows that we leave is still sent on.
    const drained = Promise.all(this.#subscriptions.map((subscription) => subscription.drain()));
    // Batches that were taken here are answered here, with what the new owners say.
    const answered = this.#deferred.end(Math.max(farewellMs, deadline - clock.monotonic()));
    await within(clock, farewellMs, drained);
    await within(clock, farewellMs, this.#forwarding.finished());
    await answered;
  }

  #optionsOf(opening: Opening): PartitionOptions {
    const { partition } = opening.fence;
    return {
      ...this.#options,
      ...opening,
      archive: this.#archive,
      partition,
      partitions: this.settings.partitions,
      idSeed: seedOf(this.settings.id),
      limits: this.#limits,
      subjects: this.#subjects,
      post: (to, delivery) => this.#deliveries.post(to, delivery),
      callerOf: (subject, since, trace) => this.#gateway.callerAt(subject, { since, trace }),
      epochOf: (position) => this.#options.leases.epochOf(partition, position),
    };
  }

  /** A message to a partition that this host owns, through the group that its record names. */
  #owned(message: BusMessage, partition: number): void {
    if (this.#subjects.isRouted(message.subject)) {
      const routed = requestOf(message);
      if (this.#backlog.excessive) this.#gateway.refuse(routed, 'runtime/busy');
      else this.#route(routed);
      return;
    }
    const service = this.#placement.service(partition);
    if (service === undefined) return;
    if (message.subject === this.#subjects.channel(partition)) {
      if (service.kind === 'serving') void this.#deliveries.receive(message, service.partition);
      return;
    }
    const request = requestOf(message);
    if (service.kind === 'halted') {
      this.#gateway.refuse(request, 'runtime/halted', service.reason);
    } else if (this.#backlog.excessive) {
      this.#gateway.refuse(request, 'runtime/busy');
    } else if (message.subject === this.#subjects.partitionBatch(partition)) {
      this.#gateway.handleBatch(request, partition, service.partition);
    } else {
      this.#route(request);
    }
  }

  /** A message to a partition that another host owns, or is about to. */
  #late(message: BusMessage, partition: number): void {
    if (this.#subjects.isRouted(message.subject)) return this.#route(requestOf(message));
    // Whoever sent a delivery sends it again.
    if (message.subject === this.#subjects.channel(partition)) return;
    void this.#forwarding.forward(requestOf(message), partition);
  }

  /** A request to one actor: handled here, sent on, or refused for its subject. */
  #route(request: Request): void {
    const addressed = this.#gateway.targetOf(request);
    if (addressed === undefined) {
      if (this.#attend(request)) return;
      const { prefix } = this.#options;
      this.#gateway.refuse(request, 'request/malformed', malformedSubject(prefix));
    } else if (!this.#serve(request, addressed)) {
      void this.#forwarding.forward(request, addressed.partition);
    }
  }

  /** An operator's request, at the owner. */
  #attend(request: Request): boolean {
    const asked = this.#subjects.parseOperator(request.subject);
    if (asked === undefined) return false;
    const service = this.#placement.service(asked.partition);
    if (service?.kind !== 'serving') return false;
    this.#gateway.attend(request, asked.verb, service.partition);
    return true;
  }

  /** A request that another host has sent on. */
  #serveHere(request: Request): boolean {
    const whole = this.#subjects.batchedPartition(request.subject);
    if (whole !== undefined) return this.#serveBatch(request, whole);
    if (this.#attend(request)) return true;
    const addressed = this.#gateway.targetOf(request);
    return addressed !== undefined && this.#serve(request, addressed);
  }

  #serveBatch(request: Request, partition: number): boolean {
    const service = this.#placement.service(partition);
    if (service === undefined) return false;
    if (service.kind === 'halted') this.#gateway.refuse(request, 'runtime/halted', service.reason);
    else this.#gateway.handleBatch(request, partition, service.partition);
    return true;
  }

  #serve(request: Request, addressed: Addressed): boolean {
    const service = this.#placement.service(addressed.partition);
    if (service === undefined) return false;
    if (service.kind === 'serving') this.#gateway.handle(request, addressed, service.partition);
    else this.#gateway.refuse(request, 'runtime/halted', service.reason);
    return true;
  }

  async #refuseWrongMapping(): Promise<void> {
    const { partitions } = this.settings;
    const wrong = await findWrongMapping({ ...this.#options, partitions });
    if (wrong === undefined) return;
    throw new SettingsDiffer(
      `NATS maps subjects for another number of partitions than this cluster's ${partitions} ` +
        `(${wrong}). Correct the mappings in its configuration.`,
    );
  }
}

const malformedSubject = (prefix: string): string =>
  `The subject must be ${prefix}.cmd.<type>.<id>.<name> or ${prefix}.get.<type>.<id>.<name>, with a type of ` +
  `a-z 0-9 - and an id of 1 to 64 of A-Z a-z 0-9 _ -.`;
