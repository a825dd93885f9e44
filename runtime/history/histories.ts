/**
 * Answers what has happened to an actor, from the log and the archive, beside the turns: one question
 * after another, in stretches that give way. Anybody may ask without end, also for actors that never
 * were, so what that costs is bounded:
 * H1  who has waited too long to wait still is told busy, and nothing is read for it;
 * H2  while a host has other work, that has four times as long as what is read here.
 *
 * Owns a few pasts that were read last, so that the next page goes on where the last one ended.
 * Nothing depends on them: without one, or on another host, the past is read again.
 */
import type { ActorType } from '../../actors/actor.ts';
import type { HistoryPage, HistoryQuery } from '../../contracts/history.ts';
import { historyLimit } from '../../contracts/history.ts';
import type { ActorKey } from '../../contracts/ids.ts';
import { parseRecordAddress } from '../../contracts/record.ts';
import { refusal, success, type Reply } from '../../contracts/reply.ts';
import { ArchiveDamaged, type SharedArchive } from '../archive.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { RecordsMissing, type LogSources } from '../whole-log.ts';
import { ActorPast, PastBroken } from './actor-past.ts';
import { historyRecord } from './page.ts';

export interface HistoriesOptions {
  readonly log: Pick<Log, 'read' | 'loadSnapshots'>;
  readonly archive?: SharedArchive | undefined;
  readonly clock: Clock;
}

/** Whose history is asked for. */
export interface HistoryOf {
  readonly actor: ActorKey;
  readonly type: ActorType;
  readonly partition: number;
}

/** More who wait are told busy. */
const waitingMax = 64;
const waitingMsMax = 5_000;
/** A page that is not full by then ends where the reading has come to. */
const readingMsMax = 1_000;
/** Turns wait no longer than this for a reader of history. */
const stretchMs = 2;
/** H2; a turn of the event loop that is shorter has nothing to do that could wait. */
const othersMs = 4 * stretchMs;
const idleTurnMs = 0.2;
const pageLength = 256 * 1024;
/** With one more record, which is shortened, a page is still a message that NATS carries. */
const replyBytesMax = 500_000;
const keptMax = 4;
const keptMs = 30_000;

interface Kept {
  readonly past: ActorPast;
  readonly until: number;
}

export class Histories {
  readonly #options: HistoriesOptions;
  readonly #sources: LogSources;
  #kept: readonly Kept[] = [];
  #latest: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #breathedAt = 0;

  constructor(options: HistoriesOptions) {
    const { log, archive } = options;
    this.#options = options;
    this.#sources = {
      log,
      archive: archive && {
        read: (partition, position) => archive.use((each) => each.read(partition, position)),
      },
    };
  }

  /** A page of an actor's history, once those who asked before are answered. */
  page(of: HistoryOf, query: HistoryQuery): Promise<Reply> {
    if (this.#waiting >= waitingMax) return Promise.resolve(refusal('runtime/busy'));
    this.#waiting++;
    const { clock } = this.#options;
    const patience = clock.monotonic() + waitingMsMax;
    const inTime = (): boolean => clock.monotonic() <= patience;
    const reply = this.#latest
      .then(() => (inTime() ? this.#page(of, query) : refusal('runtime/busy')))
      .catch(failed);
    this.#latest = reply.then(() => this.#waiting--);
    return reply;
  }

  async #page(
    of: HistoryOf,
    { after, limit = historyLimit.default }: HistoryQuery,
  ): Promise<Reply> {
    const { clock } = this.#options;
    const cursor = after === undefined ? undefined : parseRecordAddress(after);
    if (cursor !== undefined && cursor.partition !== of.partition) return strange;
    const deadline = clock.monotonic() + readingMsMax;
    const past = await this.#pastOf(of, cursor?.position ?? 0);
    const reached = await this.#wind(past, cursor?.position ?? 0, deadline);
    if (reached !== 'reached') {
      if (reached === 'late') this.#keep(past);
      return reached === 'late' ? refusal('runtime/pending', beingRead) : strange;
    }
    const page = await this.#read(of, past, { limit, deadline });
    this.#keep(past);
    return success(page);
  }

  /** Takes what stands before the page. */
  async #wind(
    past: ActorPast,
    position: number,
    deadline: number,
  ): Promise<'reached' | 'beyond' | 'late'> {
    for (;;) {
      while (past.found !== undefined && past.found.position <= position) past.take();
      if (past.read >= position) return 'reached';
      if (this.#options.clock.monotonic() > deadline) return 'late';
      if ((await past.look()) === 'end') return 'beyond';
    }
  }

  async #read(
    { type, partition }: HistoryOf,
    past: ActorPast,
    { limit, deadline }: { readonly limit: number; readonly deadline: number },
  ): Promise<HistoryPage> {
    const { clock } = this.#options;
    const records: HistoryPage['records'] = [];
    let bytes = 0;
    let last: string | undefined;
    for (;;) {
      const looked = await past.look();
      if (looked === 'end') return { records };
      const late = clock.monotonic() > deadline;
      const full = records.length >= limit || bytes > replyBytesMax;
      if (looked === 'on' ? late : full || (late && records.length > 0)) {
        const next = looked === 'found' ? last : undefined;
        return { records, next: next ?? `${partition}:0-${past.read}` };
      }
      if (looked === 'on') continue;
      const record = historyRecord(past.take(), past, type);
      await this.#breathe();
      records.push(record);
      bytes += Buffer.byteLength(JSON.stringify(record));
      last = record.at;
    }
  }

  /** One that was kept and has not passed the position, or a new one. */
  async #pastOf({ actor, type, partition }: HistoryOf, position: number): Promise<ActorPast> {
    const { clock, log } = this.#options;
    this.#kept = this.#kept.filter(({ until }) => until > clock.monotonic());
    const kept = this.#kept
      .filter(({ past }) => past.actor === actor && past.position <= position)
      .toSorted((one, other) => other.past.position - one.past.position)[0];
    if (kept !== undefined) {
      // While it is read on it is nobody else's; one that fails is not kept again.
      this.#kept = this.#kept.filter((one) => one !== kept);
      return kept.past;
    }
    const [stored] = position === 0 ? [] : await log.loadSnapshots(partition, [actor]);
    const snapshot = stored !== undefined && stored.position <= position ? stored : undefined;
    const breathe = (): Promise<void> => this.#breathe();
    const sources = this.#sources;
    return new ActorPast({ actor, type, partition, sources, snapshot, pageLength, breathe });
  }

  #keep(past: ActorPast): void {
    const until = this.#options.clock.monotonic() + keptMs;
    this.#kept = [{ past, until }, ...this.#kept].slice(0, keptMax);
  }

  async #breathe(): Promise<void> {
    const { clock } = this.#options;
    let now = clock.monotonic();
    if (now - this.#breathedAt < stretchMs) return;
    const until = now + othersMs;
    for (let turnMs = Infinity; turnMs >= idleTurnMs && now < until;) {
      await new Promise<void>((resolve) => clock.soon(resolve));
      turnMs = clock.monotonic() - now;
      now += turnMs;
    }
    this.#breathedAt = now;
  }
}

const beingRead = 'A long history is being read. Ask again for the same page.';

const strange = refusal(
  'request/malformed',
  'after: must be `next` of an earlier page, or `at` of a record of this actor.',
);

function failed(error: unknown): Reply {
  if (error instanceof RecordsMissing || error instanceof ArchiveDamaged)
    return refusal('history/missing', error.message);
  if (error instanceof PastBroken) return refusal('runtime/quarantined', error.message);
  return refusal('runtime/busy');
}
