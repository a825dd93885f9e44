/**
 * The actors of one partition that are in memory.
 *
 * Owns the live instances, the tail (records that recovery read and no instance has seen yet), and
 * who waits for an actor that is being loaded. Invariants:
 * I1  an instance's state is that of all records staged for it so far, ahead of the log;
 * I2  whoever asks for an actor that is being loaded gets it in the order of asking;
 * I3  an actor leaves memory only when a snapshot of its last version is durable (or it never had
 *     an event), and nothing of it is being loaded;
 * I4  none comes back older than a snapshot that was written of it: a store that has gone back would
 *     know the log that it had, and not the snapshot. What was written before a record that is durable
 *     need not be remembered, for with the snapshot the record would be gone, which is noticed.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { LogRecord } from '../contracts/record.ts';
import type { Clock } from './clock.ts';
import type { ActorTypes } from './command.ts';
import type { GroupWriter } from './group-writer.ts';
import { residentCost, type Limits } from './limits.ts';
import type { Log, Snapshot } from './log.ts';
import { retried } from './retried.ts';
import { startResident, tailOf, type Resident, type Tail } from './resident.ts';

export interface ResidentsOptions {
  readonly partition: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly types: ActorTypes;
  /** How far the log goes. */
  readonly writer: Pick<GroupWriter, 'durable' | 'staged'>;
  /** A state that does not fit its log or its hash: nothing may be built on it. */
  readonly onCorrupt: (reason: string) => void;
  /** Takes one line for the operator. */
  readonly report: (line: string) => void;
}

/**
 * What one turn of the event loop restores, looks at, and lets go of in a partition: few, so that leases
 * are renewed and other partitions served while many actors come or leave.
 */
const restoredAtOnce = 512;
const lookedAtAtOnce = 4_096;
const changedAtOnce = 64;

type Use = (resident: Resident) => void;

export class Residents {
  readonly #options: ResidentsOptions;
  readonly #actors = new Map<ActorKey, Resident>();
  readonly #loading = new Map<ActorKey, Use[]>();
  /** Those that had no version when they were brought in. */
  readonly #blank = new Set<Resident>();
  readonly #tail = new Map<ActorKey, Tail[]>();
  /** I4: by actor, the version of its snapshot; all were written when this much was staged. */
  readonly #saved = new Map<ActorKey, number>();
  #savedAt = 0;
  #wanted: ActorKey[] = [];
  #loadingNow = false;
  #waiting = 0;
  #bytes = 0;
  #closed = false;

  constructor(options: ResidentsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#actors.size;
  }

  /** Whether no actor is being loaded. */
  get idle(): boolean {
    return this.#loading.size === 0;
  }

  /** Whether no more requests may wait for actors being loaded. */
  get full(): boolean {
    return this.#waiting >= this.#options.limits.loadingMax;
  }

  /** A record with events that recovery found; the actor takes it when it is first touched. */
  keep(record: LogRecord): void {
    const records = this.#tail.get(record.actor);
    if (records) records.push(tailOf(record));
    else this.#tail.set(record.actor, [tailOf(record)]);
  }

  /** An actor that is in memory now. */
  get(key: ActorKey): Resident | undefined {
    return this.#actors.get(key);
  }

  /** Whether an actor is in memory now; it stays there a while. */
  touch(key: ActorKey): boolean {
    const resident = this.#actors.get(key);
    if (resident) resident.used = true;
    return resident !== undefined;
  }

  /** Runs `use` with the actor: at once if it is in memory, else when it has been loaded. */
  with(key: ActorKey, use: Use): void {
    const resident = this.#actors.get(key);
    if (resident) {
      resident.used = true;
      use(resident);
      return;
    }
    this.#waiting++;
    const queue = this.#loading.get(key);
    if (queue) {
      queue.push(use);
      return;
    }
    this.#loading.set(key, [use]);
    this.#want(key);
  }

  /** Resolves when all these actors are, or have just been, in memory. */
  async load(keys: readonly ActorKey[]): Promise<Resident[]> {
    return Promise.all(
      [...new Set(keys)].map((key) => new Promise<Resident>((resolve) => this.with(key, resolve))),
    );
  }

