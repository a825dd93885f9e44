/**
 * Warm standbys: a partition whose owner is silent is followed before the lease has run out, as a
 * planned successor does, so that who takes it over then has only the end of its log to read.
 *
 * Owns what is followed so. Invariants:
 * W1  safety rests on the fence alone: a standby writes nothing, and serves only if the epoch that is
 *     granted is the one that it was begun for, the next after the silent owner's. Its nonce is used
 *     for one claim, whatever becomes of that: a call that lands late must not be taken for another;
 * W2  what is followed is what this host would take if the silent owners were gone; it is forgotten
 *     when its owner renews, when another owns it or should, and when this host may take nothing.
 */
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { isFree, unreadOf, type Overview, type OwnerRecord } from './leases.ts';
import type { Limits } from './limits.ts';
import { processOf } from './outlook.ts';
import type { Ownership } from './ownership.ts';
import { preferredHost } from './rendezvous.ts';

export interface StandbysOptions {
  readonly host: string;
  /** With which the nonces of this process begin. */
  readonly nonce: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly isHeld: (partition: number) => boolean;
  /** Under the fence that follows the owner's. */
  readonly successorOf: (partition: number, owner: OwnerRecord) => Ownership;
  readonly report: (line: string) => void;
}

interface Standby {
  readonly ownership: Ownership;
  /** When its owner was found silent, the lease was to end then. */
  readonly until: number;
  /** The owner as of the last reading that came to the end. */
  read: OwnerRecord | undefined;
  reading: boolean;
}

interface Due {
  readonly standby: Standby;
  readonly owner: OwnerRecord;
}

/** An owner that is late again and again, and comes back, is not followed each time. */
const pauses = { msMin: 500, msMax: 30_000 };

export class Standbys {
  readonly #options: StandbysOptions;
  readonly #standbys = new Map<number, Standby>();
  readonly #backoff: Backoff;
  #due: readonly Due[] = [];
  #reading = 0;
  #stopped = false;

  constructor(options: StandbysOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, pauses);
  }

  has(partition: number): boolean {
    return this.#standbys.has(partition);
  }

  /** How far a partition's log has been read here, if it has been read to its end. */
  reached(partition: number): number | undefined {
    return this.#standbys.get(partition)?.read?.top;
  }

  /** W1: for one claim, by whoever takes the partition; it is the caller's to end. */
  claim(partition: number): Ownership | undefined {
    const standby = this.#standbys.get(partition);
    this.#standbys.delete(partition);
    this.#backoff.succeeded(partition);
    return standby?.ownership;
  }

  /** Forgets all that is followed. */
  clear(): void {
    for (const partition of this.#standbys.keys()) this.#forget(partition);
  }

  /** Follows nothing more. */
  stop(): void {
    this.#stopped = true;
    this.clear();
  }

  /** Follows what silent owners have, and forgets what they have no more. */
  consider(overview: Overview): void {
    if (this.#stopped) return;
    const { host } = this.#options;
    const { now, owners } = overview;
    const heirs = this.#heirs(overview);
    const due = owners.flatMap((owner, partition): Due[] => {
      if (owner) this.#forgetUnlessSilent(partition, owner);
      const mine = preferredHost(heirs, partition) === host;
      if (owner === undefined || !mine || this.#options.isHeld(partition)) {
        this.#forget(partition);
        return [];
      }
      if (this.#mayBegin(partition, owner, overview)) this.#begin(partition, owner);
      const standby = this.#standbys.get(partition);
      if (standby === undefined || isFree(owner, now) || isRead(standby, owner)) return [];
      return [{ standby, owner }];
    });
    this.#due = due.toSorted((a, b) => unreadOf(a.owner) - unreadOf(b.owner));
    this.#next();
  }

  /** W2: the hosts that partitions go to if those are gone that do not renew what they own. */
  #heirs({ now, hosts, owners }: Overview): readonly string[] {
    const { host } = this.#options;
    const late = owners.flatMap((owner, partition) => {
      const stands = owner !== undefined && (!isFree(owner, now) || this.has(partition));
      return stands && this.#isLate(owner, now) ? [owner.host] : [];
    });
    return hosts.filter((name) => name === host || !late.includes(name));
  }

  /** What is free already is taken as it is, and the host that leaves is asked for what it has. */
  #mayBegin(partition: number, owner: OwnerRecord, { now, hosts }: Overview): boolean {
    const { host, nonce } = this.#options;
    if (this.has(partition) || isFree(owner, now) || !this.#backoff.mayTry(partition)) return false;
    const ofFormerProcess = owner.host === host && processOf(owner.nonce) !== nonce;
    return ofFormerProcess || (hosts.includes(owner.host) && this.#isLate(owner, now));
  }

  /**
   * It is renewed after each third of the lease: more than one renewal is missing. A host that is only
   * busy is late, too, and would be more so if the others read what it has.
   */
  #isLate({ until }: OwnerRecord, now: number): boolean {
    return until - now < this.#options.limits.leaseMs / 4;
  }

  #forgetUnlessSilent(partition: number, { epoch, until }: OwnerRecord): void {
    const standby = this.#standbys.get(partition);
    if (standby === undefined) return;
    const isSame = epoch + 1 === standby.ownership.fence.epoch;
    if (isSame && until <= standby.until) return;
    if (isSame) this.#backoff.failed(partition);
    this.#forget(partition);
  }

  #begin(partition: number, owner: OwnerRecord): void {
    const ownership = this.#options.successorOf(partition, owner);
    this.#standbys.set(partition, {
      ownership,
      until: owner.until,
      read: undefined,
      reading: false,
    });
  }

  #forget(partition: number): void {
    this.#standbys.get(partition)?.ownership.end();
    this.#standbys.delete(partition);
  }

  #next(): void {
    while (this.#reading < this.#options.limits.recoveriesMax) {
      const [first, ...rest] = this.#due;
      if (first === undefined) return;
      this.#due = rest;
      const { standby, owner } = first;
      const isKnown = this.#standbys.get(standby.ownership.partition) === standby;
      if (isKnown && !standby.reading && !isRead(standby, owner)) void this.#read(first);
    }
  }

  async #read({ standby, owner }: Due): Promise<void> {
    const { partition } = standby.ownership;
    standby.reading = true;
    this.#reading++;
    try {
      if (await standby.ownership.follow()) standby.read = owner;
    } catch (error) {
      // What was read may be wrong, or the log: who takes the partition over finds out.
      if (this.#standbys.get(partition) === standby) {
        this.#options.report(`partition ${partition} could not be followed: ${String(error)}`);
        this.#backoff.failed(partition);
        this.#forget(partition);
      }
    } finally {
      standby.reading = false;
      this.#reading--;
      this.#next();
    }
  }
}

/** Whether a standby has all that its owner had written at this look. */
const isRead = ({ read }: Standby, { top, checkpoint }: OwnerRecord): boolean =>
  read?.top === top && read.checkpoint === checkpoint;
