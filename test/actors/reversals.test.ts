import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { actorKey, splitActorKey } from '../../contracts/ids.ts';
import { defaultScales } from '../../contracts/money.ts';
import { refusal } from '../../contracts/reply.ts';
import { nonZero, World, type Asked } from './world.ts';

let world: World;
let opened: Asked;
beforeEach(() => {
  world = new World(defaultScales);
  opened = ask('alice', 'deposit', { asset: 'USD', amount: '100' });
  ask('bob', 'deposit', { asset: 'USD', amount: '1' });
});

const ask = (who: string, name: string, body = {}): Asked => world.ask('account', who, name, body);

const reverse = (of: string, who = 'alice'): Asked =>
  ask(who, 'reverse', { of, reference: 'typing error' });

const availableOf = (who: string): unknown => {
  const reply = world.get('account', who, 'balance');
  return (reply.ok && (reply.result as { balances: { USD: unknown } }).balances.USD) || undefined;
};

const usd = (available: string) => ({ available, held: '0.00' });

/** A transfer of 30.00 from alice to bob, done. */
function transferred(): Asked {
  const asked = ask('alice', 'transfer', { to: 'bob', asset: 'USD', amount: '30' });
  world.settle();
  return asked;
}

const expectConserved = (): void => expect(nonZero(world.total())).toEqual(nonZero(world.external));

describe('a reversal', () => {
  test('takes a deposit back, once, and names it', () => {
    const again = ask('alice', 'deposit', { asset: 'USD', amount: '7' });
    const { at: of } = again;
    const asked = reverse(of);
    expect(asked.reply).toEqual({ ok: true, result: { of, asset: 'USD', ...usd('100.00') } });
    expect(world.log.at(-1)?.event).toEqual({
      type: 'deposit-reversed',
      of,
      asset: 'USD',
      amount: '7.00',
      reference: 'typing error',
    });
    expect(reverse(of).reply).toEqual(refusal('reversal/done'));
    expectConserved();
  });

  test('brings a withdrawal back, also to a frozen account', () => {
    const { at: of } = ask('alice', 'withdraw', { asset: 'USD', amount: '40' });
    ask('alice', 'freeze');
    expect(reverse(of).reply).toMatchObject({ ok: true, result: usd('100.00') });
    expectConserved();
  });

  test('is refused when the money of the deposit is gone', () => {
    ask('alice', 'withdraw', { asset: 'USD', amount: '0.01' });
    expect(reverse(opened.at).reply).toEqual(refusal('account/insufficient-funds'));
    ask('alice', 'deposit', { asset: 'USD', amount: '1' });
    expect(reverse(opened.at).reply).toMatchObject({ ok: true, result: usd('0.99') });
  });

  test('takes no money from a frozen account', () => {
    ask('alice', 'freeze');
    expect(reverse(opened.at).reply).toEqual(refusal('account/frozen'));
  });

  test.each(['9:9-99', '0:1-2'])('of what is not an entry of the account (%s) is refused', (of) => {
    expect(reverse(of).reply).toEqual(refusal('reversal/unknown'));
  });

  test('of a reversal is refused: a new deposit says what was meant', () => {
    const { at } = reverse(opened.at);
    expect(reverse(at).reply).toEqual(refusal('reversal/unknown'));
  });
});