  /**
   * Takes an actor out of memory whose instance can no longer be trusted; it will be built again
   * from its snapshot and these records, while whoever asks for it waits.
   */
  rebuild(key: ActorKey, records: () => Promise<readonly LogRecord[]>): void {
    const broken = this.#actors.get(key);
    if (broken) this.#remove(broken);
    this.#loading.set(key, []);
    void this.#retried(records).then((found) => {
      if (found === undefined) return;
      this.#tail.set(key, found.map(tailOf));
      this.#want(key);
    });
  }

  /** Whether there are more, or larger ones, than the limits allow. */
  get crowded(): boolean {
    const { residentsMax, residentBytesMax } = this.#options.limits;
    return this.#actors.size > residentsMax || this.#bytes > residentBytesMax;
  }

  /**
   * Chooses some actors to leave while it is crowded, those unused the longest first: the clean are
   * dropped at once, the changed are given back to be snapshot first.
   */
  evict(): { readonly changed: readonly Resident[]; readonly lookedAt: number } {
    const { residentsMax, residentBytesMax } = this.#options.limits;
    const changed: Resident[] = [];
    let excess = this.#actors.size - residentsMax;
    let excessBytes = this.#bytes - residentBytesMax;
    let lookedAt = 0;
    for (const [key, resident] of this.#actors) {
      if (excess <= 0 && excessBytes <= 0) break;
      if (lookedAt === lookedAtAtOnce || changed.length === changedAtOnce) break;
      lookedAt++;
      if (resident.used) {
        resident.used = false;
      } else {
        excess--;
        excessBytes -= resident.bytes;
        if (this.drop(resident)) continue;
        changed.push(resident);
      }
      this.#actors.delete(key);
      this.#actors.set(key, resident);
    }
    return { changed, lookedAt };
  }

  /** I3: lets an actor go unless it has changed since its snapshot, or was just used. */
  drop(resident: Resident): boolean {
    if (resident.version > resident.savedVersion || resident.used) return false;
    return this.#remove(resident);
  }

  /** Lets go of those that nothing ever happened to: asked for, and not there. */
  dropBlank(): void {
    for (const resident of this.#blank) {
      if (resident.version === 0) this.#remove(resident);
    }
    this.#blank.clear();
  }

  /** A snapshot was taken of an actor in memory: its state is so long now. */
  sized(resident: Resident, stateLength: number): void {
    const bytes = residentCost(stateLength);
    this.#bytes += bytes - resident.bytes;
    resident.bytes = bytes;
  }

  /** A snapshot of this version of it is durable. */
  saved(resident: Resident, version: number): void {
    const { durable, staged } = this.#options.writer;
    resident.savedVersion = Math.max(resident.savedVersion, version);
    if (durable > this.#savedAt) this.#saved.clear();
    this.#savedAt = staged;
    this.#saved.set(resident.key, resident.savedVersion);
  }

  #remove(resident: Resident): boolean {
    if (this.#actors.get(resident.key) !== resident) return false;
    this.#actors.delete(resident.key);
    this.#bytes -= resident.bytes;
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#loading.clear();
    this.#actors.clear();
    this.#tail.clear();
  }

  /** What is asked for in one turn of the event loop is read together. */
  #want(key: ActorKey): void {
    this.#wanted.push(key);
    if (this.#loadingNow) return;
    this.#loadingNow = true;
    this.#options.clock.soon(() => void this.#load());
  }

  async #load(): Promise<void> {
    while (this.#wanted.length > 0 && !this.#closed)
      await this.#restore(this.#wanted.splice(0, restoredAtOnce));
    this.#loadingNow = false;
  }

  async #restore(keys: readonly ActorKey[]): Promise<void> {
    const { log, partition } = this.#options;
    const snapshots = await this.#retried(() => log.loadSnapshots(partition, keys));
    if (snapshots === undefined || this.#closed) return;
    keys.forEach((key, index) => {
      const resident = this.#tryStart(key, snapshots[index]);
      if (resident === undefined || this.#closed) return;
      this.#actors.set(key, resident);
      this.#bytes += resident.bytes;
      if (resident.version === 0) this.#blank.add(resident);
      const queue = this.#loading.get(key) ?? [];
      this.#loading.delete(key);
      this.#waiting -= queue.length;
      // Not `use(resident)`: what one does may take the actor out of memory again.
      for (const use of queue) {
        if (!this.#closed) this.#guarded(key, use);
      }
    });
  }

  /** Reads until the store answers; undefined if the partition is closed meanwhile. */
  #retried<T>(read: () => Promise<T>): Promise<T | undefined> {
    const { clock, partition, report } = this.#options;
    const onLasting = (error: unknown): void =>
      report(
        `partition ${partition}: actors cannot be read from their snapshots and the log, which is ` +
          `tried again: ${String(error)}; nothing acknowledged is lost, but who asks for them waits: ` +
          `see that Redis answers and has its data`,
      );
    return retried({ clock, msMax: 500, isClosed: () => this.#closed, onLasting }, read);
  }

  /** One that fails must not keep the others from what they wait for. */
  #guarded(key: ActorKey, use: Use): void {
    try {
      this.with(key, use);
    } catch (error) {
      this.#options.onCorrupt(`a request to ${key} failed outside its turn: ${String(error)}`);
    }
  }

  #tryStart(key: ActorKey, snapshot: Snapshot | undefined): Resident | undefined {
    const { durable } = this.#options.writer;
    if (snapshot && snapshot.position > durable) {
      this.#options.onCorrupt(
        `the snapshot of ${key} knows position ${snapshot.position}, the log ends at ${durable}: ` +
          `acknowledged records are gone; restore the log from a copy, then restart the hosts`,
      );
      return undefined;
    }
    try {
      const resident = startResident(this.#options.types, {
        key,
        snapshot,
        tail: this.#tail.get(key) ?? [],
      });
      const saved = this.#saved.get(key) ?? 0;
      if (resident.version < saved)
        throw new Error(`its snapshot of version ${saved} was written, and is gone`);
      this.#tail.delete(key);
      return resident;
    } catch (error) {
      this.#options.onCorrupt(`${key} cannot be built from its log: ${String(error)}`);
      return undefined;
    }
  }
}
