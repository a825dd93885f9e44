import { setImmediate as turn } from 'node:timers/promises';
import { encodeReply, refusal, success } from '../../contracts/reply.ts';
import type { Bus, BusMessage } from '../../runtime/bus.ts';
import { clientOn, type ClientOptions } from '../../runtime/client.ts';
import { memoryHub, type MemoryHub } from '../../runtime/memory/bus.ts';
import { manualClock, type ManualClock } from '../../runtime/memory/clock.ts';
import { systemRandom } from '../../runtime/system-clock.ts';

/** What a scripted host does with a request: the text of its reply, or nothing. */
export const silence = '';

export const busy = encodeReply(refusal('runtime/busy'));
export const noOwner = encodeReply(refusal('runtime/no-owner'));
export const pending = encodeReply(refusal('runtime/pending'));
export const poor = encodeReply(refusal('account/insufficient-funds'), '1:1-7');
export const paid = encodeReply(
  success({ asset: 'USD', available: '10.00', held: '0.00' }),
  '1:1-8',
);

/** A request as a scripted host saw it; `at` is the time of the stage's clock. */
export interface Seen {
  readonly id: string | undefined;
  readonly trace: string | undefined;
  readonly body: string;
  readonly at: number;
}

export interface Stage {
  readonly clock: ManualClock;
  readonly hub: MemoryHub;
  readonly bus: Bus;
}

export function stage(): Stage {
  const clock = manualClock();
  const hub = memoryHub({ clock });
  return { clock, hub, bus: hub.connect() };
}

export const random = systemRandom();

/** Random numbers at the upper end make the longest pauses. */
export const longPauses = { ...random, next: () => 0.999 };

export const client = ({ bus, clock }: Stage, options: ClientOptions = {}) =>
  clientOn({ bus, clock, random }, { partitions: 4, ...options });

/** Answers a subject by a script, its last move for ever. */
export function host({ hub, clock }: Stage, subject: string, ...moves: string[]): Seen[] {
  const bus = hub.connect();
  const seen: Seen[] = [];
  bus.subscribe(subject, (message) => {
    const reply = moves[Math.min(seen.length, moves.length - 1)] ?? silence;
    const id = message.header('Nats-Msg-Id');
    const trace = message.header('traceparent');
    seen.push({ id, trace, body: text(message), at: clock.monotonic() });
    if (reply !== silence && message.reply !== undefined) bus.publish(message.reply, reply);
  });
  return seen;
}

export const text = ({ payload }: BusMessage): string => new TextDecoder().decode(payload);

/** Lets time pass, a little in each turn of the event loop, until the promise has settled. */
export async function pass<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const end = (): void => void (settled = true);
  promise.then(end, end);
  while (!settled) {
    for (let turns = 0; turns < 4; turns++) await turn();
    if (!settled) clock.advance(5);
  }
  return promise;
}
