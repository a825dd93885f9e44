/**
 * TigerBeetle's tables of two-phase and expired transfers, as holds: pending is a hold with `to`,
 * post is its capture, void its release, and the id of a transfer is the id of the command. Where we
 * record a refusal that TigerBeetle forgets, the next attempt has a fresh command id.
 *
 * Not the same: a repeat with the same meaning in other words (an omitted amount as a number) is
 * `runtime/id-conflict` for us. Left out is what has no counterpart: it is listed below.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { accountActor } from '../../actors/account.ts';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { formatUnits } from '../../contracts/money.ts';
import { Rig, type Answered } from './rig.ts';

const Tables = z.object({
  tests: z.array(z.object({ name: z.string(), tables: z.array(z.array(z.string())) })),
});
const file = join(import.meta.dirname, '../data/ledger/two_phase_tables.json');
const { tests } = Tables.parse(JSON.parse(readFileSync(file, 'utf8')));

/** Their amounts go to 2^128 − 1, which is 21 digits before the point at this scale. */
const scale = 18;
const asset = 'XTS';
const most = 2n ** 128n - 1n;
const funds = { [asset]: 2n * most };

/** Statuses of rows that say something of which a hold knows nothing. */
const withoutCounterpart = [
  'timestamp_must_be_zero',
  'id_must_not_be_zero',
  'id_must_not_be_int_max',
  'exists_with_different_user_data_128',
  'exists_with_different_user_data_64',
  'exists_with_different_user_data_32',
  'flags_are_mutually_exclusive',
  'pending_id_must_not_be_zero',
  'pending_id_must_not_be_int_max',
  'pending_id_must_be_different',
  'timeout_reserved_for_pending_transfer',
  'pending_transfer_has_different_debit_account_id',
  'pending_transfer_has_different_credit_account_id',
  'pending_transfer_has_different_ledger',
  'pending_transfer_has_different_code',
  // A release has no amount that could be another one.
  'pending_transfer_has_different_amount',
];

const codes: { readonly [status: string]: string } = {
  exists_with_different_flags: 'runtime/id-conflict',
  exists_with_different_amount: 'runtime/id-conflict',
  exists_with_different_pending_id: 'runtime/id-conflict',
  id_already_failed: 'runtime/id-conflict',
  pending_transfer_not_found: 'hold/unknown',
  pending_transfer_not_pending: 'hold/unknown',
  exceeds_pending_transfer_amount: 'hold/exceeds',
  pending_transfer_already_posted: 'hold/captured',
  pending_transfer_already_voided: 'hold/released',
  pending_transfer_expired: 'hold/expired',
};

/** A row of the table `transfer`, as far as a hold knows of it. */
interface TransferRow {
  readonly id: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: string;
  readonly pending: string;
  readonly timeout: string;
  readonly kind: 'plain' | 'pending' | 'post' | 'void' | 'several';
  readonly status: string;
}

function transferRow(columns: readonly string[]): TransferRow {
  const [id = '', debit = '', credit = '', amount = '', pending = ''] = columns;
  const kinds = [
    ...(columns[12] === 'PEN' ? (['pending'] as const) : []),
    ...(columns[13] === 'POS' ? (['post'] as const) : []),
    ...(columns[14] === 'VOI' ? (['void'] as const) : []),
  ];
  const kind = kinds.length > 1 ? 'several' : (kinds[0] ?? 'plain');
  const [timeout = '', status = ''] = [columns[8], columns.at(-1)];
  return { id, debit, credit, amount, pending, timeout, kind, status };
}

/** `-N` is the largest integer less N. */
function unitsOf(text: string): bigint {
  if (text.startsWith('-')) return most - BigInt(text.slice(1));
  return text === '_' ? 0n : BigInt(text);
}

const decimal = (units: bigint): string => formatUnits(units, scale);

