/**
 * Whether an actor in memory is what its log says: built again from its latest snapshot and the
 * records after it, it must have the same hash. Each checkpoint tries one actor before it replaces
 * any snapshot, for what lies below two checkpoints may leave the log, and nothing could tell then.
 *
 * What it costs: the log since the last checkpoint is read once more, of which only the actor's own
 * records are parsed, and one actor is built, of at most `auditedBytesMax`. A checkpoint that comes
 * late does without: it would come later still, with more to read for the next one.
 */
import type { ActorKey } from '../contracts/ids.ts';
import { canonicalJson, type Json } from '../contracts/json.ts';
import type { LogRecord } from '../contracts/record.ts';
import type { Clock, Random } from './clock.ts';
import type { ActorTypes } from './command.ts';
import type { Limits } from './limits.ts';
import type { Log, Snapshot } from './log.ts';
import type { LogSearch } from './log-search.ts';
import { snapshotOf, startResident, tailOf } from './resident.ts';
import type { Residents } from './residents.ts';
import { retried } from './retried.ts';
import type { Due } from './snapshots.ts';

export interface AuditOptions {
  readonly partition: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly types: ActorTypes;
  readonly residents: Residents;
  readonly search: LogSearch;
  /** Takes one line for the operator. */
  readonly report: (line: string) => void;
}

/** An actor as it was in memory at a turn boundary. */
export interface Picked extends Snapshot {
  readonly actor: ActorKey;
}

interface Found {
  readonly snapshot: Snapshot | undefined;
  readonly records: readonly LogRecord[];
}

/** How many are looked at for one that is in memory and not too large. */
const picksMax = 16;

export class Audit {
  readonly #options: AuditOptions;
  #closed = false;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** One of these actors, chosen by chance, as it is in memory at `position`. */
  pick(due: readonly Due[], position: number): Picked | undefined {
    const { random, residents, limits } = this.#options;
    for (let picks = 0; picks < Math.min(picksMax, due.length); picks++) {
      const picked = due[Math.floor(random.next() * due.length)];
      const resident = typeof picked === 'string' ? residents.get(picked) : picked;
      if (resident && resident.bytes <= limits.auditedBytesMax)
        return { ...snapshotOf(resident, position), actor: resident.key };
    }
    return undefined;
  }

  /**
   * What is wrong with an actor that was picked and is durable by now. Undefined if nothing is, or if
   * nobody can tell any more: it has left memory meanwhile, with a later snapshot. The last checkpoint
   * was at `checkpoint`.
   */
  async difference(live: Picked, checkpoint: number): Promise<string | undefined> {
    const { clock, partition, report } = this.#options;
    const onLasting = (error: unknown): void =>
      report(
        `partition ${partition}: ${live.actor} cannot be read from its log, to be compared with ` +
          `memory, which is tried again: ${String(error)}; nothing acknowledged is lost, but until it ` +
          `can, no checkpoint is taken and the log grows: see that Redis answers and has its data`,
      );
    const retrying = { clock, msMax: 1_000, isClosed: () => this.#closed, onLasting };
    const found = await retried(retrying, () => this.#read(live, checkpoint));
    if (found === undefined || (found.snapshot?.version ?? 0) > live.version) return undefined;
    const wrong = this.#compared(live, found);
    return wrong && `${live.actor} at version ${live.version} ${wrong}`;
  }

  close(): void {
    this.#closed = true;
  }

  async #read({ actor, version, position }: Picked, checkpoint: number): Promise<Found> {
    const { log, partition, search } = this.#options;
    const [snapshot] = await log.loadSnapshots(partition, [actor]);
    const from = Math.max(checkpoint, snapshot?.position ?? 0) + 1;
    const records = await search.recordsOf(actor, from, position);
    return { snapshot, records: records.filter((record) => record.version <= version) };
  }

  #compared(live: Picked, { snapshot, records }: Found): string | undefined {
    const tail = records.map(tailOf);
    try {
      const again = startResident(this.#options.types, { key: live.actor, snapshot, tail });
      if (again.version !== live.version) return `has version ${again.version} in the log`;
      const replayed = snapshotOf(again, live.position);
      if (replayed.hash === live.hash || isSame(replayed, live)) return undefined;
      return `is not what its log gives: in memory ${live.hash}, replayed ${replayed.hash}`;
    } catch (error) {
      return `cannot be built from its log: ${String(error)}`;
    }
  }
}

/** Objects whose keys came in another order say the same. */
const isSame = (one: Snapshot, other: Snapshot): boolean =>
  canonicalState(one) === canonicalState(other);

const canonicalState = ({ state }: Snapshot): string => canonicalJson(JSON.parse(state) as Json);
