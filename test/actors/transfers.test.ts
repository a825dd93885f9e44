import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { defaultScales } from '../../contracts/money.ts';
import { refusal } from '../../contracts/reply.ts';
import type { TransferReport } from '../../contracts/transfer.ts';
import { World, nonZero, type Asked } from './world.ts';

const protocols = ['tcc', 'saga', '2pc', 'choreography'] as const;
/** Those in which the payer decides. */
const decided = ['tcc', 'saga', '2pc'] as const;

const alice = actorKey('account', 'alice');
const bob = actorKey('account', 'bob');

const owners = ['alice', 'bob', 'carol'] as const;
const act = fc.record({
  kind: fc.constantFrom(
    'transfer',
    'transfer',
    'transfer',
    'deliver',
    'deliver',
    'life',
    'pass',
    'restart',
  ),
  from: fc.constantFrom(...owners),
  to: fc.constantFrom(...owners),
  protocol: fc.constantFrom(...protocols),
  amount: fc.integer({ min: 1, max: 60 }),
  life: fc.constantFrom('freeze', 'unfreeze', 'unfreeze', 'close'),
  picks: fc.array(fc.nat(), { maxLength: 5 }),
});
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

let world: World;
beforeEach(() => {
  world = new World(defaultScales);
  world.ask('account', 'alice', 'deposit', { asset: 'USD', amount: '100' });
  world.ask('account', 'bob', 'deposit', { asset: 'USD', amount: '1' });
});

const transfer = (protocol: string, body: JsonObject = {}): Asked =>
  world.ask('account', 'alice', 'transfer', {
    to: 'bob',
    asset: 'USD',
    amount: '30',
    protocol,
    ...body,
  });

function perform({ kind, from, to, protocol, amount, life, picks }: Act): void {
  switch (kind) {
    case 'transfer':
      world.ask('account', from, 'transfer', { to, asset: 'USD', amount: `${amount}`, protocol });
      return;
    case 'deliver':
      for (const pick of picks) world.deliver(pick);
      return;
    case 'life':
      world.ask('account', from, life);
      return;
    case 'pass':
      world.pass(amount * 500);
      return;
    case 'restart':
      world.restart(actorKey('account', from));
  }
}

const usd = (id: string): JsonObject | undefined => {
  const reply = world.get('account', id, 'balance');
  const { balances } = (reply.ok && reply.result) as { balances: { USD?: JsonObject } };
  return balances.USD;
};

const tableOf = (asked: Asked, payer = 'alice'): TransferReport => {
  const reply = world.get('account', payer, 'transfer', { transferId: asked.id });
  if (!reply.ok) throw new Error(reply.error.code);
  return reply.result as unknown as TransferReport;
};

/** The phases as one line: `try answered, confirm answered; try answered, confirm sent`. */
const phasesOf = (asked: Asked): string =>
  tableOf(asked)
    .participants.map(({ first, second }) =>
      [first, second]
        .filter(({ phase }) => phase !== null)
        .map(({ phase, status }) => `${phase} ${status}`)
        .join(', '),
    )
    .join('; ');

const expectDone = (): void => {
  expect(usd('alice')).toEqual({ available: '70.00', held: '0.00' });
  expect(usd('bob')).toEqual({ available: '31.00', held: '0.00' });
};
const expectUndone = (): void => {
  expect(usd('alice')).toEqual({ available: '100.00', held: '0.00' });
  expect(usd('bob') ?? { available: '1.00', held: '0.00' }).toEqual({
    available: '1.00',
    held: '0.00',
  });
};

