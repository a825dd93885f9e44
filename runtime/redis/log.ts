/** The log of every partition, and what is stored beside it, in Redis. */
import { keys } from '../../contracts/keys.ts';
import { entryId, parseEntryId } from '../../contracts/record.ts';
import type { Log } from '../log.ts';
import type { Connection } from './connection.ts';
import { deadLetters } from './dead-letters.ts';
import { entryReads } from './entries.ts';
import { epochIndex } from './epochs.ts';
import { replicatedTo, type Replicated } from './replicas.ts';
import { bytes, list, oneOf, text } from './replies.ts';
import { scripts } from './scripts.ts';
import { snapshotStore } from './snapshots.ts';

export interface RedisLogOptions {
  /** A group counts as durable when so many replicas have it too; default: none. */
  readonly replicas?: number;
}

export const redisLog = (connection: Connection, { replicas = 0 }: RedisLogOptions = {}): Log => ({
  ...appends(connection, replicatedTo(replicas, connection)),
  ...trims(connection),
  ...entryReads(connection, epochIndex(connection)),
  ...snapshotStore(connection),
  ...checkpointStore(connection),
  ...deadLetters(connection),
});

const appends = (
  connection: Connection,
  replicated: Replicated,
): Pick<Log, 'append' | 'check'> => ({
  async append({ fence: { partition, epoch, nonce }, after, n, records, token }) {
    const at = [keys.owner(partition), keys.log(partition)];
    const args = [`${epoch}`, nonce, `${after}`, `${n}`, records, token];
    const reply = await connection.run(scripts.append, at, args);
    const outcome = oneOf(['ok', 'already', 'fenced', 'diverged'], reply);
    if (outcome === 'fenced' || outcome === 'diverged') return outcome;
    return (await replicated()) ? outcome : 'unreplicated';
  },

  // Plain reads of one key each are as good as a script, and go out as one pipeline.
  check: (fences) =>
    Promise.all(
      fences.map(async ({ partition, epoch, nonce }) => {
        const owner = list(
          await connection.call('hmget', [keys.owner(partition), 'epoch', 'nonce']),
        );
        return owner[0] === `${epoch}` && owner[1] === nonce;
      }),
    ),
});

const trims = (connection: Connection): Pick<Log, 'trim'> => ({
  async trim({ fence: { partition, epoch, nonce }, before, leaveBehind }) {
    const at = [keys.owner(partition), keys.log(partition)];
    const args = [
      `${epoch}`,
      nonce,
      entryId(before.epoch, before.position),
      leaveBehind ? '1' : '0',
    ];
    const [word, first, behind] = list(await connection.run(scripts.trim, at, args));
    const kind = oneOf(['trimmed', 'fenced', 'diverged'], word);
    if (kind !== 'trimmed') return { kind };
    return { kind, first: parseEntryId(text(first)), behind: list(behind).map(text).toSorted() };
  },
});

const checkpointStore = (
  connection: Connection,
): Pick<Log, 'saveCheckpoint' | 'loadCheckpoints' | 'loadSegments'> => ({
  async saveCheckpoint({ partition, epoch, nonce }, { text: checkpoint, position, add, drop }) {
    const at = [keys.owner(partition), keys.checkpoints(partition), keys.segments(partition)];
    const segment = add ? [add.name, Buffer.from(add.bytes)] : ['', ''];
    const args = [`${epoch}`, nonce, checkpoint, ...segment, `${position}`, ...drop];
    return oneOf(['ok', 'fenced'], await connection.run(scripts.checkpoint, at, args));
  },

  async loadCheckpoints(partition) {
    return list(await connection.call('lrange', [keys.checkpoints(partition), '0', '-1'])).map(
      text,
    );
  },

  async loadSegments(partition, names) {
    if (names.length === 0) return [];
    const found = list(
      await connection.callForBytes('hmget', [keys.segments(partition), ...names]),
    );
    return found.map((segment) => (segment === null ? undefined : bytes(segment)));
  },
});
