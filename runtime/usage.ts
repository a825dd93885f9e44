/**
 * How many requests come, how long they take and what is said of them: for service discovery, for the
 * status of a host, and for whoever meters it.
 *
 * Owns the counts of each actor type since the host began, and the timings of the last seconds.
 */
import type { Target } from '../contracts/subjects.ts';
import type { Clock } from './clock.ts';
import type { ActorTypes, Caller } from './command.ts';
import { partitionKey } from './reference-data.ts';
import type { Meter } from './telemetry.ts';
import { Timings, type Timing } from './timings.ts';

/** What service discovery tells of one actor type; times in ms. */
export interface TypeUsage {
  requests: number;
  errors: number;
  lastError: string;
  processingMs: number;
}

export interface UsageOptions {
  readonly types: ActorTypes;
  readonly clock: Clock;
  readonly meter?: Meter | undefined;
}

export class Usage {
  readonly #options: UsageOptions;
  readonly #byType = new Map<string, TypeUsage>();
  readonly #timings: Timings;

  constructor(options: UsageOptions) {
    this.#options = options;
    this.#timings = new Timings(options.clock);
    for (const type of options.types.keys()) {
      this.#byType.set(type, { requests: 0, errors: 0, lastError: '', processingMs: 0 });
    }
  }

  /** Requests to actors of a type since this host began; a batch counts as one. */
  of(type: string): TypeUsage | undefined {
    return this.#byType.get(type);
  }

  /** How long requests took lately, a batch counting as one. */
  get timing(): Timing {
    return this.#timings.timing;
  }

  /** The caller of a request to one actor, which is counted from now until its answer. */
  counted({ type, actor, name }: Target, caller: Caller): Caller {
    const usage = this.#byType.get(type);
    if (usage === undefined) return caller;
    const { clock } = this.#options;
    const began = clock.monotonic();
    usage.requests++;
    const metered = name === 'batch' ? caller : this.metered({ type, name }, caller);
    return {
      ...metered,
      answer: (text, code) => {
        const ms = clock.monotonic() - began;
        usage.processingMs += ms;
        this.#timings.note({ actor, name, ms });
        if (code !== undefined) {
          usage.errors++;
          usage.lastError = code;
        }
        metered.answer(text, code);
      },
    };
  }

  /** The caller of a batch to actors of a partition, which counts for none of their types. */
  timedBatch(partition: number, caller: Caller): Caller {
    const { clock } = this.#options;
    const began = clock.monotonic();
    return {
      ...caller,
      answer: (text, code) => {
        const ms = clock.monotonic() - began;
        this.#timings.note({ actor: partitionKey(partition), name: 'batch', ms });
        caller.answer(text, code);
      },
    };
  }

  /** Names come from outside: what is measured by name is bounded by what the contract has. */
  metered({ type, name }: Pick<Target, 'type' | 'name'>, caller: Caller): Caller {
    const { meter, types, clock } = this.#options;
    if (meter === undefined) return caller;
    const of = types.get(type);
    const known = of?.commands.has(name) || of?.queries.has(name) ? name : 'unknown';
    const began = clock.monotonic();
    return {
      // That of a command in a batch is made when it is asked for.
      get subject() {
        return caller.subject;
      },
      since: caller.since,
      answer: (text, code) => {
        meter.answered(type, known, code, clock.monotonic() - began);
        caller.answer(text, code);
      },
    };
  }
}
