/**
 * One transfer after the other between two partitions, each with crashes of its own (crash-stage.ts):
 * at every append that a transfer takes, then at pairs of such points. In the end everything is
 * healed, and the transfer has happened on both sides or on neither.
 *
 * There are 1,440 pairs a protocol. `CRASH_PAIRS_EVERY=1` tries them all, in four minutes; without it
 * one in 13 is tried.
 */
import { describe, expect, test } from 'vitest';
import { TransferReport, type TransferProtocol } from '../../contracts/transfer.ts';
import {
  CrashStage,
  everyCrash,
  pairsOf,
  payees,
  payer,
  type Crash,
  type Where,
} from './crash-stage.ts';
import { expectSoundLogs } from './log-claims.ts';

const every = everyCrash(5);
const pairs = pairsOf(every, Number(process.env['CRASH_PAIRS_EVERY'] ?? 13));

const protocols = ['tcc', 'saga', '2pc', 'choreography'] as const;

/** A stage for one transfer after the other. */
class Transfers {
  readonly #stage = new CrashStage();
  readonly outcomes = new Map<string, number>();
  #transfers = 0;
  #paid = 0;

  begin(): Promise<void> {
    return this.#stage.begin();
  }

  /** One transfer of a cent, with these crashes, to its end. */
  async transfer(
    protocol: TransferProtocol,
    where: Where,
    crashes: readonly Crash[],
  ): Promise<void> {
    const payee = payees[where];
    const id = `t${++this.#transfers}`;
    const to = payee.slice('account/'.length);
    const body = { to, asset: 'USD', amount: '0.01', protocol };
    const told = await this.#stage.act({ payee, name: 'transfer', body, id }, crashes);
    await this.#check(`${protocol} ${where} ${JSON.stringify(crashes)}`, id, told);
  }

  async #check(label: string, transferId: string, told: readonly string[]): Promise<void> {
    const { rig } = this.#stage;
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
    const left = (1000 - this.#paid / 100).toFixed(2);
    expect(await this.#stage.usd(payer), label).toEqual({ available: left, held: '0.00' });
    const timers = [...rig.open.values()].map(({ status }) => status.timers);
    expect(timers, label).toEqual([0, 0, 0, 0]);
  }

  /** What was paid has arrived, each transfer once, and the logs bear it out. */
  async end(): Promise<void> {
    const { rig } = this.#stage;
    let arrived = 0;
    for (const payee of Object.values(payees)) {
      const { available, held } = await this.#stage.usd(payee);
      expect(held).toBe('0.00');
      arrived += Math.round((Number(available) - 1000) * 100);
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
}

describe.each(protocols)('a transfer by %s happens on both sides or on neither,', (protocol) => {
  test.each(Object.keys(payees) as Where[])(
    'whatever crashes at any of its steps, %s',
    async (where) => {
      const stage = new Transfers();
      await stage.begin();
      await stage.transfer(protocol, where, []);
      for (const crash of every) await stage.transfer(protocol, where, [crash]);
      await stage.end();
      expect(stage.outcomes.get('completed')).toBeGreaterThan(every.length / 2);
    },
    60_000,
  );

  test('whatever crashes at any two of its steps', async () => {
    const stage = new Transfers();
    await stage.begin();
    for (const pair of pairs) await stage.transfer(protocol, 'elsewhere', pair);
    await stage.end();
    expect(stage.outcomes.get('transfer/expired')).toBeGreaterThan(0);
  }, 300_000);
});
