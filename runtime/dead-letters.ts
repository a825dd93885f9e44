/**
 * Writes the dead letters of a partition: what its actors failed on, for an operator to look at.
 *
 * Owns the letters that are not written yet. The record in the log is what counts; a letter repeats
 * it under the same address, with the state that the actor failed in. Invariants:
 * D1  a letter is written only when its record is durable, and in the order of the records;
 * D2  a letter of which the store has not answered is in the next checkpoint: none is forgotten.
 */
import { recordAddress, type Aside, type LogRecord } from '../contracts/record.ts';
import type { Clock } from './clock.ts';
import type { GroupWriter } from './group-writer.ts';
import type { Limits } from './limits.ts';
import type { DeadLetter, EntryId, Fence, Log } from './log.ts';
import { snapshotOf, type Resident } from './resident.ts';
import type { Residents } from './residents.ts';

export interface DeadLettersOptions {
  readonly partition: number;
  readonly fence: Fence;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly writer: GroupWriter;
  readonly residents: Residents;
  readonly report: (line: string) => void;
  readonly onFenced: () => void;
}

interface Pending {
  readonly letter: DeadLetter;
  /** Resolves when the letter is complete and may be written. */
  readonly ready: () => Promise<DeadLetter>;
}

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  #pending: Pending[] = [];
  #open = false;
  #writing = false;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** A record that sets aside what its actor failed on is staged. */
  add(record: LogRecord, at: EntryId): void {
    const letter = letterOf(record, at);
    const complete = Promise.all([this.#stateOf(record), this.#durable(record, at)]).then(
      ([stateHash]) => ({ ...letter, stateHash }),
    );
    this.#push({ letter, ready: () => complete });
  }

  /** The same of a record that recovery has found. */
  restore(record: LogRecord, at: EntryId): void {
    const letter = letterOf(record, at);
    const ready = async (): Promise<DeadLetter> => ({
      ...letter,
      stateHash: await this.#stateOf(record),
    });
    this.#push({ letter, ready });
  }

  /** Those that are not written yet. */
  save(): readonly DeadLetter[] {
    return this.#pending.map(({ letter }) => letter);
  }

  load(letters: readonly DeadLetter[]): void {
    for (const letter of letters) this.#push({ letter, ready: async () => letter });
  }

  /** Recovery is at its end: what it has found can be written. */
  start(): void {
    this.#open = true;
    this.#wake();
  }

  close(): void {
    this.#open = false;
  }

  #push(pending: Pending): void {
    const { limits, report, partition } = this.#options;
    this.#pending.push(pending);
    if (this.#pending.length > limits.deadLettersMax) {
      const { at } = this.#pending.shift()?.letter ?? pending.letter;
      const address = recordAddress(partition, at.epoch, at.position);
      report(`the dead letter ${address} could not be written: only its record in the log tells`);
    }
    this.#wake();
  }

  #wake(): void {
    if (!this.#open || this.#writing) return;
    this.#writing = true;
    void this.#write();
  }

  async #write(): Promise<void> {
    const { clock, log, fence, limits, onFenced } = this.#options;
    for (let failures = 0; this.#open && this.#pending[0] !== undefined;) {
      const [first] = this.#pending;
      const letter = await first.ready();
      const outcome = await log
        .addDeadLetter(fence, letter, limits.deadLettersMax)
        .catch(() => 'unknown' as const);
      if (outcome === 'ok') {
        failures = 0;
        this.#pending = this.#pending.filter((pending) => pending !== first);
      } else if (outcome === 'unknown') {
        const pause = Math.min(10 * 2 ** ++failures, 1_000);
        await new Promise<void>((resolve) => void clock.after(pause, resolve));
      } else if (this.#open) {
        this.close();
        onFenced();
      }
    }
    this.#writing = false;
  }

  /** The hash of the state that the actor failed in; empty once it has gone on, or if it has none. */
  #stateOf({ actor, version }: LogRecord): Promise<string> {
    return new Promise((resolve) => {
      this.#options.residents.with(actor, (resident) => {
        resolve(resident.version === version ? hashOf(resident) : '');
      });
    });
  }

  #durable(record: LogRecord, at: EntryId): Promise<void> {
    return new Promise((resolve) => {
      this.#options.writer.whenDurable(at.position, () => {
        this.#tell(record, at);
        resolve();
      });
    });
  }

  #tell(record: LogRecord, at: EntryId): void {
    const { actor, aside, failure } = record;
    const { partition, report, limits } = this.#options;
    const address = recordAddress(partition, at.epoch, at.position);
    const [firstLine = ''] = (failure?.error ?? '').split('\n');
    const after = aside ? 'which is set aside' : 'which comes again';
    report(`${actor} failed on "${asideOf(record).name}", ${after}, ${address}: ${firstLine}`);
    if (!failure?.halts) return;
    report(
      `${actor} is halted: it failed on more than ${limits.strikesMax} commands and messages within ` +
        `${limits.strikeWindowMs / 60_000} minutes; "millrace dead-letters retry ${actor}" lets it go on`,
    );
  }
}

/** A deadline is not set aside, since it comes again. */
const asideOf = ({ aside, timer }: LogRecord): Aside =>
  aside ?? { name: 'timer', body: timer ? { name: timer.name, at: timer.at } : null };

/** What an actor failed on must be shown also if its author's `save` fails on the state. */
function hashOf(resident: Resident): string {
  try {
    return snapshotOf(resident, 0).hash;
  } catch {
    return '';
  }
}

const letterOf = (record: LogRecord, at: EntryId): DeadLetter => ({
  at,
  time: record.time,
  actor: record.actor,
  version: record.version,
  stateHash: '',
  id: record.id ?? '',
  payload: JSON.stringify(asideOf(record)),
  error: record.failure?.error ?? '',
  trace: record.trace ?? '',
});