describe.each(protocols)('a transfer by %s', (protocol) => {
  test('moves the money once; both sides tell the same transfer', () => {
    const asked = transfer(protocol, { reference: 'rent' });
    expect(asked.reply).toBeUndefined();
    world.settle();
    const { id: transferId } = asked;
    expect(asked.reply).toEqual({ ok: true, result: { transferId, status: 'completed' } });
    expectDone();
    const moved = { transferId, asset: 'USD', amount: '30.00', reference: 'rent' };
    expect(world.log.map(({ actor, event }) => ({ actor, ...event }))).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ actor: alice, type: 'transfer-sent', to: 'bob', ...moved }),
        expect.objectContaining({ actor: bob, type: 'transfer-received', from: 'alice', ...moved }),
      ]),
    );
    expect(world.deadlines(alice)).toEqual([]);
    expect(tableOf(asked)).toMatchObject({ status: 'completed', outOfOrder: false });
  });

  test.each([
    ['account/frozen', 'freeze', {}],
    ['account/closed', 'close', {}],
  ])('is refused with %s when the payee is', (code, command) => {
    world.ask('account', 'bob', 'withdraw', { asset: 'USD', amount: '1' });
    world.ask('account', 'bob', command);
    const asked = transfer(protocol);
    world.settle();
    expect(asked.reply).toMatchObject({ ok: false, error: { code } });
    expect(usd('alice')).toEqual({ available: '100.00', held: '0.00' });
    expect(usd('bob')).toEqual({ available: '0.00', held: '0.00' });
    expect(tableOf(asked)).toMatchObject({ status: 'refused', code });
    expect(world.deadlines(alice)).toEqual([]);
  });

  test('is refused when the payee never was, and leaves nothing there', () => {
    const asked = transfer(protocol, { to: 'nobody' });
    world.settle();
    expect(asked.reply).toMatchObject({ ok: false, error: { code: 'account/unknown' } });
    expectUndone();
    expect(world.state(actorKey('account', 'nobody'))).toMatchObject({ value: 'none', version: 0 });
  });

  test.each([
    ['transfer/same-account', { to: 'alice' }],
    ['account/insufficient-funds', { amount: '100.01' }],
  ])('never begins with %s, and says so when asked', (code, body) => {
    const asked = transfer(protocol, body);
    expect(asked.reply).toEqual(refusal(code));
    expectUndone();
    expect(tableOf(asked)).toMatchObject({ status: 'refused', code });
    expect(phasesOf(asked)).toMatch(/^\w+ not sent; \w+ not sent$/);
  });

  test('does not begin at a frozen payer, but ends there', () => {
    const asked = transfer(protocol);
    world.ask('account', 'alice', 'freeze');
    expect(transfer(protocol).reply).toEqual(refusal('account/frozen'));
    world.settle();
    expect(asked.reply).toMatchObject({ ok: true });
    expectDone();
  });

  test('keeps its payer from closing while money may still come back', () => {
    transfer(protocol, { amount: '100' });
    expect(world.ask('account', 'alice', 'close').reply).toEqual(refusal('account/not-empty'));
    world.settle();
    expect(world.ask('account', 'alice', 'close').reply).toMatchObject({ ok: true });
  });

  test('comes back from snapshots at every step', () => {
    const asked = transfer(protocol);
    do {
      world.restart(alice);
      world.restart(bob);
    } while (world.deliver(0));
    expect(asked.reply).toMatchObject({ ok: true });
    expectDone();
  });
});

