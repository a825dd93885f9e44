/**
 * The payee alone: what the payer asks and decides reaches it in every order, also in those that
 * the channels rule out. Whatever the order, the money comes at most once, none of it gets lost, and
 * nothing stays admitted that has been undone.
 */
import { describe, expect, test } from 'vitest';
import { accountActor } from '../../actors/account.ts';
import { TransferAnswer } from '../../actors/transfers/messages.ts';
import type { Context, Decision, Instance } from '../../actors/actor.ts';
import { actorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { defaultScales } from '../../contracts/money.ts';

const account = accountActor(defaultScales);
const names = { transferId: 't1', from: 'alice', to: 'bob' };
const terms = { ...names, asset: 'USD', amount: '5.00', deadline: 30_000 };
const value = { USD: '5.00' };

type Move = 'ask' | 'do' | 'undo' | 'take';

class Payee {
  readonly #instance: Instance = account.start();

  constructor(...events: readonly string[]) {
    for (const type of ['deposited', 'withdrawn'])
      this.#instance.evolve({ type, asset: 'EUR', amount: '1.00' });
    for (const type of events) this.#instance.evolve({ type });
  }

  /** What it answers: `yes`, the code of a refusal, or `set aside`, which leaves it as it was. */
  hears(move: Move, now = 1_000): string {
    const body: JsonObject = move === 'ask' || move === 'take' ? terms : names;
    const carries = move === 'do' || move === 'take';
    const message = { name: `transfer-${move}`, body, ...(carries && { value }) };
    let decision: Decision;
    try {
      decision = account.receive(this.#state, message, context(now));
    } catch {
      return 'set aside';
    }
    for (const event of decision.events) this.#instance.evolve(event);
    const [answer] = decision.effects?.send ?? [];
    return TransferAnswer.parse(answer?.body).code ?? 'yes';
  }

  /** `done`, or the code of a refusal. */
  deposits(asset: string): string {
    const command = { name: 'deposit', asset, amount: '1' };
    const { events, reply } = account.decide(this.#state, command, context(1_000));
    for (const event of events) this.#instance.evolve(event);
    return reply?.ok === false ? reply.error.code : 'done';
  }

  get owns(): string {
    return account.holdings(this.#state)['USD'] ?? '0.00';
  }

  /** Those that it has, or had. */
  get assets(): readonly string[] {
    return Object.keys(account.holdings(this.#state));
  }

  /** Of one that owns nothing: whether nothing is promised to it either. */
  get canClose(): boolean {
    return account.decide(this.#state, { name: 'close' }, context(1_000)).reply?.ok === true;
  }

  get #state() {
    const { value: status, context: known } = this.#instance;
    return { value: status, context: known, version: 1 };
  }
}

const context = (now: number): Context => ({
  self: actorKey('account', 'bob'),
  now,
  at: '0:1-1',
  id: '',
  partitions: 1,
  reference: () => undefined,
});

const after = (...moves: readonly Move[]): Payee & { answers: readonly string[] } => {
  const payee = new Payee();
  return Object.assign(payee, { answers: moves.map((move) => payee.hears(move)) });
};

describe('a payee', () => {
  test('that was asked and told to do it has the money once', () => {
    const payee = after('ask', 'do');
    expect(payee.answers).toEqual(['yes', 'yes']);
    expect(payee.owns).toBe('5.00');
  });

  test('that said yes stays until it is told the decision', () => {
    expect(after('ask').canClose).toBe(false);
    expect(after('ask', 'undo').canClose).toBe(true);
  });

  test('that was told to undo before it was asked refuses when it is asked', () => {
    const payee = after('undo', 'ask');
    expect(payee.answers).toEqual(['yes', 'transfer/expired']);
    expect(payee.canClose).toBe(true);
  });

  test('that was asked and told to undo has no trace of an asset that never came', () => {
    const payee = after('ask', 'undo');
    expect(payee.answers).toEqual(['yes', 'yes']);
    expect(payee.assets).toEqual(['EUR']);
  });

  test('has room for an asset that it was promised, and for no more', () => {
    const payee = new Payee();
    for (let n = 1; n <= 998; n++) expect(payee.deposits(`A${n}`)).toBe('done');
    expect(payee.hears('ask')).toBe('yes');
    expect(payee.deposits('CHF')).toBe('account/too-many-assets');
    expect(payee.deposits('USD')).toBe('done');
    expect(payee.hears('do')).toBe('yes');
    expect(payee.owns).toBe('6.00');
  });

  test('asked after the deadline refuses', () => {
    expect(new Payee().hears('ask', 30_000)).toBe('transfer/expired');
    expect(new Payee().hears('take', 30_000)).toBe('transfer/expired');
  });

  test('asked twice says the same, and is undone once', () => {
    const payee = after('ask', 'ask', 'undo', 'undo', 'ask');
    expect(payee.answers).toEqual(['yes', 'yes', 'yes', 'yes', 'transfer/expired']);
  });

  test('that is frozen or closed is undone without a trace', () => {
    expect(new Payee('frozen').hears('ask')).toBe('account/frozen');
    expect(new Payee('closed').hears('ask')).toBe('account/closed');
    expect(new Payee('closed').hears('undo')).toBe('yes');
  });

  test('takes the money at most once, whatever the order, and sets aside what it cannot take', () => {
    for (const moves of permutations<Move>(['ask', 'do', 'undo', 'ask', 'do', 'take'])) {
      const payee = new Payee();
      let came = 0;
      for (const move of moves) {
        const said = payee.hears(move);
        // What is refused goes back; what is set aside keeps its money until an operator looks.
        if ((move === 'do' || move === 'take') && said === 'yes') came++;
      }
      expect(came, moves.join()).toBeLessThanOrEqual(1);
      expect(payee.owns, moves.join()).toBe(came === 1 ? '5.00' : '0.00');
      if (came === 0) expect(payee.canClose, moves.join()).toBe(true);
    }
  });
});

/** Every order of these, each once. */
function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  const all = items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
  return [...new Map(all.map((one) => [one.join(), one])).values()];
}
