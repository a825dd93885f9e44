/** What the simulated servers saw: the evidence that no log keeps, and what must never be seen. */
import type { Archive } from '../../runtime/archive.ts';
import type { GroupReads } from '../../runtime/group-reads.ts';
import type { Checkpoint, Entry, Fence, Group, Log, Snapshot } from '../../runtime/log.ts';
import type { MemoryStore } from '../../runtime/memory/store.ts';
import type { MemoryHub } from '../../runtime/memory/bus.ts';
import { ownerUnder, topOf } from '../../runtime/memory/partition-store.ts';
import type { PartitionLog } from '../checkers/evidence.ts';
import type { Watched } from './redis.ts';
import type { Schedule } from './schedule.ts';
import { watchedLeases } from './watched-leases.ts';

export class Observations {
  /** The `Nats-Msg-Id` of each event, in the order in which they came. */
  readonly published: string[] = [];
  readonly snapshots: Snapshot[] = [];
  readonly #bodies = new Map<string, string>();
  readonly complaints: string[] = [];
  /** Logs that have lost their end: their owners still write of what they know, until they notice. */
  shortened: readonly number[] = [];
  readonly #schedule: Schedule;
  /** By name of a consumer group and partition. */
  readonly #groupsBegan = new Map<string, number>();
  readonly #groupsLost = new Map<string, number>();
  /** By partition: the position of its latest checkpoint. */
  readonly #checkpointAt = new Map<number, number>();
  /** By partition and position of the last record: when an entry was written. */
  readonly #written = new Map<number, { readonly top: number; readonly at: number }[]>();

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  /** Hears every event that reaches the hub. */
  listen(hub: MemoryHub, prefix: string): void {
    hub.connect().subscribe(`${prefix}.evt.>`, ({ payload, header }) => {
      const id = header('Nats-Msg-Id') ?? '';
      const body = Buffer.from(payload).toString();
      const before = this.#bodies.get(id) ?? body;
      if (before !== body) this.complaints.push(`${id} was published as ${before} and as ${body}`);
      this.#bodies.set(id, body);
      this.published.push(id);
    });
  }

  /** A store, with everything noted that its log carries out, and what its consumer groups lose. */
  watch(store: MemoryStore): Watched {
    const leases = watchedLeases(store, (complaint) => void this.complaints.push(complaint));
    return { log: this.#watchLog(store), leases, groupReads: this.#watchGroups(store) };
  }

  /** The first position of a partition's log that a consumer group could be given. */
  readonly groupBegan = (group: string, partition: number): number =>
    this.#groupsBegan.get(`${group} ${partition}`) ?? 1;

  /** Below this position a consumer group was left behind. */
  readonly groupLost = (group: string, partition: number): number =>
    this.#groupsLost.get(`${group} ${partition}`) ?? 0;

  #watchGroups({ groupReads, partitions }: MemoryStore): GroupReads {
    return {
      ...groupReads,
      open: (group, count, from) => {
        for (let partition = 0; partition < count; partition++) {
          const { groups, entries } = partitions(partition);
          const key = `${group} ${partition}`;
          if (!groups.has(group) && !this.#groupsBegan.has(key))
            this.#groupsBegan.set(key, entries[0]?.position ?? 1);
        }
        return groupReads.open(group, count, from);
      },
    };
  }

  #watchLog({ log, partitions }: MemoryStore): Log {
    const topIn = (partition: number): number => topOf(partitions(partition).entries);
    const owned = (fence: Fence, what: string): void => {
      if (ownerUnder(partitions(fence.partition), fence) === undefined)
        this.complaints.push(
          `partition ${fence.partition}: ${what} by ${fence.nonce}, not its owner`,
        );
    };
    return {
      ...log,
      append: async (group) => {
        const outcome = await log.append(group);
        if (outcome === 'ok') {
          owned(group.fence, 'records were appended');
          this.#appended(group);
        }
        return outcome;
      },
      saveSnapshots: async (fence, snapshots) => {
        const outcome = await log.saveSnapshots(fence, snapshots);
        if (outcome === 'ok') {
          owned(fence, 'snapshots were written');
          const shortened = this.shortened.includes(fence.partition);
          this.#saved(snapshots, shortened ? Number.POSITIVE_INFINITY : topIn(fence.partition));
        }
        return outcome;
      },
      saveCheckpoint: async (fence, checkpoint) => {
        const outcome = await log.saveCheckpoint(fence, checkpoint);
        if (outcome === 'ok') {
          owned(fence, 'a checkpoint was written');
          const shortened = this.shortened.includes(fence.partition);
          const top = shortened ? Number.POSITIVE_INFINITY : topIn(fence.partition);
          this.#checkpointed(fence, checkpoint, top);
          this.#newest(fence.partition, partitions(fence.partition).checkpoints);
        }
        return outcome;
      },
      trim: async (cut) => {
        const trimmed = await log.trim(cut);
        if (trimmed.kind === 'trimmed' && cut.leaveBehind)
          for (const group of trimmed.behind)
            this.#groupsLost.set(`${group} ${cut.fence.partition}`, trimmed.first.position);
        return trimmed;
      },
    };
  }

  /** When a record was written, in ms of the schedule. */
  readonly writtenAt = (partition: number, position: number): number | undefined =>
    this.#written.get(partition)?.find(({ top }) => top >= position)?.at;

  /** The whole log of a partition, what was archived of it too. */
  async logOf(
    { partitions }: MemoryStore,
    partition: number,
    archive: Archive,
  ): Promise<PartitionLog> {
    const { entries } = partitions(partition);
    const first = entries[0]?.position ?? 1;
    const archived: Entry[] = [];
    for (let next = 1; next < first;) {
      const slice = await archive.read(partition, next);
      const last = slice.at(-1);
      if (last === undefined) break;
      archived.push(...slice.filter(({ position }) => position < first));
      next = last.position + last.n;
    }
    return { partition, entries: [...archived, ...entries] };
  }

  #appended({ fence: { partition }, after, n }: Group): void {
    const written = this.#written.get(partition) ?? [];
    written.push({ top: after + n, at: this.#schedule.now });
    this.#written.set(partition, written);
  }

  #saved(snapshots: readonly Snapshot[], top: number): void {
    this.snapshots.push(...snapshots);
    for (const { actor, position } of snapshots) {
      if (position > top)
        this.complaints.push(
          `a snapshot of ${actor} as of position ${position} was written when the log ended at ${top}`,
        );
    }
  }

  /** Recovery begins with the newest: one that lands late must not come before those written since. */
  #newest(partition: number, [newest = '{}']: readonly string[]): void {
    const { position = 0 }: { position?: number } = JSON.parse(newest);
    const before = this.#checkpointAt.get(partition) ?? 0;
    if (position < before && !this.shortened.includes(partition))
      this.complaints.push(
        `partition ${partition}: the checkpoint of position ${position} is there before that of ${before}`,
      );
    this.#checkpointAt.set(partition, Math.max(before, position));
  }

  #checkpointed({ partition }: Fence, { text }: Checkpoint, top: number): void {
    const { position }: { position: number } = JSON.parse(text);
    if (position > top)
      this.complaints.push(
        `partition ${partition}: a checkpoint of position ${position} was written when the log ended at ${top}`,
      );
  }
}
