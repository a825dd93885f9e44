/**
 * What must hold of each partition's log by itself, checked record by record: positions are dense,
 * epochs rise, time never goes back; deadlines are handled once and not early; what was set aside is
 * carried out once and in order; what was deferred is answered once; no UUIDv7 is used by two commands
 * of an actor; an order's quantity is what was filled, is open, or was canceled.
 *
 * Owns what of the records before is needed for that: of ids the latest five to ten thousand of a partition.
 */
import { z } from 'zod';
import type { EventBody } from '../../contracts/record.ts';
import { scoped } from '../checkers/evidence.ts';
import { RetryCheck } from '../checkers/logs.ts';
import { exact } from '../checkers/sums.ts';
import { TimerCheck } from '../checkers/timers.ts';
import type { Placed } from '../../runtime/whole-log.ts';

const Quantities = z.object({
  ordStatus: z.string(),
  clOrdId: z.string(),
  orderQty: z.string(),
  cumQty: z.string(),
  leavesQty: z.string(),
});
const idsMax = 5_000;
const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export class Invariants {
  readonly #timers = new TimerCheck();
  readonly #retries = new RetryCheck();
  /** The latest, and those before them. */
  #ids = new Set<string>();
  #olderIds = new Set<string>();
  /** Deferred commands that wait for their answer. */
  readonly #waiting = new Set<string>();
  #position = 0;
  #epoch = 0;
  #time = 0;

  /** A sentence for each that this record breaks. */
  observe(placed: Placed): string[] {
    const { record } = placed;
    const special = record.timer ?? record.timers ?? record.aside ?? record.retried ?? record.from;
    return [
      ...this.#order(placed),
      ...this.#repeatedId(placed),
      ...this.#answers(placed),
      ...(record.events ?? []).flatMap((event) => brokenOrder(event, placed.at)),
      ...(special === undefined
        ? []
        : [...this.#timers.observe(placed), ...this.#retries.observe(placed)]),
    ];
  }

  #order({ at, position, epoch, record }: Placed): string[] {
    const broken: string[] = [];
    if (position !== this.#position + 1) broken.push(`${at} follows position ${this.#position}`);
    if (epoch < this.#epoch) broken.push(`${at} follows epoch ${this.#epoch}`);
    if (record.time < this.#time)
      broken.push(`${at}: its time ${record.time} follows ${this.#time}`);
    this.#position = position;
    this.#epoch = epoch;
    this.#time = record.time;
    return broken;
  }

  #answers({ at, record: { actor, id, pending, reply, answers = [] } }: Placed): string[] {
    if (id !== undefined && pending !== undefined && !reply) this.#waiting.add(scoped(actor, id));
    return answers
      .filter((answer) => !this.#waiting.delete(scoped(actor, answer.id)))
      .map((answer) => `${at} (${actor}): answers ${answer.id}, which does not wait`);
  }

  /** Other ids may be used again once they are forgotten; a UUIDv7 tells its age. */
  #repeatedId({ at, record: { actor, id, hash } }: Placed): string[] {
    if (id === undefined || hash === undefined || !uuid7.test(id)) return [];
    const key = scoped(actor, id);
    const repeated = this.#ids.has(key) || this.#olderIds.has(key);
    this.#ids.add(key);
    if (this.#ids.size >= idsMax) {
      this.#olderIds = this.#ids;
      this.#ids = new Set();
    }
    return repeated ? [`${at} (${actor}): the id ${id} was recorded before`] : [];
  }
}

/** orderQty = cumQty + leavesQty, and less is open only where the rest was canceled. */
function brokenOrder(event: EventBody, at: string): string[] {
  const report = 'ordStatus' in event ? Quantities.safeParse(event).data : undefined;
  if (report === undefined) return [];
  const { ordStatus, clOrdId, orderQty, cumQty, leavesQty } = report;
  const canceled = exact(orderQty) - exact(cumQty) - exact(leavesQty);
  const may = ordStatus === 'New' || ordStatus === 'PartiallyFilled' || ordStatus === 'Filled';
  if (may ? canceled === 0n : canceled >= 0n) return [];
  return [`${at}: order ${clOrdId} of ${orderQty} has ${cumQty} filled and ${leavesQty} open`];
}
