/**
 * What a client's command is told without a record, so that its id stays as it was: its time is not
 * that of the window, its actor is halted, what it retries is gone, or there is no room for what it
 * would leave behind.
 */
import type { Decision } from '../actors/actor.ts';
import { isRecorded } from '../contracts/codes.ts';
import { recordAddress } from '../contracts/record.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Command } from './command.ts';
import type { Limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Recall } from './recall.ts';
import type { Supervision } from './supervision.ts';
import type { Timers } from './timers.ts';
import { timeOfId } from './uuid.ts';

export interface RefusalsOptions {
  readonly partition: number;
  readonly limits: Limits;
  readonly recall: Recall;
  readonly outbox: Outbox;
  readonly timers: Timers;
  readonly supervision: Supervision;
}

/** A reply as it is sent. */
export interface Told {
  readonly text: string;
  readonly code?: string | undefined;
}

export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** A UUIDv7 says when it was made: past the window it is refused for ever, known or not. */
  outOfWindow(id: string, now: number): Told | undefined {
    const made = timeOfId(id);
    if (made === undefined) return undefined;
    const { limits } = this.#options;
    // What was made so far ahead is remembered as much longer; of a short window it is half.
    const aheadMs = Math.min(limits.idAheadMs, limits.windowMs / 2);
    if (made < now - (limits.windowMs - aheadMs)) return refuse('runtime/stale-command');
    if (made > now + aheadMs) {
      return refuse(
        'request/malformed',
        'The time in this UUIDv7 lies ahead. Set the clock that made it.',
      );
    }
    return undefined;
  }

  /** Of a command to a halted actor, and of a retry of what was retried already. */
  heldBack({ actor, retried }: Command): Told | undefined {
    const { supervision, partition } = this.#options;
    const halt = supervision.haltOf(actor);
    if (halt) {
      const at = recordAddress(partition, halt.at.epoch, halt.at.position);
      return refuse(
        'runtime/halted',
        `${actor} is halted since it failed on ${at}. An operator must look at it: see dead-letters.`,
      );
    }
    if (retried === undefined || supervision.isOpen(retried)) return undefined;
    return refuse('dead-letter/unknown');
  }

  /** Of a command that was judged: its refusal is not one that is recorded, or something is full. */
  unrecorded({ reply, events, effects }: Decision): Reply | undefined {
    if (reply && !reply.ok && !isRecorded(reply.error.code)) {
      if (events.length > 0) throw new Error(`${reply.error.code} is not recorded, but has events`);
      return reply;
    }
    const { recall, outbox, timers } = this.#options;
    const busy =
      (reply === undefined && recall.full) ||
      (effects?.send && outbox.full(effects.send)) ||
      (effects?.replicate !== undefined && outbox.anyFull) ||
      (effects?.timers?.some(({ at }) => at !== null) && timers.full);
    return busy ? refusal('runtime/busy') : undefined;
  }
}

export const refuse = (code: string, message?: string): Told => ({
  text: encodeReply(refusal(code, message)),
  code,
});
