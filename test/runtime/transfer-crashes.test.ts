/**
 * One transfer after the other between two partitions, each with crashes of its own: at every append
 * that a transfer takes, before or after it is in the log, of the payer's partition, of the payee's
 * or of both; for a moment or for longer than the deadline; then at pairs of such points. In the end
 * everything is healed, and the transfer has happened on both sides or on neither.
 *
 * There are 1,440 pairs a protocol. `CRASH_PAIRS_EVERY=1` tries them all, in four minutes; without it
 * one in 13 is tried.
 */
import { describe, expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { TransferReport, type TransferProtocol } from '../../contracts/transfer.ts';
import { expectSoundLogs } from './log-claims.ts';
import { Rig, type Answered } from './rig.ts';

/** With a payee in another of the four partitions, and one in its own. */
const payer = actorKey('account', 'alice');
const payees = {
  elsewhere: actorKey('account', 'bob'),
  'in the same partition': actorKey('account', 'x'),
};

type Where = keyof typeof payees;

/** When and where it goes wrong. */
interface Crash {
  /** Counted from the beginning of the transfer, in all partitions. */
  readonly append: number;
  readonly is: 'lost' | 'unanswered';
  readonly of: 'payer' | 'payee' | 'both';
  /** Longer than the deadline, or as short as it can be. */
  readonly long: boolean;
}

const appends = [1, 2, 3, 4, 5] as const;
const every: readonly Crash[] = appends.flatMap((append) =>
  (['lost', 'unanswered'] as const).flatMap((is) =>
    (['payer', 'payee', 'both'] as const).flatMap((of) =>
      [false, true].map((long) => ({ append, is, of, long })),
    ),
  ),
);

const pairs = every
  .flatMap((first, n) => every.slice(n + 1).map((second) => [first, second] as const))
  .filter(([first, second]) => first.append !== second.append)
  .filter((_, n) => n % Number(process.env['CRASH_PAIRS_EVERY'] ?? 13) === 0);

const protocols = ['tcc', 'saga', '2pc', 'choreography'] as const;

/** A rig in which one transfer after the other meets its crashes. */
class Stage {
  readonly rig: Rig;
  readonly outcomes = new Map<string, number>();
  #crashes: readonly Crash[] = [];
  #appends = 0;
  #payee = payer;
  #down = new Map<number, { readonly long: boolean }>();
  #transfers = 0;
  #paid = 0;

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

  async begin(): Promise<void> {
    await this.rig.startAll();
    for (const account of [payer, ...Object.values(payees)])
      await this.rig.within(this.rig.command(account, 'deposit', { asset: 'USD', amount: '1000' }));
  }

  /** One transfer of a cent, with these crashes, to its end. */
  async transfer(
    protocol: TransferProtocol,
    where: Where,
    crashes: readonly Crash[],
  ): Promise<void> {
    const { rig } = this;
    this.#payee = payees[where];
    this.#crashes = crashes;
    this.#appends = 0;
    const transferId = `t${++this.#transfers}`;
    const body = {
      to: this.#payee.slice('account/'.length),
      asset: 'USD',
      amount: '0.01',
      protocol,
    };
    const ask = (): Promise<Answered> => rig.command(payer, 'transfer', body, transferId);
    const told: string[] = [];
    void ask().then(({ text, code }) => code === 'runtime/pending' || told.push(text));
    for (let round = 0; round < 4 * (crashes.length + 1); round++) {
      await this.#run();
      await this.#restart();
    }
    this.#crashes = [];
    const label = `${protocol} ${where} ${JSON.stringify(crashes)}`;
    const again = await rig.within(ask());
    await this.#run();
    await this.#check(label, transferId, [...told, again?.text ?? 'silence']);
  }

  async #check(label: string, transferId: string, told: readonly string[]): Promise<void> {
    const { rig } = this;
    expect(new Set(told).size, `${label}: ${told.join('\n')}`).toBe(1);
    const reply = JSON.parse(told[0] ?? '') as { ok: boolean; error?: { code: string } };
    if (reply.ok) this.#paid++;
    const outcome = reply.error?.code ?? 'completed';
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    const table = TransferReport.parse(
      await rig.within(rig.read(payer, 'transfer', { transferId })),
    );
    expect(table, label).toMatchObject({ status: reply.ok ? 'completed' : 'refused' });
    expect(table.times.ended, label).toBeDefined();
    const { balances } = (await rig.within(rig.read(payer, 'balance'))) as unknown as Balance;
    const left = (1000 - this.#paid / 100).toFixed(2);
    expect(balances.USD, label).toEqual({ available: left, held: '0.00' });
    const timers = [...rig.open.values()].map(({ status }) => status.timers);
    expect(timers, label).toEqual([0, 0, 0, 0]);
  }

  /** What was paid has arrived, each transfer once, and the logs bear it out. */
  async end(): Promise<void> {
    const { rig } = this;
    let arrived = 0;
    for (const payee of Object.values(payees)) {
      const { balances } = (await rig.within(rig.read(payee, 'balance'))) as unknown as Balance;
      expect(balances.USD.held).toBe('0.00');
      arrived += Math.round((Number(balances.USD.available) - 1000) * 100);
    }
    expect(arrived).toBe(this.#paid);
    expect(rig.halted).toEqual([]);
    const records = await expectSoundLogs(rig);
    const ids = (type: string): string[] =>
      records
        .flatMap(({ events = [] }) => events.filter((event) => event.type === type))
        .map((event) => JSON.stringify(event['transferId']))
        .sort();
    const received = ids('transfer-received');
    expect(new Set(received).size).toBe(received.length);
    expect(received).toEqual(ids('transfer-sent'));
    expect(received).toHaveLength(this.#paid);
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

interface Balance {
  readonly balances: { readonly USD: { readonly available: string; readonly held: string } };
}

describe.each(protocols)('a transfer by %s happens on both sides or on neither,', (protocol) => {
  test.each(Object.keys(payees) as Where[])(
    'whatever crashes at any of its steps, %s',
    async (where) => {
      const stage = new Stage();
      await stage.begin();
      await stage.transfer(protocol, where, []);
      for (const crash of every) await stage.transfer(protocol, where, [crash]);
      await stage.end();
      expect(stage.outcomes.get('completed')).toBeGreaterThan(every.length / 2);
    },
    60_000,
  );

  test('whatever crashes at any two of its steps', async () => {
    const stage = new Stage();
    await stage.begin();
    for (const pair of pairs) await stage.transfer(protocol, 'elsewhere', pair);
    await stage.end();
    expect(stage.outcomes.get('transfer/expired')).toBeGreaterThan(0);
  }, 300_000);
});
