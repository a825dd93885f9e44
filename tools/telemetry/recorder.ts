/**
 * What a host has counted and measured since it began, for whoever asks.
 *
 * Owns the counts. Measuring is on the path of every command, so a measurement is a comparison with a
 * few bounds and an addition.
 */
import type { Meter } from '../../runtime/telemetry.ts';
import type { Family } from './prometheus.ts';

/** Upper bounds of what is measured in seconds, and of the records of a group. */
export const secondBounds: readonly number[] = [
  0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
  2.5, 5,
];
export const recordBounds: readonly number[] = [
  1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096,
];

export interface Recorder extends Meter {
  families(): Family[];
}

/** Counts for itself and, if there is one, for another meter. */
export function recorder(also?: Meter): Recorder {
  const command = new Histogram(secondBounds);
  const turn = new Histogram(secondBounds);
  const append = new Histogram(secondBounds);
  const group = new Histogram(recordBounds);
  const answers = new Map<string, { labels: Record<string, string>; value: number }>();
  return {
    answered: (type, name, code, ms) => {
      const outcome = code ?? 'ok';
      const key = `${type}\n${name}\n${outcome}`;
      const count = answers.get(key);
      if (count) count.value++;
      else answers.set(key, { labels: { type, name, outcome }, value: 1 });
      command.record(ms / 1_000);
      also?.answered(type, name, code, ms);
    },
    turn: (ms) => {
      turn.record(ms / 1_000);
      also?.turn(ms);
    },
    appended: (records, ms) => {
      append.record(ms / 1_000);
      group.record(records);
      also?.appended(records, ms);
    },
    families: () => [
      {
        type: 'counter',
        name: 'millrace_commands_total',
        help: 'Commands and queries answered, by actor type, name and outcome: ok or a code.',
        samples: [...answers.values()],
      },
      command.family('command_seconds', 'From the arrival of a command to its answer.'),
      turn.family('turn_seconds', 'From the recalled id to the staged record.'),
      append.family('append_seconds', 'From the sealed group to the answer of the log.'),
      group.family('group_records', 'Records of a group.'),
    ],
  };
}

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  record(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound);
    const index = found < 0 ? this.#bounds.length : found;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
  }

  family(name: string, help: string): Family {
    const [bounds, counts, sum] = [this.#bounds, [...this.#counts], this.#sum];
    return { type: 'histogram', name: `millrace_${name}`, help, bounds, counts, sum };
  }
}
