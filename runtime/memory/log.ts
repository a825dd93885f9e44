/** The log, and what is stored beside it, in memory: for tests and simulations of this process. */
import { compareEntries, type Entry, type Log } from '../log.ts';
import {
  ownerUnder,
  type GroupProgress,
  type Partitions,
  type PartitionStore,
} from './partition-store.ts';

export const memoryLog = (partitions: Partitions): Log => ({
  ...appends(partitions),
  ...reads(partitions),
  ...trims(partitions),
  ...snapshotStore(partitions),
  ...checkpointStore(partitions),
  ...deadLetters(partitions),
});

const appends = (partitions: Partitions): Pick<Log, 'append' | 'check'> => ({
  async append({ fence, after, n, records, token }) {
    const store = partitions(fence.partition);
    const owner = ownerUnder(store, fence);
    if (owner === undefined) return 'fenced';
    if (owner.isLost || store.entries.length === 0) return 'diverged';
    const top = after + n;
    if (owner.top === top && owner.token === token) return 'already';
    if (owner.top !== after || !endsBelow(store, owner.epoch, after + 1)) return 'diverged';
    store.entries.push({ epoch: owner.epoch, position: after + 1, n, records });
    store.owner = { ...owner, top, token };
    return 'ok';
  },

  check: async (fences) =>
    fences.map((fence) => ownerUnder(partitions(fence.partition), fence) !== undefined),
});

/** Whether an entry of this epoch and position may still be added: ids only grow. */
function endsBelow(store: PartitionStore, epoch: number, position: number): boolean {
  const last = store.entries.at(-1);
  return (
    last === undefined || last.epoch < epoch || (last.epoch === epoch && last.position < position)
  );
}

const reads = (partitions: Partitions): Pick<Log, 'read' | 'entryAt'> => ({
  async read(partition, position, count) {
    const { entries } = partitions(partition);
    const found: Entry[] = [];
    for (let i = firstFrom(entries, position); i < entries.length && found.length < count; i++) {
      const entry = entries[i];
      if (entry !== undefined && entry.n > 0) found.push(entry);
    }
    return found;
  },

  async entryAt(partition, position) {
    const { entries } = partitions(partition);
    const entry = entries.slice(firstFrom(entries, position)).find(({ n }) => n > 0);
    return entry && entry.position <= position ? entry : undefined;
  },
});

/** Index of the first entry that ends at or after a position. */
function firstFrom(entries: readonly Entry[], position: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && entry.position + Math.max(entry.n - 1, 0) < position)
      low = middle + 1;
    else high = middle;
  }
  return low;
}

const trims = (partitions: Partitions): Pick<Log, 'trim'> => ({
  async trim({ fence, before, leaveBehind }) {
    const store = partitions(fence.partition);
    if (ownerUnder(store, fence) === undefined) return { kind: 'fenced' };
    const { entries, groups } = store;
    const wanted = entries.findIndex((entry) => compareEntries(entry, before) === 0);
    if (wanted < 0) return { kind: 'diverged' };
    const needs = [...groups].map(([name, group]) => ({
      name,
      first: firstNeeded(entries, group),
    }));
    const behind = needs.filter(({ first }) => first < wanted);
    const cut = leaveBehind ? wanted : Math.min(wanted, ...behind.map(({ first }) => first));
    store.entries = entries.slice(cut);
    const { epoch, position } = store.entries[0] ?? before;
    return {
      kind: 'trimmed',
      first: { epoch, position },
      behind: behind.map(({ name }) => name).toSorted(),
    };
  },
});

/** Index of the first entry that a consumer group has not dealt with. */
function firstNeeded(entries: readonly Entry[], group: GroupProgress): number {
  const [start] = entries;
  const oldest = group.unacknowledged.find((id) => start && compareEntries(id, start) >= 0);
  const first = entries.findIndex((entry) =>
    oldest === undefined
      ? compareEntries(entry, group.delivered) > 0
      : compareEntries(entry, oldest) >= 0,
  );
  return first < 0 ? entries.length : first;
}

const snapshotStore = (partitions: Partitions): Pick<Log, 'saveSnapshots' | 'loadSnapshots'> => ({
  async saveSnapshots(fence, snapshots) {
    if (snapshots.length === 0) return 'ok';
    const store = partitions(fence.partition);
    if (ownerUnder(store, fence) === undefined) return 'fenced';
    for (const snapshot of snapshots) {
      const stored = store.snapshots.get(snapshot.actor);
      if (stored === undefined || stored.version < snapshot.version) {
        store.snapshots.set(snapshot.actor, snapshot);
      }
    }
    return 'ok';
  },

  loadSnapshots: async (partition, actors) =>
    actors.map((actor) => partitions(partition).snapshots.get(actor)),
});

const checkpointStore = (
  partitions: Partitions,
): Pick<Log, 'saveCheckpoint' | 'loadCheckpoints' | 'loadSegments'> => ({
  async saveCheckpoint(fence, { text, position, add, drop }) {
    const store = partitions(fence.partition);
    const owner = ownerUnder(store, fence);
    if (owner === undefined) return 'fenced';
    // A repeat that lands late must not put itself before a later one.
    if (position < owner.checkpoint) return 'ok';
    store.owner = { ...owner, checkpoint: position };
    if (add !== undefined) store.segments.set(add.name, add.bytes.slice());
    // A repeat after an unknown outcome must not push the other generation out.
    if (store.checkpoints[0] !== text) store.checkpoints = [text, ...store.checkpoints.slice(0, 1)];
    for (const name of drop) store.segments.delete(name);
    return 'ok';
  },

  loadCheckpoints: async (partition) => partitions(partition).checkpoints,

  loadSegments: async (partition, names) =>
    names.map((name) => partitions(partition).segments.get(name)?.slice()),
});

const deadLetters = (partitions: Partitions): Pick<Log, 'addDeadLetter' | 'deadLetter'> => ({
  async addDeadLetter(fence, letter, keep) {
    const store = partitions(fence.partition);
    if (ownerUnder(store, fence) === undefined) return 'fenced';
    const last = store.deadLetters.at(-1);
    if (last && compareEntries(letter.at, last.at) <= 0) return 'ok';
    store.deadLetters = [...store.deadLetters, letter].slice(-keep);
    return 'ok';
  },

  deadLetter: async (partition, at) =>
    partitions(partition).deadLetters.find((letter) => compareEntries(letter.at, at) === 0),
});
