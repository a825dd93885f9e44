/**
 * Snapshots of actors in one hash per partition: a short header line, then the state. A state above
 * `chunkBytes` would hold up every other partition while one script writes it, so it goes into a
 * hash of its own, a chunk per call, and becomes valid by the one call that writes its header.
 */
import { keys } from '../../contracts/keys.ts';
import type { Fence, Log, Snapshot } from '../log.ts';
import type { Connection } from './connection.ts';
import { bytes, list, oneOf } from './replies.ts';
import { scripts } from './scripts.ts';

const chunkBytes = 256 * 1024;
const snapshotsPerCall = 500;
/** A snapshot's chunks may be replaced between reading its header and reading them. */
const loadAttemptsMax = 3;

interface Encoded {
  readonly actor: string;
  readonly version: number;
  readonly head: string;
  readonly state: string;
  readonly bytes: number;
}

export function snapshotStore(
  connection: Connection,
): Pick<Log, 'saveSnapshots' | 'loadSnapshots'> {
  const saveCall = async (fence: Fence, values: readonly string[]): Promise<'ok' | 'fenced'> => {
    const { partition, epoch, nonce } = fence;
    const reply = await connection.run(
      scripts.snapshots,
      [keys.owner(partition), keys.snapshots(partition), keys.chunksUnder(partition)],
      [`${epoch}`, nonce, ...values],
    );
    const outcome = oneOf(['ok', 'fenced', 'incomplete'], reply);
    if (outcome === 'incomplete')
      throw new Error('chunks of a snapshot are missing; write it again');
    return outcome;
  };

  const saveLarge = async (fence: Fence, snapshot: Encoded): Promise<'ok' | 'fenced'> => {
    const { partition, epoch, nonce } = fence;
    const { actor, version } = snapshot;
    const state = Buffer.from(snapshot.state);
    const at = [
      keys.owner(partition),
      keys.snapshots(partition),
      keys.chunks(partition, actor, version),
    ];
    const count = Math.ceil(state.length / chunkBytes);
    for (let i = 0; i < count; i++) {
      const chunk = state.subarray(i * chunkBytes, (i + 1) * chunkBytes);
      const reply = await connection.run(scripts.chunk, at, [
        `${epoch}`,
        nonce,
        actor,
        `${version}`,
        `${i}`,
        chunk,
      ]);
      const outcome = oneOf(['ok', 'fenced', 'stale'], reply);
      if (outcome !== 'ok') return outcome === 'stale' ? 'ok' : 'fenced';
    }
    return saveCall(fence, [actor, `${snapshot.head} ${count}\n`]);
  };

  const load = async (
    partition: number,
    actors: readonly string[],
  ): Promise<(Snapshot | undefined)[]> => {
    if (actors.length === 0) return [];
    const values = list(
      await connection.callForBytes('hmget', [keys.snapshots(partition), ...actors]),
    );
    return Promise.all(actors.map((actor, i) => decode(partition, actor, values[i], 1)));
  };

  const decode = async (
    partition: number,
    actor: string,
    value: unknown,
    attempt: number,
  ): Promise<Snapshot | undefined> => {
    if (value === null) return undefined;
    const { header, chunks, state } = parse(bytes(value));
    if (chunks === 0) return { actor, ...header, state };
    const key = keys.chunks(partition, actor, header.version);
    const parts: Buffer[] = [];
    for (let i = 0; i < chunks; i++) {
      const part = await connection.callForBytes('hget', [key, `${i}`]);
      if (part !== null) parts.push(bytes(part));
    }
    if (parts.length === chunks)
      return { actor, ...header, state: Buffer.concat(parts).toString() };
    if (attempt === loadAttemptsMax)
      throw new Error(`chunks of the snapshot of ${actor} are missing`);
    const newer = await connection.callForBytes('hget', [keys.snapshots(partition), actor]);
    return decode(partition, actor, newer, attempt + 1);
  };

  return {
    async saveSnapshots(fence, snapshots) {
      const all = snapshots.map(encode);
      for (const values of calls(all.filter((snapshot) => snapshot.bytes <= chunkBytes))) {
        if ((await saveCall(fence, values)) === 'fenced') return 'fenced';
      }
      for (const large of all.filter((snapshot) => snapshot.bytes > chunkBytes)) {
        if ((await saveLarge(fence, large)) === 'fenced') return 'fenced';
      }
      return 'ok';
    },
    loadSnapshots: load,
  };
}

const encode = ({ actor, version, position, hash, state }: Snapshot): Encoded => ({
  actor,
  version,
  head: `${version} ${position} ${hash}`,
  state,
  bytes: Buffer.byteLength(state),
});

/**
 * Puts small snapshots into as few calls as the bounds on bytes and number allow; as text, for a
 * buffer for each would cost more than all else that is done for it.
 */
function calls(snapshots: readonly Encoded[]): string[][] {
  const all: string[][] = [];
  let bytesLeft = 0;
  for (const { actor, head, state, bytes } of snapshots) {
    let call = all.at(-1);
    if (call === undefined || bytesLeft < bytes || call.length >= 2 * snapshotsPerCall) {
      all.push((call = []));
      bytesLeft = chunkBytes;
    }
    call.push(actor, `${head} 0\n${state}`);
    bytesLeft -= bytes;
  }
  return all;
}

function parse(value: Buffer) {
  const end = value.indexOf('\n');
  const [version, position, hash, chunks] = value.toString('utf8', 0, end).split(' ');
  return {
    header: { version: Number(version), position: Number(position), hash: hash ?? '' },
    chunks: Number(chunks),
    state: value.toString('utf8', end + 1),
  };
}
