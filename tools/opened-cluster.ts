/** A cluster as the commands that look into its Redis see it. They write nothing there. */
import { join } from 'node:path';
import { ClusterSettings } from '../contracts/cluster.ts';
import { keys } from '../contracts/keys.ts';
import type { Archive } from '../runtime/archive.ts';
import type { ActorTypes } from '../runtime/command.ts';
import { fileArchive } from '../runtime/files/archive.ts';
import type { Leases } from '../runtime/leases.ts';
import type { Log } from '../runtime/log.ts';
import { connectRedis, type Connection } from '../runtime/redis/connection.ts';
import { redisLeases } from '../runtime/redis/leases.ts';
import { redisLog } from '../runtime/redis/log.ts';
import { list, text } from '../runtime/redis/replies.ts';
import { readClusterFile } from './cluster-file.ts';
import { clusterEnvironment } from './environment.ts';
import { ownActors } from './verify/build.ts';

export interface ClusterPlace {
  /** The data folder of a cluster that `up` or `start` runs. */
  readonly data: string;
  /** Where hosts archive; default: the environment's, or that of the data folder. */
  readonly archive?: string | undefined;
}

export interface OpenedCluster {
  readonly connection: Connection;
  readonly settings: ClusterSettings;
  readonly log: Log;
  readonly leases: Leases;
  /** Undefined if nobody says where it is. */
  readonly archive: Archive | undefined;
  /** This build's actors. */
  readonly types: ActorTypes;
}

/** What the options of these commands are, and what `--help` says of them. */
export const clusterOptions = {
  archive: { type: 'string' },
  data: { type: 'string', default: '.millrace' },
} as const;

export const clusterHelp = `  --archive DIR   where hosts archive (default MILLRACE_ARCHIVE_DIR, or the archive of the cluster
                  that \`up\` started)
  --data DIR      of the running cluster (default .millrace)

MILLRACE_REDIS_URL names a cluster elsewhere. Only reads.`;

/** Does this with the cluster of the environment, or of a data folder. */
export async function withCluster<T>(
  place: ClusterPlace,
  work: (cluster: OpenedCluster) => Promise<T>,
): Promise<T> {
  const { redis, archive } = addressesOf(place);
  const connection = await connectRedis(redis);
  try {
    const settings = await settingsIn(connection);
    return await work({
      connection,
      settings,
      log: redisLog(connection),
      leases: redisLeases(connection),
      archive: archive === undefined ? undefined : fileArchive(archive),
      types: ownActors(settings.scales),
    });
  } finally {
    await connection.close();
  }
}

/** Where its Redis is, and where its hosts archive. */
export function addressesOf({ data, archive }: ClusterPlace): {
  readonly redis: string;
  readonly archive: string | undefined;
} {
  const configured = clusterEnvironment(process.env);
  const folder = archive ?? configured.archive;
  if (configured.redis !== undefined) return { redis: configured.redis, archive: folder };
  return { redis: readClusterFile(data).redis, archive: folder ?? join(data, 'archive') };
}

async function settingsIn(connection: Connection): Promise<ClusterSettings> {
  const fields = await connection.call('hmget', [keys.cluster, 'id', 'partitions', 'scales']);
  const [id, partitions, scales] = list(fields);
  if (id === null)
    throw new Error(
      'This Redis holds no cluster. Start one with npm start, or name another with MILLRACE_REDIS_URL.',
    );
  return ClusterSettings.parse({
    id,
    partitions: Number(partitions),
    scales: JSON.parse(text(scales)),
  });
}
