/**
 * Partitions in which one act after the other, of a payer towards a payee, meets crashes of its own: at
 * the appends that it takes, before or after they are in the log, of the payer's partition, of the
 * payee's or of both; for a moment or for longer than a transfer's deadline.
 */
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { Rig, type Answered } from './rig.ts';

/** With a payee in another of the four partitions, and one in its own. */
export const payer = actorKey('account', 'alice');
export const payees = {
  elsewhere: actorKey('account', 'bob'),
  'in the same partition': actorKey('account', 'x'),
};

export type Where = keyof typeof payees;

/** When and where it goes wrong. */
export interface Crash {
  /** Counted from the beginning of the act, in all partitions. */
  readonly append: number;
  readonly is: 'lost' | 'unanswered';
  readonly of: 'payer' | 'payee' | 'both';
  /** Longer than the deadline, or as short as it can be. */
  readonly long: boolean;
}

/** Every crash of an act that takes so many appends. */
export const everyCrash = (appends: number): readonly Crash[] =>
  Array.from({ length: appends }, (_, n) => n + 1).flatMap((append) =>
    (['lost', 'unanswered'] as const).flatMap((is) =>
      (['payer', 'payee', 'both'] as const).flatMap((of) =>
        [false, true].map((long) => ({ append, is, of, long })),
      ),
    ),
  );

/** Every two of them that can both happen, or one in so many. */
export const pairsOf = (crashes: readonly Crash[], every: number) =>
  crashes
    .flatMap((first, n) => crashes.slice(n + 1).map((second) => [first, second] as const))
    .filter(([first, second]) => first.append !== second.append)
    .filter((_, n) => n % every === 0);

/** One command of the payer. */
export interface Act {
  readonly payee: ActorKey;
  readonly name: string;
  readonly body: Json;
  readonly id: string;
}

export class CrashStage {
  readonly rig: Rig;
  #crashes: readonly Crash[] = [];
  #appends = 0;
  #payee = payer;
  #down = new Map<number, { readonly long: boolean }>();

  constructor() {
    this.rig = new Rig({
      limits: { checkpointRecords: 7 },
      intercept: async (call, carryOut) => {
        if (call !== 'append') return carryOut();
        const now = ++this.#appends;
        const crash = this.#crashes.find(({ append }) => append === now);
        if (!crash) return carryOut();
        if (crash.is === 'unanswered') await carryOut();
        this.#crash(crash);
        throw new Error('the connection broke');
      },
    });
  }

  /** Starts all partitions; payer and payees have 1,000 USD each. */
  async begin(): Promise<void> {
    await this.rig.startAll();
    for (const account of [payer, ...Object.values(payees)])
      await this.rig.within(this.rig.command(account, 'deposit', { asset: 'USD', amount: '1000' }));
  }

  /** One act with these crashes; every reply that told its outcome, the last after all is healed. */
  async act({ payee, name, body, id }: Act, crashes: readonly Crash[]): Promise<readonly string[]> {
    const { rig } = this;
    this.#payee = payee;
    this.#crashes = crashes;
    this.#appends = 0;
    const ask = (): Promise<Answered> => rig.command(payer, name, body, id);
    const told: string[] = [];
    void ask().then(({ text, code }) => code === 'runtime/pending' || told.push(text));
    for (let round = 0; round < 4 * (crashes.length + 1); round++) {
      await this.#run();
      await this.#restart();
    }
    this.#crashes = [];
    const again = await rig.within(ask());
    await this.#run();
    return [...told, again?.text ?? 'silence'];
  }

  /** An account's USD. */
  async usd(account: ActorKey): Promise<{ readonly available: string; readonly held: string }> {
    const { balances } = (await this.rig.within(this.rig.read(account, 'balance'))) as unknown as {
      readonly balances: { readonly USD: { readonly available: string; readonly held: string } };
    };
    return balances.USD;
  }

  #crash({ of, long }: Crash): void {
    const { rig } = this;
    const homes = { payer: [payer], payee: [this.#payee], both: [payer, this.#payee] }[of];
    for (const home of homes.map((actor) => rig.home(actor))) {
      rig.crash(home);
      this.#down.set(home, { long });
    }
  }

  async #run(): Promise<void> {
    for (let round = 0; round < 6; round++) {
      await this.rig.settle(2);
      for (const owner of this.rig.open.values()) {
        owner.publisher.confirm(owner.publisher.published);
        owner.tick();
      }
    }
  }

  async #restart(): Promise<void> {
    const down = [...this.#down];
    this.#down.clear();
    if (down.some(([, { long }]) => long)) {
      this.rig.clock.advance(31_000);
      await this.#run();
    }
    for (const [partition] of down)
      if (!this.rig.open.has(partition)) await this.rig.start(partition);
  }
}
