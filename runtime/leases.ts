/**
 * The port to who owns what. Adapters: `redis/` and `memory/`; both pass
 * `test/conformance/leases.ts`. Lease ends are in the store's own time; a lease only says when to
 * take over, safety rests on the fence (see log.ts).
 */
import type { ClusterSettings } from '../contracts/cluster.ts';
import type { Fence } from './log.ts';

export interface OwnerRecord {
  readonly epoch: number;
  readonly nonce: string;
  readonly host: string;
  /** The store's time in ms at which the lease ends; 0 once released. */
  readonly until: number;
  /** The NATS queue group through which requests reach the owner. */
  readonly group: string;
  readonly top: number;
  /** Events up to this position have been published. */
  readonly published: number;
  /** What stands after it has to be replayed by who takes over; 0: everything. */
  readonly checkpoint: number;
}

/** Whether nobody owns a partition by a lease that runs. */
export const isFree = (owner: OwnerRecord | undefined, now: number): boolean =>
  owner === undefined || owner.until <= now;

/** How many records are yet to be read by who has read up to there, or nothing. */
export const unreadOf = (owner: OwnerRecord | undefined, reached?: number): number =>
  owner === undefined ? 0 : owner.top - (reached ?? owner.checkpoint);

/** Who lives and who owns, at one moment of the store's time in ms. */
export interface Overview {
  readonly now: number;
  /** The hosts whose heartbeat holds, in order of name. */
  readonly hosts: readonly string[];
  /** By partition. */
  readonly owners: readonly (OwnerRecord | undefined)[];
}

/** Whom an owner gives its partition to. */
export interface Heir {
  readonly host: string;
  readonly nonce: string;
  readonly leaseMs: number;
}

/** One queue group takes the place of another. */
export interface GroupChange {
  readonly from: string;
  readonly to: string;
}

export interface Claim {
  readonly partition: number;
  readonly host: string;
  readonly nonce: string;
  readonly group: string;
  readonly leaseMs: number;
}

export type Acquired =
  | {
      readonly kind: 'acquired';
      readonly epoch: number;
      readonly top: number;
      /** Events up to this position have been published. */
      readonly published: number;
    }
  /** Another's lease still runs. */
  | { readonly kind: 'held'; readonly host: string }
  /**
   * The log is not as long as its owner knew: acknowledged records are gone. The partition is taken,
   * so that somebody says so; its log and its top stay as they are, and nothing can be appended.
   */
  | {
      readonly kind: 'lost-tail';
      readonly known: number;
      readonly found: number;
      readonly epoch: number;
    };

export interface Renewal {
  readonly fence: Fence;
  readonly published: number;
}

export interface Leases {
  /**
   * Takes a partition that is free, or whose lease has ended, or that the same nonce owns already:
   * writes the owner record and an epoch marker (an entry with n = 0 at the top position) with
   * epoch = max(the owner's, the log's) + 1, and indexes epoch → first position.
   */
  acquire(claim: Claim): Promise<Acquired>;
  /** Extends leases and notes how far events are published; tells which were fenced. */
  renew(renewals: readonly Renewal[], leaseMs: number): Promise<readonly ('ok' | 'fenced')[]>;
  /** Ends the lease at once, so that another may take over without waiting. */
  release(renewal: Renewal): Promise<'ok' | 'fenced'>;
  /**
   * Gives the partition to a successor that has joined this queue group of it, under the next epoch and
   * with a lease of its own. Repeating it changes nothing. `fenced` also if requests come through
   * another group by now: so a call that lands late, when the owner has gone on, does nothing.
   * `diverged`: the log is not where it was left.
   */
  handOver(renewal: Renewal, heir: Heir, group: string): Promise<'ok' | 'fenced' | 'diverged'>;
  /**
   * Names another queue group, through which alone requests count from now on. Repeating it changes
   * nothing, also when it lands late: `fenced` if the group is neither of the two.
   */
  regroup(fence: Fence, groups: GroupChange): Promise<'ok' | 'fenced'>;
  /** Who lives, and the owner records of the first `partitions` partitions. */
  owners(partitions: number): Promise<Overview>;
  /** The owner record of one partition. */
  ownerOf(partition: number): Promise<OwnerRecord | undefined>;
  /** The epoch that wrote a position, for addresses. */
  epochOf(partition: number, position: number): Promise<number | undefined>;

  /** Says that a host lives; answers with all that do, in order of name, and the store's time in ms. */
  heartbeat(host: string, ttlMs: number): Promise<{ now: number; hosts: readonly string[] }>;
  /** Takes a host out of the living. */
  depart(host: string): Promise<void>;

  /** Stores the settings if there are none yet; answers with those that hold. */
  settle(settings: ClusterSettings): Promise<ClusterSettings>;
}