describe.each(decided)('by %s, the payer decides:', (protocol) => {
  test('the payee takes the money when it comes, though it is frozen by then', () => {
    const asked = transfer(protocol);
    world.hurry(alice, bob);
    world.ask('account', 'bob', 'freeze');
    world.settle();
    expect(asked.reply).toMatchObject({ ok: true });
    expectDone();
  });

  test('the payee cannot close between its yes and the decision', () => {
    world.ask('account', 'bob', 'withdraw', { asset: 'USD', amount: '1' });
    transfer(protocol);
    world.hurry(alice, bob);
    expect(world.ask('account', 'bob', 'close').reply).toEqual(refusal('account/not-empty'));
    expect(usd('alice')).toEqual({ available: '70.00', held: '30.00' });
    world.settle();
    expect(usd('bob')).toEqual({ available: '30.00', held: '0.00' });
  });

  test('the deadline undoes what has no answer, at once, and the payee follows', () => {
    const asked = transfer(protocol);
    world.pass(29_000);
    expect(asked.reply).toBeUndefined();
    world.pass(1_000);
    expect(asked.reply).toEqual(refusal('transfer/expired'));
    expectUndone();
    world.settle();
    expectUndone();
    expect(tableOf(asked)).toMatchObject({ status: 'refused', code: 'transfer/expired' });
    expect(world.ask('account', 'bob', 'withdraw', { asset: 'USD', amount: '1' }).reply?.ok).toBe(
      true,
    );
    expect(world.ask('account', 'bob', 'close').reply).toMatchObject({ ok: true });
  });

  test('a yes that comes after the deadline changes nothing', () => {
    const asked = transfer(protocol);
    world.hurry(alice, bob);
    world.pass(30_000);
    world.settle();
    expect(asked.reply).toEqual(refusal('transfer/expired'));
    expectUndone();
    expect(tableOf(asked).outOfOrder).toBe(false);
  });

  test('a deadline that comes after the yes changes nothing', () => {
    const asked = transfer(protocol);
    world.hurry(alice, bob);
    world.hurry(bob, alice);
    expect(asked.reply).toMatchObject({ ok: true });
    expect(world.deadlines(alice)).toEqual([]);
    world.pass(60_000);
    world.settle();
    expectDone();
  });

  test('one deadline serves all that are undecided, and goes on to the next', () => {
    const first = transfer(protocol);
    world.pass(10_000);
    const second = transfer(protocol);
    world.pass(20_000);
    expect(first.reply).toEqual(refusal('transfer/expired'));
    expect(second.reply).toBeUndefined();
    expect(world.deadlines(alice)).toHaveLength(1);
    world.pass(10_000);
    expect(second.reply).toEqual(refusal('transfer/expired'));
    expect(world.deadlines(alice)).toEqual([]);
  });
});

describe('the phase table', () => {
  const steps = (asked: Asked): string[] => {
    const seen: string[] = [];
    do {
      const { status, decision } = tableOf(asked);
      const line = `${status} (${decision ?? 'undecided'}): ${phasesOf(asked)}`;
      if (seen.at(-1) !== line) seen.push(line);
    } while (world.deliver(0));
    return seen;
  };

  test.each([
    [
      'tcc',
      'pending (undecided): try answered; try sent',
      'completed (confirm): try answered, confirm answered; try answered, confirm sent',
      'completed (confirm): try answered, confirm answered; try answered, confirm answered',
    ],
    [
      'saga',
      'pending (undecided): debit answered; admit sent',
      'completed (complete): debit answered; admit answered, credit sent',
      'completed (complete): debit answered; admit answered, credit answered',
    ],
    [
      '2pc',
      'pending (undecided): prepare answered; prepare sent',
      'completed (commit): prepare answered, commit answered; prepare answered, commit sent',
      'completed (commit): prepare answered, commit answered; prepare answered, commit answered',
    ],
    [
      'choreography',
      'pending (undecided): debit answered; credit sent',
      'completed (complete): debit answered; credit answered',
    ],
  ])('of %s follows the transfer', (protocol, ...lines) => {
    expect(steps(transfer(protocol))).toEqual(lines);
  });

  test.each([
    ['tcc', 'try answered, cancel answered; try sent, cancel sent'],
    ['saga', 'debit answered, refund answered; admit sent, void sent'],
    ['2pc', 'prepare answered, abort answered; prepare sent, abort sent'],
  ])('of %s shows what a deadline undid', (protocol, phases) => {
    const asked = transfer(protocol);
    world.pass(30_000);
    expect(phasesOf(asked)).toBe(phases);
    world.settle();
    expect(phasesOf(asked)).toBe(phases.replaceAll('sent', 'answered'));
    const { begun, deadline, decided: at, ended } = tableOf(asked).times;
    expect(deadline - begun).toBe(30_000);
    expect(at).toBeGreaterThanOrEqual(deadline);
    expect(ended).toBeGreaterThan(at ?? 0);
  });

  test.each(decided)(
    'of %s shows nothing undone at a payee that was asked too late',
    (protocol) => {
      const asked = transfer(protocol);
      world.late(30_000);
      world.settle();
      expect(asked.reply).toMatchObject({ ok: false, error: { code: 'transfer/expired' } });
      world.restart(alice);
      const [payer, payee] = phasesOf(asked).split('; ');
      expect(payer).toMatch(/^\w+ answered, \w+ answered$/);
      expect(payee).toMatch(/^\w+ answered, \w+ not sent$/);
      expectUndone();
      expect(world.deadlines(alice)).toEqual([]);
    },
  );

  test('of a transfer that never was is refused', () => {
    expect(world.get('account', 'alice', 'transfer', { transferId: 'x' })).toEqual(
      refusal('transfer/unknown'),
    );
  });
});

