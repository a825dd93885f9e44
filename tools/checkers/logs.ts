/** What holds of any set of logs, whatever wrote them: order, ids, channels. Each claim that is broken is a sentence. */
import { splitActorKey, type ActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { decodeGroup } from '../../contracts/record.ts';
import { partitionType } from '../../runtime/reference-data.ts';
import type { Placed } from '../../runtime/whole-log.ts';
import { scoped, type PartitionLog } from './evidence.ts';

/** Positions are dense from 1, epochs rise, time never goes back. */
export function brokenOrder({ partition, entries }: PartitionLog): string[] {
  const broken: string[] = [];
  const say = (what: string): void => void broken.push(`partition ${partition}: ${what}`);
  let [top, epoch, time] = [0, 0, 0];
  for (const entry of entries) {
    const name = `entry ${entry.epoch}-${entry.position}`;
    if (entry.n === 0) {
      if (entry.epoch <= epoch) say(`the marker ${name} follows epoch ${epoch}`);
      if (entry.position !== top) say(`the marker ${name} follows position ${top}`);
      epoch = entry.epoch;
      continue;
    }
    const records = decodeGroup(entry.records);
    if (records.length !== entry.n)
      say(`${name} says ${entry.n} and has ${records.length} records`);
    if (entry.position !== top + 1) say(`${name} follows position ${top}`);
    if (entry.epoch < epoch) say(`${name} follows epoch ${epoch}`);
    for (const record of records) {
      if (record.time < time) say(`${name}: its time ${record.time} follows ${time}`);
      time = record.time;
    }
    top = entry.position + entry.n - 1;
    epoch = entry.epoch;
  }
  return broken;
}

/** Each command id stands in one record, and is answered by one. */
export function repeatedIds(records: readonly Placed[]): string[] {
  const begun = new Map<string, string>();
  const answered = new Map<string, string>();
  const broken: string[] = [];
  const note = (seen: Map<string, string>, key: string, at: string, what: string): void => {
    const before = seen.get(key);
    if (before !== undefined) broken.push(`${key} is ${what} at ${before} and again at ${at}`);
    seen.set(key, at);
  };
  for (const { record, at } of records) {
    const { actor, id, reply, answers = [] } = record;
    if (id !== undefined) note(begun, scoped(actor, id), at, 'recorded');
    if (id !== undefined && reply) note(answered, scoped(actor, id), at, 'answered');
    for (const answer of answers) note(answered, scoped(actor, answer.id), at, 'answered');
  }
  return broken;
}

/**
 * Deferred commands that no later record has answered: none, once everything has settled.
 */
export function unanswered(records: readonly Placed[]): string[] {
  const open = new Map<string, string>();
  for (const { record, at } of records) {
    const { actor, id, pending, reply, answers = [] } = record;
    if (id !== undefined && pending !== undefined && !reply) open.set(scoped(actor, id), at);
    for (const answer of answers) open.delete(scoped(actor, answer.id));
  }
  return [...open].map(([key, at]) => `${key}, deferred at ${at}, was never answered`);
}

/**
 * What each partition applied of another's messages is what that one sent: in order, without a gap,
 * of the entries that hold them. `drained`: and nothing is still under way.
 */
export function brokenChannels(
  logs: readonly (readonly Placed[])[],
  { drained }: { readonly drained: boolean },
): string[] {
  const target = (to: ActorKey): number => {
    const { type, id } = splitActorKey(to);
    return type === partitionType ? Number(id) : partitionOf(to, logs.length);
  };
  const sent = new Map<string, string[]>();
  const applied = new Map<string, string[]>();
  for (const { partition, entry, record } of logs.flat()) {
    for (const { to, n } of record.out ?? [])
      into(sent, `${partition}→${target(to)}`).push(`${n} of ${entry}`);
    if (record.from) {
      const { partition: from, n, entry: origin } = record.from;
      into(applied, `${from}→${partition}`).push(`${n} of ${origin}`);
    }
  }
  const broken: string[] = [];
  for (const channel of new Set([...sent.keys(), ...applied.keys()])) {
    const [left = [], arrived = []] = [sent.get(channel), applied.get(channel)];
    left.forEach((message, index) => {
      const n = Number(message.slice(0, message.indexOf(' ')));
      if (n !== index + 1) broken.push(`channel ${channel}: message ${index + 1} has number ${n}`);
    });
    const wrong = arrived.findIndex((message, index) => message !== left[index]);
    if (wrong >= 0)
      broken.push(
        `channel ${channel}: applied ${arrived[wrong]}, sent ${left[wrong] ?? 'nothing'}`,
      );
    if (drained && arrived.length < left.length)
      broken.push(`channel ${channel}: ${left.length - arrived.length} messages never arrived`);
  }
  return broken;
}

/**
 * What was set aside is carried out at most once, and messages of one partition to one actor in the
 * order in which they were parked; none overtakes a parked one.
 */
export function brokenRetries(log: readonly Placed[]): string[] {
  const check = new RetryCheck();
  return log.flatMap((placed) => check.observe(placed));
}

/** What was set aside and never carried out. */
export function leftAside(log: readonly Placed[]): string[] {
  const left = new Map<number, string>();
  for (const { at, position, record } of log) {
    const { actor, aside, retried } = record;
    if (retried !== undefined) left.delete(retried);
    if (aside)
      left.set(position, `"${aside.name}" to ${actor}, set aside at ${at}, was never retried`);
  }
  return [...left.values()];
}

/** Follows what one partition's log sets aside and retries. */
export class RetryCheck {
  /** What is set aside: commands, and the parked messages of each channel to an actor. */
  readonly #commands = new Set<number>();
  readonly #parked = new Map<string, number[]>();

  /** A sentence for each claim that this record breaks. */
  observe({ at, position, record }: Placed): string[] {
    const { actor, aside, from, retried, id } = record;
    const broken: string[] = [];
    const channel = `${from?.partition}→${actor}`;
    if (retried !== undefined && id !== undefined && !this.#commands.delete(retried))
      broken.push(`${at} retries a command at ${retried}, where none is set aside`);
    if (retried !== undefined && id === undefined) {
      const queue = [...this.#parked.values()].find(([first]) => first === retried);
      if (queue?.shift() === undefined)
        broken.push(
          `${at} retries the message at ${retried}, which is not the next of its channel`,
        );
    }
    const [waiting] = this.#parked.get(channel) ?? [];
    if (from && !aside && waiting !== undefined)
      broken.push(`${at} overtakes the message parked at ${waiting}`);
    if (aside && from) into(this.#parked, channel).push(position);
    else if (aside) this.#commands.add(position);
    return broken;
  }
}

function into<Key, Item>(lists: Map<Key, Item[]>, key: Key): Item[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