class Ledger {
  readonly leftOut: string[] = [];
  driven = 0;
  readonly #rig = new Rig({ partitions: 4 });
  readonly #accounts = new Set<string>();
  /** The ids that attempts at a transfer had, and how the latest was answered. */
  readonly #attempts = new Map<string, { readonly ids: string[]; last: Answered }>();
  readonly #captured = new Map<string, string>();
  #time = 0;

  async begin(): Promise<void> {
    this.#rig.types.set('account', accountActor({ byAsset: { [asset]: scale }, others: 8 }));
    await this.#rig.startAll();
    this.#time = this.#rig.clock.now();
  }

  async take(row: string): Promise<void> {
    const [table = '', ...columns] = row.split(' ');
    switch (table) {
      case 'account':
        return this.#open(columns[0] ?? '');
      case 'transfer':
        return this.#transfer(transferRow(columns), row);
      case 'tick':
        return this.#tick(Number(columns[0]) * 1_000);
      case 'lookup_account':
        return this.#lookUpAccount(columns);
      case 'lookup_transfer':
        return this.#lookUpTransfer(columns, row);
      case 'commit':
        return;
      default:
        throw new Error(`no table ${table}`);
    }
  }

  async #open(account: string): Promise<void> {
    const body = { asset, amount: decimal(most) };
    for (const id of ['first', 'second'])
      expect((await this.#ask(account, 'deposit', body, id)).code).toBeUndefined();
    this.#accounts.add(account);
  }

  async #transfer(row: TransferRow, text: string): Promise<void> {
    const voidsAnAmount = row.kind === 'void' && row.status === 'exceeds_pending_transfer_amount';
    if (withoutCounterpart.includes(row.status) || voidsAnAmount) {
      this.leftOut.push(row.status);
      return;
    }
    this.driven++;
    const { name, body } = this.#commandOf(row);
    const known = this.#attempts.get(row.id);
    const isRepeat = /^(exists|id_already_failed)/.test(row.status);
    const ids = known?.ids ?? [];
    if (!isRepeat) ids.push(ids.length === 0 ? row.id : `${row.id}.${ids.length + 1}`);
    const account = this.#accounts.has(row.debit) ? row.debit : 'A1';
    const answered = await this.#ask(account, name, body, ids.at(-1) ?? '');
    if (row.status === 'exists') {
      if (answered.code === undefined) expect(answered, text).toEqual(known?.last);
      else
        expect([answered.code, inOtherWords.has(text)], text).toEqual([
          'runtime/id-conflict',
          true,
        ]);
      return;
    }
    expect(answered.code, text).toBe(row.status === 'created' ? undefined : codes[row.status]);
    if (isRepeat) return;
    this.#attempts.set(row.id, { ids, last: answered });
    const { amount } = (JSON.parse(answered.text) as { result?: { amount?: string } }).result ?? {};
    if (amount !== undefined) this.#captured.set(row.id, amount);
  }

  #commandOf({ id, credit, amount, pending, timeout, kind }: TransferRow): {
    name: string;
    body: JsonObject;
  } {
    const units = decimal(unitsOf(amount));
    switch (kind) {
      case 'plain':
        return { name: 'transfer', body: { to: credit, asset, amount: units } };
      case 'pending': {
        const ms = timeout === '_' ? 0 : Number(timeout) * 1_000;
        const expiry = ms > 0 && { expiresAt: this.#time + ms };
        return { name: 'hold', body: { holdId: id, asset, amount: units, to: credit, ...expiry } };
      }
      case 'post': {
        const some = amount === '-0' ? {} : { amount: units };
        return { name: 'capture', body: { holdId: holdId(pending), ...some } };
      }
      case 'void':
        return { name: 'release', body: { holdId: holdId(pending) } };
      case 'several':
        throw new Error('a hold is one thing at a time');
    }
  }

  async #tick(ms: number): Promise<void> {
    this.#time += ms;
    this.#rig.clock.advance(this.#time - this.#rig.clock.now());
    for (const partition of this.#rig.open.values()) partition.tick();
    await this.#rig.turns();
  }

  /** What pends for the receiver is known to the holder alone. */
  async #lookUpAccount([account = '', ...amounts]: readonly string[]): Promise<void> {
    this.driven++;
    const [pending = 0n, paid = 0n, , received = 0n] = amounts.slice(0, 4).map(unitsOf);
    const reading = this.#rig.read(keyOf(account), 'balance');
    await this.#rig.turns();
    const { balances } = (await reading) as { balances: JsonObject };
    expect(balances[asset], account).toEqual({
      available: decimal((funds[asset] ?? 0n) - pending - paid + received),
      held: decimal(pending),
    });
  }

  #lookUpTransfer([id = '', what = '', value = '']: readonly string[], row: string): void {
    this.driven++;
    if (what === 'exists') expect(this.#captured.has(id), row).toBe(value === 'true');
    else if (id === 'T1') expect(this.#attempts.get(id)?.last.code, row).toBeUndefined();
    else expect(this.#captured.get(id), row).toBe(decimal(unitsOf(value)));
  }

  async #ask(account: string, name: string, body: JsonObject, id: string): Promise<Answered> {
    const answer = this.#rig.command(keyOf(account), name, body, id);
    await this.#rig.turns();
    return answer;
  }
}

