/** What this host sees of the others: who lives and who owns, as of the last look at the store. */
import { isFree, type Leases, type Overview } from './leases.ts';

export interface OutlookOptions {
  readonly leases: Pick<Leases, 'owners'>;
  readonly host: string;
  readonly partitions: number;
  /** The time by the store's clock. */
  readonly storeNow: () => number;
}

/** A host, and which of the processes that have had its name. */
export interface Owner {
  readonly host: string;
  /** The nonce that the process drew when it began. */
  readonly process: string;
}

export class Outlook {
  readonly #options: OutlookOptions;
  #seen: Overview = { now: 0, hosts: [], owners: [] };
  #looking: Promise<void> | undefined;

  constructor(options: OutlookOptions) {
    this.#options = options;
  }

  get seen(): Overview {
    return this.#seen;
  }

  /** The partition's owner as of the last look, if its lease runs. */
  ownerOf(partition: number): Owner | undefined {
    const owner = this.#seen.owners[partition];
    if (owner === undefined || isFree(owner, this.#options.storeNow())) return undefined;
    const { host, nonce } = owner;
    return { host, process: processOf(nonce) };
  }

  /** Looks now; all who ask meanwhile share one look. */
  look(): Promise<void> {
    const { leases, partitions } = this.#options;
    this.#looking ??= leases
      .owners(partitions)
      .then((overview) => void (this.#seen = overview))
      .finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** Whether any other host lives, by a new look; a store that does not answer knows of none. */
  async othersLive(): Promise<boolean> {
    const looked = await this.look().then(
      () => true,
      () => false,
    );
    return looked && this.#seen.hosts.some((name) => name !== this.#options.host);
  }
}

/** Each fence has a nonce of its own, which begins with that of the process (placement.ts). */
export const processOf = (nonce: string): string => nonce.slice(0, nonce.lastIndexOf('.'));
