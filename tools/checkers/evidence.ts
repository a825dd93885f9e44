/** What a run leaves behind: what the checks of this folder look at, and nothing else. */
import type { State } from '../../actors/actor.ts';
import type { ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import type { Verb } from '../../contracts/subjects.ts';
import type { ActorTypes } from '../../runtime/command.ts';
import type { Entry, Snapshot } from '../../runtime/log.ts';
import { placedOf, type Placed } from '../../runtime/whole-log.ts';
import type { ReaderGroup } from './deliveries.ts';
import type { WrittenAt } from './reads.ts';

/** All that a partition ever wrote, archived or in its log, oldest first; epoch markers if known. */
export interface PartitionLog {
  readonly partition: number;
  readonly entries: readonly Entry[];
}

/** A command with an id as a client sent it, perhaps often, and the text of each reply that came. */
export interface SentCommand {
  readonly actor: ActorKey;
  readonly name: string;
  readonly body: Json;
  readonly id: string;
  readonly replies: readonly string[];
}

/** A time in which events may have been published to nobody; `from` and `to` are in ms since 1970. */
export interface Outage {
  readonly from: number;
  readonly to: number;
}

/** One request that was answered; the times are of one clock that no client's steps can disturb. */
export interface Told {
  readonly verb: Verb;
  readonly actor: ActorKey;
  readonly name: string;
  readonly body: Json;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly text: string;
}

export interface Evidence {
  readonly types: ActorTypes;
  readonly logs: readonly PartitionLog[];
  readonly commands: readonly SentCommand[];
  /** Snapshots as they were stored, also those that have given way to later ones. */
  readonly snapshots?: readonly Snapshot[];
  /** What clients were told and when: the real-time order of queries is judged by it. */
  readonly told?: readonly Told[];
  /** When a record was in the log at the latest, in the clients' time, where that is known. */
  readonly writtenAt?: WrittenAt;
  /** The `Nats-Msg-Id` of each event that was received, in order. */
  readonly published?: readonly string[];
  /** When the subscriber may have missed events, in ms since 1970; default: never. */
  readonly outages?: readonly Outage[];
  /** These partitions were halted: what is under way with them does not end. */
  readonly halted?: readonly number[];
  /** The consumer groups that have read to the end. */
  readonly groups?: readonly ReaderGroup[];
  /** All hosts kept commands: each record that answers one says which it was. */
  readonly keptCommands?: boolean;
  /** What is wrong with a state after a record, if anything: a balance below zero. */
  readonly fault?: (actor: ActorKey, state: State<unknown>) => string | undefined;
}

/** The records of a log, in order. */
export const placedIn = ({ partition, entries }: PartitionLog): Placed[] =>
  entries.filter(({ n }) => n > 0).flatMap((entry) => placedOf(partition, entry));

/** A command's id in its scope. */
export const scoped = (actor: ActorKey, id: string): string => `${actor} ${id}`;
