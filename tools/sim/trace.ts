import { createHash } from 'node:crypto';
import type { Schedule } from './schedule.ts';

/** Everything that happened in a simulation, a line each; equal seeds give equal traces. */
export class Trace {
  readonly #schedule: Schedule;
  readonly #lines: string[] = [];

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  add(line: string): void {
    this.#lines.push(`${this.#schedule.now.toFixed(3).padStart(10)}  ${line}`);
  }

  get hash(): string {
    return createHash('sha256').update(this.#lines.join('\n')).digest('hex').slice(0, 16);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}
