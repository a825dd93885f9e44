/**
 * The successor's half of a planned change of hands; the owner's is hand-over.ts. It is a pull:
 *
 *   1 follow  the log of the owner, who goes on
 *   2 join    the owner's queue group, with its leave: what NATS sends us of it waits
 *   3 take    the owner finishes what it has and gives us the partition, by name
 *   4 serve   what was written last is read, what has waited is let in
 *
 * Nothing is lost and nothing done twice: NATS gives each request to one member of the group, and
 * at every moment one member is there to take it.
 */
import type { BusMessage } from './bus.ts';
import { pause, type Clock } from './clock.ts';
import type { Leases, OwnerRecord } from './leases.ts';
import type { Ownership } from './ownership.ts';
import type { Answer, Ask, Parley } from './parley.ts';

export interface SuccessionOptions {
  readonly host: string;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly parley: Parley;
  /** What has waited is for the owner after all. */
  readonly onStranded: (message: BusMessage, partition: number) => void;
  /** From now on the partition is ours, and its requests come through this queue group. */
  readonly onOwned: (group: string) => void;
}

/** Tells whether the partition has changed hands; `ownership` has the fence that follows the owner's. */
export async function succeed(
  options: SuccessionOptions,
  ownership: Ownership,
  owner: OwnerRecord,
): Promise<boolean> {
  const succession = new Succession(options, ownership, owner);
  return succession.run();
}

class Succession {
  readonly #options: SuccessionOptions;
  readonly #ownership: Ownership;
  readonly #owner: OwnerRecord;
  /** That of the owner now: it may have opened another since we last looked. */
  #group: string | undefined;

  constructor(options: SuccessionOptions, ownership: Ownership, owner: OwnerRecord) {
    this.#options = options;
    this.#ownership = ownership;
    this.#owner = owner;
  }

  async run(): Promise<boolean> {
    const { clock, onOwned } = this.#options;
    const ownership = this.#ownership;
    let owned = false;
    try {
      await ownership.follow();
      const joined = await this.#ask('join');
      if (joined?.kind !== 'joined') return await this.#giveUp();
      // The owner takes no checkpoint from `join` on.
      if (!(await ownership.follow())) return await this.#giveUp();
      this.#group = joined.group;
      await ownership.door.enter(joined.group);
      const sentAt = clock.monotonic();
      const given = await this.#taken(sentAt);
      if (given === undefined) return await this.#giveUp();
      onOwned(joined.group);
      owned = true;
      await ownership.succeed({ ...given, sentAt });
      return true;
    } catch (error) {
      if (!owned) await this.#giveUp();
      throw error;
    }
  }

  /** The owner record, once it names us; undefined if it certainly will not. */
  async #taken(sentAt: number): Promise<OwnerRecord | undefined> {
    const { leases, clock } = this.#options;
    const { partition, nonce } = this.#ownership.fence;
    const answer = await this.#ask('take');
    if (answer?.kind === 'no') return undefined;
    // An owner that does not answer may still give: until our lease would be over anyhow.
    while (clock.monotonic() < sentAt + this.#ownership.leaseMs) {
      const record = await leases.ownerOf(partition).catch(() => undefined);
      if (record?.nonce === nonce) return record;
      if (record !== undefined && record.nonce !== this.#owner.nonce) return undefined;
      await pause(clock, 20);
    }
    return undefined;
  }

  /** What has waited goes to the owner, if requests still reach it through the group we were in. */
  async #giveUp(): Promise<false> {
    const { leases, onStranded } = this.#options;
    const ownership = this.#ownership;
    await ownership.door.leave();
    const waiting = ownership.door.close();
    ownership.end();
    await this.#ask('leave');
    if (waiting.length === 0) return false;
    const record = await leases.ownerOf(ownership.partition).catch(() => undefined);
    if (record !== undefined && record.group === this.#group)
      for (const message of waiting) onStranded(message, ownership.partition);
    return false;
  }

  #ask(step: Ask['step']): Promise<Answer | undefined> {
    const { host, parley } = this.#options;
    const { partition, nonce } = this.#ownership.fence;
    const heir = { host, nonce, leaseMs: this.#ownership.leaseMs };
    return parley.ask(this.#owner.host, { step, partition, epoch: this.#owner.epoch, heir });
  }
}