const keyOf = (account: string): ActorKey => actorKey('account', account);
const holdId = (pending: string): string => (/^\d/.test(pending) ? `T${pending}` : pending);

/** They say the full amount once with and once without a number. */
const inOtherWords = new Set([
  'transfer T105 A0 A0 7 T5 U0 U0 U0 _ L1 C1 _ _ POS _ _ _ _ _ _ _ _ exists',
  'transfer T105 A0 A0 7 T5 U0 U0 U0 _ L0 C0 _ _ POS _ _ _ _ _ _ _ _ exists',
  'transfer T106 A0 A0 1 T6 U0 U0 U0 _ L0 C0 _ _ POS _ _ _ _ _ _ _ _ exists',
]);

async function drive(name: string): Promise<Ledger> {
  const ledger = new Ledger();
  await ledger.begin();
  const rows = tests.find((one) => one.name === name)?.tables.flat() ?? [];
  for (const row of rows) await ledger.take(row);
  return ledger;
}

const counted = (all: readonly string[]): { [status: string]: number } => {
  const counts: { [status: string]: number } = {};
  for (const one of all) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
};

describe('as published', () => {
  test('create/lookup 2-phase transfers', async () => {
    const { driven, leftOut } = await drive('create/lookup 2-phase transfers');
    expect({ driven, leftOut: leftOut.length, rows: counted(leftOut) }).toMatchInlineSnapshot(`
      {
        "driven": 48,
        "leftOut": 27,
        "rows": {
          "exceeds_pending_transfer_amount": 1,
          "exists_with_different_user_data_128": 1,
          "exists_with_different_user_data_32": 1,
          "exists_with_different_user_data_64": 1,
          "flags_are_mutually_exclusive": 11,
          "id_must_not_be_int_max": 1,
          "id_must_not_be_zero": 1,
          "pending_id_must_be_different": 1,
          "pending_id_must_not_be_int_max": 1,
          "pending_id_must_not_be_zero": 1,
          "pending_transfer_has_different_amount": 1,
          "pending_transfer_has_different_code": 1,
          "pending_transfer_has_different_credit_account_id": 1,
          "pending_transfer_has_different_debit_account_id": 1,
          "pending_transfer_has_different_ledger": 1,
          "timeout_reserved_for_pending_transfer": 1,
          "timestamp_must_be_zero": 1,
        },
      }
    `);
  });

  test('create/lookup 2-phase transfers (amount=maxInt)', async () => {
    const { driven, leftOut } = await drive('create/lookup 2-phase transfers (amount=maxInt)');
    expect({ driven, leftOut }).toEqual({ driven: 7, leftOut: [] });
  });

  test('create/lookup expired transfers', async () => {
    const { driven, leftOut } = await drive('create/lookup expired transfers');
    expect({ driven, leftOut }).toEqual({ driven: 22, leftOut: [] });
  });
});
