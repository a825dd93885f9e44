/**
 * The sealed command ids that checkpoints name: one segment grows for a minute, then another begins.
 *
 * Owns which segments the latest checkpoint names, and which the one before it named besides: those
 * are dropped with the next checkpoint, for two are kept.
 */
import type { IdTable } from './id-table.ts';
import type { Limits } from './limits.ts';
import type { Segment } from './log.ts';

/**
 * Sealed ids of the positions after the previous segment's, up to `through`. Checkpoints add to the
 * latest segment for a minute (from `since` to `time`, of records), then begin another.
 */
export interface SegmentName {
  readonly name: string;
  readonly through: number;
  readonly since: number;
  readonly time: number;
}

/** What one checkpoint names and writes. */
export interface Sealed {
  readonly segments: readonly SegmentName[];
  /** Written together with the checkpoint. */
  readonly add: Segment | undefined;
  /** No kept checkpoint needs these any more. */
  readonly drop: readonly string[];
  /** Not named any more: too old, or part of a longer one now. */
  readonly expired: readonly SegmentName[];
  readonly replaced: readonly SegmentName[];
}

export interface SealedIdsOptions {
  readonly table: IdTable;
  readonly limits: Limits;
  readonly epoch: number;
  /** What the checkpoints that were found name, newest first. */
  readonly restored: readonly { readonly segments: readonly SegmentName[] }[];
}

const segmentMs = 60_000;

export class SealedIds {
  readonly #options: SealedIdsOptions;
  #segments: readonly SegmentName[];
  /** The bytes of the latest segment, if this owner wrote it. */
  #latest: Uint8Array | undefined;
  #dropNext: readonly string[];

  constructor(options: SealedIdsOptions) {
    this.#options = options;
    const [newest, older] = options.restored;
    this.#segments = newest?.segments ?? [];
    const named = new Set(this.#segments.map((segment) => segment.name));
    const dropped = older?.segments.filter((segment) => !named.has(segment.name)) ?? [];
    this.#dropNext = dropped.map((segment) => segment.name);
  }

  /** For a checkpoint at a position, whose record has this time. */
  seal(position: number, time: number): Sealed {
    const { table, limits } = this.#options;
    const bytes = table.seal(position);
    const { all, add, replaced } = this.#with(bytes, { position, time });
    const expired = all.filter((one) => one.time < time - limits.windowMs);
    const segments = all.filter((one) => !expired.includes(one));
    return { segments, add, drop: this.#dropNext, expired, replaced };
  }

  /** The checkpoint is written. */
  written({ segments, add, expired, replaced }: Sealed): void {
    this.#segments = segments;
    this.#latest = add?.bytes ?? this.#latest;
    this.#dropNext = [...expired, ...replaced].map((segment) => segment.name);
    const forgotten = expired.at(-1);
    if (forgotten) this.#options.table.forget(forgotten.through + 1);
  }

  /** All segments, with the ids up to a position: the young latest one is written again with more. */
  #with(
    bytes: Uint8Array | undefined,
    { position, time }: { readonly position: number; readonly time: number },
  ): Grown {
    const segments = this.#segments;
    if (bytes === undefined) return { all: segments, replaced: [], add: undefined };
    const name = `${this.#options.epoch}-${position}`;
    const last = segments.at(-1);
    if (last === undefined || this.#latest === undefined || time - last.since >= segmentMs) {
      const added = { name, through: position, since: time, time };
      return { all: [...segments, added], replaced: [], add: { name, bytes } };
    }
    return {
      all: [...segments.slice(0, -1), { name, through: position, since: last.since, time }],
      replaced: [last],
      add: { name, bytes: Buffer.concat([this.#latest, bytes]) },
    };
  }
}

interface Grown extends Pick<Sealed, 'add' | 'replaced'> {
  readonly all: readonly SegmentName[];
}