describe('the reversal of a transfer', () => {
  test('brings the money back from the payee; both sides name the transfer', () => {
    const transfer = transferred();
    const asked = reverse(transfer.at);
    expect(reverse(transfer.at).reply).toEqual(refusal('reversal/done'));
    expect(ask('alice', 'close').reply).toEqual(refusal('account/not-empty'));
    world.settle();
    const { at: of, id: transferId } = transfer;
    expect(asked.reply).toEqual({ ok: true, result: { of, asset: 'USD', ...usd('100.00') } });
    expect([availableOf('alice'), availableOf('bob')]).toEqual([usd('100.00'), usd('1.00')]);
    const linked = { of, transferId, asset: 'USD', amount: '30.00', reference: 'typing error' };
    const events = world.log.map(({ event }) => event);
    expect(events).toContainEqual({ type: 'transfer-returned', ...linked, to: 'alice' });
    expect(events).toContainEqual({ type: 'transfer-reversed', ...linked, from: 'bob' });
    expect(reverse(of).reply).toEqual(refusal('reversal/done'));
  });

  test.each([
    ['account/insufficient-funds', 'withdraw', { asset: 'USD', amount: '1.01' }],
    ['account/frozen', 'freeze', {}],
  ])('is refused with %s by the payee, and may be tried again', (code, command, body) => {
    const { at: of } = transferred();
    ask('bob', command, body);
    const asked = reverse(of);
    world.settle();
    expect(asked.reply).toMatchObject({ ok: false, error: { code } });
    expect(availableOf('alice')).toEqual(usd('70.00'));
    ask('bob', 'unfreeze');
    ask('bob', 'deposit', { asset: 'USD', amount: '5' });
    const again = reverse(of);
    world.settle();
    expect(again.reply).toMatchObject({ ok: true, result: usd('100.00') });
  });

  test('comes back from snapshots at every step', () => {
    const { at: of } = transferred();
    const asked = reverse(of);
    do {
      for (const who of ['alice', 'bob']) world.restart(actorKey('account', who));
      expectConserved();
    } while (world.deliver(0));
    expect(asked.reply).toMatchObject({ ok: true });
    expect(reverse(of).reply).toEqual(refusal('reversal/done'));
  });
});

const owners = ['alice', 'bob', 'carol'] as const;
const who = fc.constantFrom(...owners);
const amount = fc.integer({ min: 1, max: 60 }).map(String);
const holdId = fc.constantFrom('h', 'i');
const protocol = fc.constantFrom('tcc', 'saga', '2pc', 'choreography');

/** What an account is asked, or how time and messages go on; `entry` picks one of the latest. */
const act = fc.oneof(
  fc.record({ name: fc.constantFrom('deposit', 'withdraw'), by: who, amount }),
  fc.record({ name: fc.constant('transfer'), by: who, to: who, amount, protocol }),
  fc.record({ name: fc.constant('hold'), by: who, to: who, amount, holdId }),
  fc.record({ name: fc.constantFrom('capture', 'release'), by: who, holdId }),
  fc.record({ name: fc.constantFrom('freeze', 'unfreeze', 'unfreeze', 'close'), by: who }),
  fc.record({ name: fc.constant('reverse'), entry: fc.nat(4) }),
  fc.record({ name: fc.constant('reverse'), entry: fc.nat(4) }),
  fc.record({ name: fc.constant('deliver'), channel: fc.nat(8) }),
  fc.record({ name: fc.constant('deliver'), channel: fc.nat(8) }),
  fc.record({ name: fc.constant('restart'), by: who }),
  fc.record({ name: fc.constant('pass'), ms: fc.constantFrom(5, 31_000) }),
);

type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

function perform(one: Act): void {
  if ('entry' in one) {
    const entries = [...world.asked.values()].filter(({ name }) =>
      /^(deposit|transfer|withdraw)$/.test(name),
    );
    const found = entries.filter(({ at }) => at !== '').at(-1 - one.entry);
    if (found) ask(splitActorKey(found.actor).id, 'reverse', { of: found.at });
  } else if ('channel' in one) {
    world.deliver(one.channel);
  } else if ('ms' in one) {
    world.pass(one.ms);
  } else if (one.name === 'restart') {
    world.restart(actorKey('account', one.by));
  } else {
    const { name, by, ...body } = one;
    ask(by, name, 'amount' in body ? { ...body, asset: 'USD' } : body);
  }
}

/** The addresses of entries that are reversed, in the order of their reversals. */
const reversed = (): unknown[] =>
  world.log.filter(({ event }) => event.type.endsWith('-reversed')).map(({ event }) => event['of']);

test('whatever is reversed while holds and transfers run, no money is lost and no entry is reversed twice', () => {
  let done = 0;
  fc.assert(
    fc.property(fc.array(act, { minLength: 30, maxLength: 80, size: 'max' }), (acts) => {
      world = new World(defaultScales);
      for (const id of owners) ask(id, 'deposit', { asset: 'USD', amount: '100' });
      for (const one of acts) {
        perform(one);
        expectConserved();
      }
      world.settle();
      expectConserved();
      for (const asked of world.asked.values()) expect(asked.reply, asked.id).toBeDefined();
      const all = reversed();
      expect(new Set(all).size).toBe(all.length);
      done += all.length;
    }),
    { numRuns: 100 },
  );
  expect(done).toBeGreaterThan(50);
});