describe('an account remembers', () => {
  const isKnown = (asked: Asked): boolean =>
    world.get('account', 'alice', 'transfer', { transferId: asked.id }).ok;

  test('its last 200 completed transfers, however many others were refused since', () => {
    const completed = Array.from({ length: 200 }, () => transfer('tcc', { amount: '0.01' }));
    world.settle();
    const refused = Array.from({ length: 300 }, () => transfer('tcc', { amount: '1000' }));
    expect(completed.every(isKnown)).toBe(true);
    expect(refused.slice(-50).every(isKnown)).toBe(true);
    world.restart(alice);
    const more = Array.from({ length: 300 }, () => transfer('tcc', { to: 'nobody' }));
    world.settle();
    expect(completed.every(isKnown)).toBe(true);
    expect([...refused, ...more].filter(isKnown).length).toBeLessThanOrEqual(55);
  });

  test('no more than a tenth beyond', () => {
    const completed = Array.from({ length: 500 }, () => transfer('tcc', { amount: '0.01' }));
    world.settle();
    expect(completed.slice(-200).every(isKnown)).toBe(true);
    expect(completed.filter(isKnown).length).toBeLessThanOrEqual(220);
  });
});

test('money is conserved between any two records, in any order of deliveries and deadlines', () => {
  fc.assert(
    fc.property(
      fc.array(act, { minLength: 20, maxLength: 60, size: 'max' }),
      fc.nat(),
      (acts, seed) => {
        world = new World(defaultScales);
        for (const id of owners)
          world.ask('account', id, 'deposit', { asset: 'USD', amount: '100' });
        for (const one of acts) {
          perform(one);
          expect(nonZero(world.total())).toEqual(nonZero(world.external));
        }
        let turn = seed;
        world.settle(() => (turn = (turn * 31 + 7) % 1_000_003));
        expect(nonZero(world.total())).toEqual(nonZero(world.external));
        for (const asked of world.asked.values()) expect(asked.reply, asked.id).toBeDefined();
        for (const id of owners) {
          expect(usd(id)).toMatchObject({ held: '0.00' });
          expect(world.deadlines(actorKey('account', id))).toEqual([]);
        }
        expectMoved();
      },
    ),
    { numRuns: 200 },
  );
});

/** Each completed transfer was sent once and received once; no other was received. */
function expectMoved(): void {
  const named = (type: string): string[] =>
    world.log
      .filter(({ event }) => event.type === type)
      .map(({ event }) => JSON.stringify(event['transferId']))
      .sort();
  const completed = [...world.asked.values()]
    .filter(({ name, reply }) => name === 'transfer' && reply?.ok)
    .map(({ id }) => JSON.stringify(id))
    .sort();
  expect(named('transfer-sent')).toEqual(completed);
  expect(named('transfer-received')).toEqual(completed);
}
