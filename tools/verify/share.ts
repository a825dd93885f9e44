/** Verifies some partitions of a cluster, in this thread or in one of several. */
import type { ClusterSettings } from '../../contracts/cluster.ts';
import { fileArchive } from '../../runtime/files/archive.ts';
import { connectRedis } from '../../runtime/redis/connection.ts';
import { redisLog } from '../../runtime/redis/log.ts';
import { connectOperator, type Operator } from '../operator.ts';
import { actorsOf, ownActors } from './build.ts';
import { verify, type Verified } from './verify.ts';

/** What is to be verified: plain data, that another thread can be given. */
export interface Share {
  readonly redis: string;
  readonly archive: string | undefined;
  /** Where hosts are asked for what they have in memory. */
  readonly hosts: { readonly url: string; readonly prefix: string } | undefined;
  readonly settings: ClusterSettings;
  /** The other build. */
  readonly build: string | undefined;
  /** The partitions, if not all. */
  readonly only: readonly number[] | undefined;
}

/** Rejects if the logs cannot be read; hosts that cannot be reached are a note in the outcome. */
export async function verifyShare(
  { redis, archive, hosts, settings, build, only }: Share,
  onProgress: (records: number) => void,
): Promise<Verified> {
  const { partitions, scales } = settings;
  const own = ownActors(scales);
  const other = build === undefined ? undefined : await actorsOf(build, scales);
  await using stack = new AsyncDisposableStack();
  const connection = await connectRedis(redis);
  stack.defer(() => connection.close());
  const operator = other || !hosts ? undefined : await operatorOf(hosts, partitions);
  if (operator && typeof operator !== 'string') stack.defer(() => operator.close());
  const live = typeof operator === 'object' ? operator : undefined;
  const verified = await verify({
    log: redisLog(connection),
    archive: archive === undefined ? undefined : fileArchive(archive),
    partitions,
    types: other ?? own,
    against: other && own,
    only: only && new Set(only),
    live: live && ((partition, actors) => live.states(partition, actors)),
    onProgress,
  });
  const notes = typeof operator === 'string' ? [operator, ...verified.notes] : verified.notes;
  return { ...verified, notes };
}

/** The hosts of the same cluster, or why they cannot be asked. */
async function operatorOf(
  hosts: NonNullable<Share['hosts']>,
  partitions: number,
): Promise<Operator | string> {
  try {
    const operator = await connectOperator(hosts);
    if (operator.partitions === partitions) return operator;
    await operator.close();
    throw new Error(`they have ${operator.partitions} partitions, this Redis ${partitions}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `hosts are not asked for what they have in memory: ${why}`;
  }
}
