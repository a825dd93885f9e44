/** An actor as it was at a moment: from its snapshot if that is old enough, else from its first record. */
import type { ActorType } from '../actors/actor.ts';
import { parseActorKey, typeOf, type ActorKey } from '../contracts/ids.ts';
import { partitionOf } from '../contracts/partition.ts';
import { recordAddress } from '../contracts/record.ts';
import { ActorPast } from '../runtime/history/actor-past.ts';
import type { Snapshot } from '../runtime/log.ts';
import { integer, list } from '../runtime/redis/replies.ts';
import { WholeLog, type Placed } from '../runtime/whole-log.ts';
import { UsageError } from './command-line.ts';
import { timeText, type Moment } from './moment.ts';
import type { OpenedCluster } from './opened-cluster.ts';

/** An actor of this build, and the partition that it lives in. */
export interface Located {
  readonly actor: ActorKey;
  readonly type: ActorType;
  readonly partition: number;
}

/** An actor's key out of a command line. */
export function readActor(text: string | undefined): ActorKey {
  const actor = text === undefined ? undefined : parseActorKey(text);
  if (actor !== undefined) return actor;
  const instead = text === undefined ? '' : `, not "${text}"`;
  throw new UsageError(`Name an actor such as account/alice${instead}.`);
}

export function locate({ types, settings }: OpenedCluster, actor: ActorKey): Located {
  const name = typeOf(actor);
  const type = types.get(name);
  if (type === undefined)
    throw new UsageError(
      `There are no actors of type "${name}"; there are ${[...types.keys()].join(' and ')}.`,
    );
  return { actor, type, partition: partitionOf(actor, settings.partitions) };
}

/** Which records there were at a moment. */
export type Within = (placed: Placed) => boolean;

/** Throws if the moment has not come, or is no record of this partition. */
export async function withinMoment(
  cluster: OpenedCluster,
  moment: Moment,
  { actor, partition }: Pick<Located, 'actor' | 'partition'>,
): Promise<Within> {
  switch (moment.kind) {
    case 'now':
      return () => true;
    case 'time':
      await refuseFuture(cluster, moment.time);
      return ({ record }) => record.time <= moment.time;
    case 'record':
      if (moment.partition !== partition)
        throw new Error(`${actor} lives in partition ${partition}, not ${moment.partition}.`);
      await refuseNowhere(cluster, moment);
      return ({ position }) => position <= moment.position;
  }
}

/** The actor with all its records within; what its past holds then is not taken. */
export async function travel(
  { log, archive }: OpenedCluster,
  { actor, type, partition }: Located,
  within: Within,
): Promise<ActorPast> {
  const sources = { log, archive };
  const [stored] = await log.loadSnapshots(partition, [actor]);
  const reached = stored && (await holdsSnapshot(new WholeLog(partition, sources), stored, within));
  const snapshot = reached ? stored : undefined;
  const past = new ActorPast({ actor, type, partition, sources, snapshot });
  while (await past.next(within));
  return past;
}

/** Whether the snapshot is of a state that there was: then its last position was within, too. */
async function holdsSnapshot(log: WholeLog, { position }: Snapshot, within: Within) {
  const last = await log.at(position);
  return last !== undefined && within(last);
}

/** The time of Redis, by which hosts are kept, in ms since 1970. */
export async function timeOf({ connection }: OpenedCluster): Promise<number> {
  const [seconds, microseconds] = list(await connection.call('time', []));
  return integer(seconds) * 1_000 + Math.floor(integer(microseconds) / 1_000);
}

/** Throws if the time has not come. */
export async function refuseFuture(cluster: OpenedCluster, time: number): Promise<void> {
  const now = await timeOf(cluster);
  if (time > now)
    throw new Error(`${timeText(time)} is in the future: it is ${timeText(now)} now.`);
}

async function refuseNowhere(
  { log, archive, leases }: OpenedCluster,
  moment: Extract<Moment, { kind: 'record' }>,
): Promise<void> {
  const { partition, epoch, position } = moment;
  const top = (await leases.ownerOf(partition))?.top ?? 0;
  if (position < 1 || position > top)
    throw new Error(
      top === 0
        ? `Partition ${partition} has no records yet.`
        : `Partition ${partition} has the positions 1 to ${top}, not ${position}.`,
    );
  const placed = await new WholeLog(partition, { log, archive }).at(position);
  if (placed === undefined)
    throw new Error(
      `Position ${position} of partition ${partition} is neither in the log nor in the archive; ` +
        `name the archive's folder with --archive.`,
    );
  if (placed.epoch !== epoch)
    throw new Error(
      `Position ${position} was written in epoch ${placed.epoch}: its record is ` +
        `${recordAddress(partition, placed.epoch, position)}.`,
    );
}
