/**
 * Step 5 for what an actor fails on, and for what has to wait for it: the record that sets a command
 * or a message aside. The actor is as it was, its partition goes on (see supervision.ts).
 */
import type { ActorKey } from '../contracts/ids.ts';
import type { Aside, Deadline, Failure, LogRecord, Origin } from '../contracts/record.ts';
import { refusal } from '../contracts/reply.ts';
import type { Command } from './command.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Origins } from './drafts.ts';
import type { Staged } from './group-writer.ts';
import type { IdKey } from './id-table.ts';
import type { Limits } from './limits.ts';
import type { Delivered } from './outbox.ts';
import type { Resident } from './resident.ts';
import { strikeId, type Supervision } from './supervision.ts';

export interface FailuresOptions {
  readonly epoch: number;
  readonly limits: Limits;
  readonly supervision: Supervision;
  readonly deadLetters: DeadLetters;
  /** Step 5 of the turn. */
  readonly join: (
    resident: Resident,
    draft: { readonly record: LogRecord; readonly text: string },
    waiting: Waiting,
  ) => Staged;
}

/** Who and what waits for a record to be durable. */
export type Waiting = Pick<Staged, 'callers' | 'key' | 'span'>;

export class Failures {
  readonly #options: FailuresOptions;

  constructor(options: FailuresOptions) {
    this.#options = options;
  }

  /** The actor failed on a client's command: its caller is told `runtime/quarantined`. */
  command(failed: FailedCommand, resident: Resident, error: Error): void {
    const { command, key, origins } = failed;
    const { time, id, hash, retried } = origins;
    const { name, body, trace } = command;
    const record: LogRecord = {
      time,
      actor: resident.key,
      version: resident.version,
      ...(id !== undefined && { id }),
      ...(hash !== undefined && { hash }),
      reply: refusal('runtime/quarantined'),
      aside: { name, body },
      failure: this.#failure(resident.key, { id: id ?? '', time }, error),
      ...(retried !== undefined && { retried }),
      ...(trace !== undefined && { trace }),
    };
    const { caller, span } = command;
    this.#stage(record, resident, { callers: [caller], key, span });
  }

  /** A message is parked: the actor failed on it or, without an error, it has to wait. */
  message(message: Delivered, resident: Resident, parking: Parking): void {
    const { from, time, error, span, trace } = parking;
    const { name, body, value } = message;
    const { key: actor, version } = resident;
    const aside: Aside = { name, body, ...(value && { value }) };
    const record: LogRecord = { time, actor, version, from, aside, ...(trace && { trace }) };
    const strike = { id: strikeId(record), time };
    const failure = error && this.#failure(resident.key, strike, error);
    this.#stage({ ...record, ...(failure && { failure }) }, resident, { callers: [], span });
  }

  /** A deadline is set anew, for a while later: the actor may have been mended by then. */
  deadline(deadline: Deadline, resident: Resident, failed: { time: number; error: Error }): void {
    const { time, error } = failed;
    const { name } = deadline;
    const again = { name, at: time + this.#options.limits.deadlineRetryMs };
    const record: LogRecord = {
      time,
      actor: resident.key,
      version: resident.version,
      timer: deadline,
      timers: [again],
    };
    const failure = this.#failure(resident.key, { id: strikeId(record), time }, error);
    this.#stage({ ...record, failure }, resident, { callers: [] });
  }

  #stage(record: LogRecord, resident: Resident, waiting: Waiting): void {
    const { join, supervision, deadLetters, epoch } = this.#options;
    const staged = join(resident, { record, text: JSON.stringify(record) }, waiting);
    const at = { epoch, position: staged.position };
    supervision.evolve(record, at);
    if (record.failure) deadLetters.add(record, at);
  }

  #failure(actor: ActorKey, strike: { id: string; time: number }, error: Error): Failure {
    const { limits, supervision } = this.#options;
    const halts = supervision.isLastStraw(actor, strike.id, strike.time);
    return {
      error: errorText(error).slice(0, limits.errorLengthMax),
      ...(halts && { halts }),
    };
  }
}

/** A command on which its actor failed, and what its record says besides. */
export interface FailedCommand {
  readonly command: Command;
  readonly key: IdKey | undefined;
  readonly origins: Origins;
}

/** Why and when a message is parked. */
export interface Parking extends Pick<Origins, 'span'> {
  readonly from: Origin;
  readonly time: number;
  readonly error?: Error | undefined;
  readonly trace?: string | undefined;
}

/** What was thrown, whatever it was. */
export const thrown = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

/** The stack, which names the author's line; of what the actor itself threw, if that is the cause. */
export function errorText(error: Error): string {
  if (error.cause instanceof Error) return `${errorText(error.cause)}\n(${error.message})`;
  return error.stack ?? error.message;
}
