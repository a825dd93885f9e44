/**
 * Judges every record again, in the order of its log, with the actors' own pure functions: what
 * the log says happened must be what they say follows, and no record may make or lose money.
 *
 * The law of money is local: what an actor's holdings change by, plus what its messages carry away,
 * less what the applied message brought, is what came in from outside or went out. If each record
 * keeps it, so does every consistent cut, with the value of messages under way counted.
 */
import type { State } from '../../actors/actor.ts';
import type { ActorKey } from '../../contracts/ids.ts';
import { payloadHash } from '../../contracts/json.ts';
import type { LogRecord, Message } from '../../contracts/record.ts';
import { placedIn, scoped, type Evidence, type SentCommand } from './evidence.ts';
import {
  differenceText,
  PartitionReplay,
  type Observer,
  type ReplayWorld,
} from './partition-replay.ts';

export interface Replayed {
  readonly violations: readonly string[];
  /** Each actor's state after the last record. */
  readonly states: ReadonlyMap<ActorKey, State<unknown>>;
}

/** Replays all logs from their beginning. */
export function replay(evidence: Evidence, observers: readonly Observer[] = []): Replayed {
  const logs = evidence.logs.map(placedIn);
  const sent = new Map(evidence.commands.map((command) => [payloadKey(command), command]));
  const messages = new Map<string, Message>();
  for (const { partition, record } of logs.flat())
    for (const message of record.out ?? []) messages.set(addressOf(partition, message), message);
  const violations: string[] = [];
  const world: ReplayWorld = {
    types: evidence.types,
    partitions: evidence.logs.length,
    command: ({ actor, id = '', hash }: LogRecord) => sent.get(`${scoped(actor, id)} ${hash}`),
    message: ({ partition, n }, to) => messages.get(addressOf(partition, { to, n })),
    observers,
    onDifference: (difference) => void violations.push(differenceText(difference)),
    fault: evidence.fault,
  };
  const states = new Map<ActorKey, State<unknown>>();
  for (const log of logs) {
    const replaying = new PartitionReplay(world);
    const records = new Map(log.map(({ at, record }) => [at, record]));
    for (const placed of log) replaying.take(placed, records.get(replaying.cites(placed) ?? ''));
    for (const [actor, state] of replaying.states()) states.set(actor, state);
  }
  return { violations, states };
}

/** An id may have been sent with different payloads; one of them is what the record is about. */
const payloadKey = ({ actor, id, name, body }: SentCommand): string =>
  `${scoped(actor, id)} ${payloadHash(name, body)}`;

const addressOf = (from: number, { to, n }: Pick<Message, 'to' | 'n'>): string =>
  `${from} ${to} ${n}`;
