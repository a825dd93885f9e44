/**
 * One reversal after the other, of a deposit, a withdrawal or a transfer to another partition, each
 * with crashes of its own (crash-stage.ts): at every append that it takes and at pairs of them. In the
 * end everything is healed, the entry is reversed once, and every repeat got the same bytes.
 *
 * There are 432 pairs. `CRASH_PAIRS_EVERY=1` tries them all; without it one in 5 is tried.
 */
import { describe, expect, test } from 'vitest';
import type { LogRecord } from '../../contracts/record.ts';
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

const entries = ['deposit', 'withdraw', 'transfer'] as const;
type Entry = (typeof entries)[number];

/** The request, the money given back, and its return; the others are reversed by one record. */
const every = everyCrash(3);
const pairs = pairsOf(every, Number(process.env['CRASH_PAIRS_EVERY'] ?? 5));

/** What must stand in the logs once for each entry of a kind that was reversed. */
const marks: { readonly [entry in Entry]: readonly string[] } = {
  deposit: ['deposit-reversed'],
  withdraw: ['withdrawal-reversed'],
  transfer: ['reversal-requested', 'transfer-returned', 'transfer-reversed'],
};

interface Told {
  readonly ok: boolean;
  readonly at?: string;
  readonly error?: { readonly code: string };
}

/** A stage for one reversal after the other. */
class Reversals {
  readonly #stage = new CrashStage();
  #count = 0;
  readonly #reversed = new Map<Entry, number>();

  begin(): Promise<void> {
    return this.#stage.begin();
  }

  /** Makes an entry, then reverses it with these crashes. */
  async reverse(entry: Entry, where: Where, crashes: readonly Crash[]): Promise<void> {
    const payee = payees[where];
    const n = ++this.#count;
    const money = { asset: 'USD', amount: '0.01' };
    const body = entry === 'transfer' ? { ...money, to: payee.slice('account/'.length) } : money;
    const [made = ''] = await this.#stage.act({ payee, name: entry, body, id: `e${n}` }, []);
    const { at: of = '' } = JSON.parse(made) as Told;
    const act = { payee, name: 'reverse', body: { of }, id: `r${n}` };
    const told = await this.#stage.act(act, crashes);
    const label = `${entry} ${where} ${JSON.stringify(crashes)}: ${told.join('\n')}`;
    expect(new Set(told).size, label).toBe(1);
    expect(JSON.parse(told[0] ?? '') as Told, label).toMatchObject({
      ok: true,
      result: { of, asset: 'USD', available: '1000.00', held: '0.00' },
    });
    const [again = ''] = await this.#stage.act({ ...act, id: `again${n}` }, []);
    expect((JSON.parse(again) as Told).error?.code, label).toBe('reversal/done');
    for (const account of [payer, payee])
      expect(await this.#stage.usd(account), label).toEqual({ available: '1000.00', held: '0.00' });
    this.#reversed.set(entry, (this.#reversed.get(entry) ?? 0) + 1);
  }

  /** Each entry was reversed once, and the logs bear it out. */
  async end(): Promise<void> {
    expect(this.#stage.rig.halted).toEqual([]);
    const records: readonly LogRecord[] = await expectSoundLogs(this.#stage.rig);
    const events = records.flatMap(({ events: all = [] }) => all);
    for (const entry of entries)
      for (const mark of marks[entry]) {
        const of = events.filter(({ type }) => type === mark).map((event) => event['of']);
        expect(new Set(of).size, mark).toBe(of.length);
        expect(of.length, mark).toBe(this.#reversed.get(entry) ?? 0);
      }
  }
}

describe.each(entries)('a %s is reversed once,', (entry) => {
  test.each(Object.keys(payees) as Where[])(
    'whatever crashes at any of its steps, the payee %s',
    async (where) => {
      const stage = new Reversals();
      await stage.begin();
      await stage.reverse(entry, where, []);
      for (const crash of every) await stage.reverse(entry, where, [crash]);
      await stage.end();
    },
    120_000,
  );
});

test('a transfer is reversed once, whatever crashes at any two of the steps of its reversal', async () => {
  const stage = new Reversals();
  await stage.begin();
  for (const pair of pairs) await stage.reverse('transfer', 'elsewhere', pair);
  await stage.end();
}, 300_000);
