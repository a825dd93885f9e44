/**
 * How long requests took, those of the last five to ten seconds.
 *
 * Owns two generations of counts, of five seconds each: the older is thrown away when the younger is full.
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Clock } from './clock.ts';

/** One actor's slowest request. */
export interface SlowRequest {
  readonly actor: ActorKey;
  readonly name: string;
  readonly ms: number;
}

/** Times in ms; absent where there was no request. */
export interface Timing {
  readonly requests: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Of different actors, the slowest first. */
  readonly slowest: readonly SlowRequest[];
}

interface Generation {
  readonly since: number;
  readonly counts: Uint32Array;
  slowest: readonly SlowRequest[];
}

const generationMs = 5_000;
const slowestMax = 8;
/** Buckets grow by a tenth, from 10 µs to a minute: what is read from them is right to a tenth. */
const growth = 1.1;
const leastMs = 0.01;
const buckets = 165;

export class Timings {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #younger: Generation;
  #older: Generation;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#younger = generation(clock.monotonic());
    this.#older = this.#younger;
  }

  note(request: SlowRequest): void {
    this.#turn();
    const { counts, slowest } = this.#younger;
    const bucket = Math.ceil(Math.log(request.ms / leastMs) / Math.log(growth));
    const index = Math.min(buckets - 1, Math.max(0, bucket));
    counts[index] = (counts[index] ?? 0) + 1;
    const least = slowest.find(({ actor }) => actor === request.actor) ?? slowest[slowestMax - 1];
    if (least === undefined || request.ms > least.ms)
      this.#younger.slowest = slowestOf([...slowest, request]);
  }

  get timing(): Timing {
    this.#turn();
    const generations = new Set([this.#younger, this.#older]);
    const counts = Array.from({ length: buckets }, (_, index) =>
      [...generations].reduce((sum, each) => sum + (each.counts[index] ?? 0), 0),
    );
    const requests = counts.reduce((sum, count) => sum + count, 0);
    return {
      requests,
      ...(requests > 0 && { p50Ms: percentile(counts, 0.5), p99Ms: percentile(counts, 0.99) }),
      slowest: slowestOf([...generations].flatMap(({ slowest }) => slowest)),
    };
  }

  #turn(): void {
    const now = this.#clock.monotonic();
    const age = now - this.#younger.since;
    if (age < generationMs) return;
    this.#older = age < 2 * generationMs ? this.#younger : generation(now);
    this.#younger = generation(now);
  }
}

const generation = (since: number): Generation => ({
  since,
  counts: new Uint32Array(buckets),
  slowest: [],
});

/** One of each actor. */
function slowestOf(requests: readonly SlowRequest[]): readonly SlowRequest[] {
  const seen = new Set<ActorKey>();
  const slowest = requests.toSorted((one, other) => other.ms - one.ms);
  return slowest
    .filter(({ actor }) => !seen.has(actor) && seen.add(actor))
    .slice(0, slowestMax)
    .map(({ actor, name, ms }) => ({ actor, name, ms: Math.round(ms * 100) / 100 }));
}

function percentile(counts: readonly number[], share: number): number {
  let left = counts.reduce((sum, count) => sum + count, 0) * share;
  const index = counts.findIndex((count) => (left -= count) <= 0);
  return Math.round(leastMs * growth ** index * 100) / 100;
}
