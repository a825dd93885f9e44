/** Counts what the demo does, and how long requests take. */
export interface Meter {
  /** A request of so many commands was answered after so many milliseconds. */
  answered(commands: number, ms: number): void;
  traded(trades: number): void;
  refused(reason: string): void;
  compared(matched: boolean): void;
  /** The figures at a moment of the monotonic clock, ms. */
  read(now: number): Reading;
}

export interface Reading {
  readonly elapsedMs: number;
  readonly commands: number;
  /** Over about the last two seconds. */
  readonly commandsPerSecond: number;
  /** Milliseconds, over all requests. */
  readonly p50: number;
  readonly p99: number;
  readonly trades: number;
  readonly matched: number;
  readonly mismatched: number;
  readonly refusals: readonly string[];
}

const windowMs = 2_000;

/** Refusals are a sign that somebody else trades here; the first few say enough. */
const refusalsMax = 10;

export function createMeter(start: number): Meter {
  const latencies: number[] = [];
  const refusals: string[] = [];
  let recent: { at: number; commands: number }[] = [{ at: start, commands: 0 }];
  let commands = 0;
  let trades = 0;
  let matched = 0;
  let mismatched = 0;

  return {
    answered(count, ms) {
      commands += count;
      latencies.push(ms);
    },
    traded: (count) => void (trades += count),
    refused(reason) {
      if (refusals.length < refusalsMax) refusals.push(reason);
    },
    compared(match) {
      if (match) matched++;
      else mismatched++;
    },
    read(now) {
      // The newest sample that is as old as the window begins it.
      const begin = Math.max(
        0,
        recent.findLastIndex(({ at }) => at <= now - windowMs),
      );
      recent = [...recent.slice(begin), { at: now, commands }];
      const from = recent[0] ?? { at: start, commands: 0 };
      const seconds = (now - from.at) / 1_000;
      const sorted = Float64Array.from(latencies).toSorted();
      return {
        elapsedMs: now - start,
        commands,
        commandsPerSecond: seconds > 0 ? (commands - from.commands) / seconds : 0,
        p50: percentile(sorted, 0.5),
        p99: percentile(sorted, 0.99),
        trades,
        matched,
        mismatched,
        refusals,
      };
    },
  };
}

const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
