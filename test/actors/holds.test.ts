import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AccountContext } from '../../actors/account-state.ts';
import { actorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { defaultScales } from '../../contracts/money.ts';
import { success, type Reply } from '../../contracts/reply.ts';
import { World, nonZero, type Asked } from './world.ts';

const alice = actorKey('account', 'alice');

let world: World;
beforeEach(() => {
  world = new World(defaultScales);
  deposit('alice', '100');
  deposit('bob', '1');
});

const deposit = (who: string, amount: string): Asked =>
  world.ask('account', who, 'deposit', { asset: 'USD', amount });
const ask = (name: string, body: JsonObject = {}): Asked =>
  world.ask('account', 'alice', name, body);
const hold = (holdId: string, body: JsonObject = {}): Asked =>
  ask('hold', { holdId, asset: 'USD', amount: '30', to: 'bob', ...body });
/** Sends a command and lets all messages go round. */
function settled(name: string, body: JsonObject = {}): Reply | undefined {
  const asked = ask(name, body);
  world.settle();
  return asked.reply;
}
const codeOf = (reply: Reply | undefined): string | undefined =>
  reply?.ok === false ? reply.error.code : undefined;
const balance = (who: string): unknown => {
  const reply = world.get('account', who, 'balance');
  return reply.ok && (reply.result as { balances: JsonObject }).balances['USD'];
};
const eventsOf = (holdId: string): string[] =>
  world.log.filter(({ event }) => event['holdId'] === holdId).map(({ event }) => event.type);

describe('a hold', () => {
  test('moves money from available to held, and says so', () => {
    expect(hold('h', { reference: 'room 12' }).reply).toEqual(
      success({ holdId: 'h', status: 'held' }),
    );
    expect(balance('alice')).toEqual({ available: '70.00', held: '30.00' });
    expect(world.log.at(-1)?.event).toEqual({
      type: 'held',
      holdId: 'h',
      asset: 'USD',
      amount: '30.00',
      to: 'bob',
      reference: 'room 12',
    });
  });

  test.each([
    ['money/not-positive', { amount: '0' }],
    ['money/too-precise', { amount: '0.001' }],
    ['account/insufficient-funds', { amount: '100.01' }],
    ['hold/expired', { expiresAt: 1_000 }],
  ])('is refused with %s and changes nothing', (code, body) => {
    expect(codeOf(hold('h', body).reply)).toBe(code);
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
    expect(hold('h').reply?.ok).toBe(true);
  });

  test('needs a name of its own, also after it has ended', () => {
    hold('h');
    expect(codeOf(hold('h').reply)).toBe('hold/duplicate');
    ask('release', { holdId: 'h' });
    expect(codeOf(hold('h').reply)).toBe('hold/duplicate');
  });

  test('of a frozen account is refused, but one from before can be captured and released', () => {
    hold('a');
    hold('b');
    ask('freeze');
    expect(codeOf(hold('c').reply)).toBe('account/frozen');
    expect(settled('capture', { holdId: 'a' })?.ok).toBe(true);
    expect(ask('release', { holdId: 'b' }).reply?.ok).toBe(true);
    expect(balance('alice')).toEqual({ available: '70.00', held: '0.00' });
  });

  test('blocks the close of its account, also while its capture is under way', () => {
    hold('h', { amount: '100' });
    expect(codeOf(ask('close').reply)).toBe('account/not-empty');
    ask('capture', { holdId: 'h' });
    expect(balance('alice')).toEqual({ available: '0.00', held: '0.00' });
    expect(codeOf(ask('close').reply)).toBe('account/not-empty');
    world.settle();
    expect(ask('close').reply?.ok).toBe(true);
  });

  test('is one of at most 5,000 open ones, and the last 1,000 ended ones are remembered', () => {
    for (let n = 0; n < 5_000; n++) hold(`h${n}`, { amount: '0.01' });
    expect(codeOf(hold('more', { amount: '0.01' }).reply)).toBe('account/too-many-holds');
    for (let n = 0; n < 1_001; n++) ask('release', { holdId: `h${n}` });
    expect(codeOf(ask('release', { holdId: 'h1' }).reply)).toBe('hold/released');
    expect(codeOf(ask('release', { holdId: 'h0' }).reply)).toBe('hold/unknown');
  });
});

describe('a release', () => {
  test('makes all of it available again, once', () => {
    hold('h');
    expect(ask('release', { holdId: 'h' }).reply).toEqual(
      success({ holdId: 'h', status: 'released' }),
    );
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
    expect(codeOf(ask('release', { holdId: 'h' }).reply)).toBe('hold/released');
    expect(codeOf(ask('capture', { holdId: 'h' }).reply)).toBe('hold/released');
    expect(codeOf(ask('release', { holdId: 'never' }).reply)).toBe('hold/unknown');
  });
});

describe('a capture', () => {
  test('credits the receiver before it is answered', () => {
    hold('h');
    const capture = ask('capture', { holdId: 'h' });
    expect(capture.reply).toBeUndefined();
    world.deliver(0);
    expect(balance('bob')).toEqual({ available: '31.00', held: '0.00' });
    expect(capture.reply).toBeUndefined();
    world.settle();
    expect(capture.reply).toEqual(success({ holdId: 'h', status: 'captured', amount: '30.00' }));
    expect(balance('alice')).toEqual({ available: '70.00', held: '0.00' });
    expect(codeOf(ask('capture', { holdId: 'h' }).reply)).toBe('hold/captured');
    expect(codeOf(ask('release', { holdId: 'h' }).reply)).toBe('hold/captured');
  });

  test('of a part releases the rest', () => {
    hold('h');
    const reply = settled('capture', { holdId: 'h', amount: '12.5' });
    expect(reply).toEqual(success({ holdId: 'h', status: 'captured', amount: '12.50' }));
    expect(balance('alice')).toEqual({ available: '87.50', held: '0.00' });
    expect(balance('bob')).toEqual({ available: '13.50', held: '0.00' });
    expect(world.log.at(-1)?.event).toMatchObject({
      amount: '12.50',
      released: '17.50',
      to: 'bob',
    });
  });

  test('of nothing releases all, at once and whoever the receiver is', () => {
    hold('h', { to: 'nobody' });
    expect(ask('capture', { holdId: 'h', amount: '0' }).reply).toEqual(
      success({ holdId: 'h', status: 'captured', amount: '0.00' }),
    );
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
  });

  test('may credit the account itself', () => {
    hold('h', { to: 'alice' });
    expect(settled('capture', { holdId: 'h', amount: '10' })?.ok).toBe(true);
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
  });

  test.each([
    ['request/malformed', { to: 'carol' }],
    ['money/too-precise', { amount: '0.001' }],
    ['hold/exceeds', { amount: '30.01' }],
  ])('is refused with %s and leaves the hold', (code, body) => {
    hold('h');
    expect(codeOf(ask('capture', { holdId: 'h', ...body }).reply)).toBe(code);
    expect(settled('capture', { holdId: 'h' })?.ok).toBe(true);
  });

  test('names the receiver if the hold does not', () => {
    expect(hold('h', { to: undefined as never }).reply?.ok).toBe(true);
    expect(codeOf(ask('capture', { holdId: 'h' }).reply)).toBe('request/malformed');
    expect(settled('capture', { holdId: 'h', to: 'bob' })?.ok).toBe(true);
    expect(balance('bob')).toEqual({ available: '31.00', held: '0.00' });
  });

  test.each([
    ['account/unknown', 'nobody', (): void => {}],
    [
      'account/closed',
      'bob',
      (): void => {
        world.ask('account', 'bob', 'withdraw', { asset: 'USD', amount: '1' });
        world.ask('account', 'bob', 'close');
      },
    ],
  ])('that the receiver refuses with %s leaves the hold as it was', (code, to, prepare) => {
    prepare();
    hold('h', { to });
    expect(codeOf(settled('capture', { holdId: 'h', amount: '10' }))).toBe(code);
    expect(balance('alice')).toEqual({ available: '70.00', held: '30.00' });
    expect(ask('release', { holdId: 'h' }).reply?.ok).toBe(true);
  });

  test('is taken by a frozen receiver, as a deposit is', () => {
    world.ask('account', 'bob', 'freeze');
    hold('h');
    expect(settled('capture', { holdId: 'h' })?.ok).toBe(true);
    expect(balance('bob')).toEqual({ available: '31.00', held: '0.00' });
  });

  test('that is under way keeps others waiting: they are told to ask again, and nothing is recorded', () => {
    hold('h');
    ask('capture', { holdId: 'h' });
    expect(codeOf(ask('release', { holdId: 'h' }).reply)).toBe('runtime/busy');
    expect(codeOf(ask('capture', { holdId: 'h' }).reply)).toBe('runtime/busy');
    world.settle();
    expect(eventsOf('h')).toEqual(['held', 'capture-requested', 'capture-received', 'captured']);
  });
});

describe('an expiry', () => {
  test('comes at its time, not before, and only once', () => {
    hold('h', { expiresAt: world.now + 1_000 });
    world.pass(900);
    expect(balance('alice')).toEqual({ available: '70.00', held: '30.00' });
    world.pass(200);
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
    for (const name of ['capture', 'release'])
      expect(codeOf(ask(name, { holdId: 'h' }).reply)).toBe('hold/expired');
    expect(eventsOf('h')).toEqual(['held', 'hold-expired']);
    expect(world.deadlines(alice)).toEqual([]);
  });

  test('is the judgement of a command too, that comes before the deadline does', () => {
    const expiresAt = world.now + 10;
    for (const holdId of ['a', 'b']) hold(holdId, { expiresAt });
    while (world.now < expiresAt) deposit('bob', '1');
    expect(codeOf(ask('capture', { holdId: 'a' }).reply)).toBe('hold/expired');
    expect(codeOf(ask('release', { holdId: 'b' }).reply)).toBe('hold/expired');
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
    world.pass(1_000);
    expect([...eventsOf('a'), ...eventsOf('b')].filter((type) => type === 'hold-expired')).toEqual(
      Array(2).fill('hold-expired'),
    );
  });

  test('waits for a capture that is under way, which may still succeed', () => {
    hold('h', { expiresAt: world.now + 1_000 });
    ask('capture', { holdId: 'h' });
    world.pass(2_000);
    world.settle();
    expect(eventsOf('h').at(-1)).toBe('captured');
    expect(world.deadlines(alice)).toEqual([]);
  });

  test('comes with the refusal of a capture during which it was due', () => {
    hold('h', { to: 'nobody', expiresAt: world.now + 1_000 });
    const capture = ask('capture', { holdId: 'h', amount: '10' });
    world.pass(2_000);
    world.settle();
    expect(codeOf(capture.reply)).toBe('account/unknown');
    expect(eventsOf('h')).toEqual(['held', 'capture-requested', 'capture-refused', 'hold-expired']);
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
  });

  test('leaves no deadline behind when the last hold that could expire ends before', () => {
    const expiresAt = world.now + 100_000;
    for (const holdId of ['a', 'b', 'c', 'd']) hold(holdId, { amount: '10', expiresAt });
    hold('for-ever', { amount: '10' });
    ask('release', { holdId: 'a' });
    settled('capture', { holdId: 'b' });
    settled('capture', { holdId: 'c', amount: '0' });
    expect(world.deadlines(alice)).toEqual([{ name: 'holds', at: expiresAt }]);
    ask('release', { holdId: 'd' });
    expect(world.deadlines(alice)).toEqual([]);
    hold('e', { amount: '10', expiresAt });
    expect(world.deadlines(alice)).toEqual([{ name: 'holds', at: expiresAt }]);
    settled('capture', { holdId: 'e' });
    expect(world.deadlines(alice)).toEqual([]);
    hold('f', { amount: '10', expiresAt });
    ask('capture', { holdId: 'f', amount: '0' });
    expect(world.deadlines(alice)).toEqual([]);
  });

  test('of many at once takes several records', () => {
    const expiresAt = world.now + 10_000;
    for (let n = 0; n < 1_200; n++) hold(`h${n}`, { amount: '0.01', expiresAt });
    world.pass(10_000);
    expect(balance('alice')).toEqual({ available: '100.00', held: '0.00' });
    expect(world.deadlines(alice)).toEqual([]);
  });
});

const owners = ['alice', 'bob', 'carol'] as const;
const act = fc.record({
  kind: fc.constantFrom(
    'hold',
    'hold',
    'hold',
    'capture',
    'capture',
    'release',
    'deliver',
    'deliver',
    'life',
    'pass',
    'restart',
  ),
  who: fc.constantFrom(...owners),
  to: fc.constantFrom(...owners, 'nobody'),
  which: fc.nat(11),
  amount: fc.nat(60),
  life: fc.constantFrom('freeze', 'unfreeze', 'unfreeze', 'close'),
  ms: fc.integer({ min: 1, max: 2_000 }),
  picks: fc.array(fc.nat(), { maxLength: 5 }),
});
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

function perform({ kind, who, to, which, amount, life, ms, picks }: Act): void {
  const holdId = `h${which}`;
  const money = { asset: 'USD', amount: `${amount}` };
  switch (kind) {
    case 'hold': {
      const expiry = ms % 3 === 0 ? {} : { expiresAt: world.now + ms };
      world.ask('account', who, 'hold', { holdId, ...money, to, ...expiry });
      return;
    }
    case 'capture':
      world.ask('account', who, 'capture', {
        holdId,
        ...(ms % 2 === 0 && { amount: `${amount}` }),
      });
      return;
    case 'release':
      world.ask('account', who, 'release', { holdId });
      return;
    case 'deliver':
      for (const pick of picks) world.deliver(pick);
      return;
    case 'life':
      world.ask('account', who, life);
      return;
    case 'pass':
      world.pass(ms);
      return;
    case 'restart':
      world.restart(actorKey('account', who));
      return;
  }
}

const accountOf = (who: string): AccountContext =>
  world.state(actorKey('account', who)).context as AccountContext;

/** Between any two records: no money is lost, and what is held is what the open holds hold. */
function expectSound(): void {
  expect(nonZero(world.total())).toEqual(nonZero(world.external));
  for (const who of owners) {
    const { balances, holds } = accountOf(who);
    let held = 0n;
    for (const { amount, capture } of holds?.open.values() ?? [])
      held += amount - (capture?.amount ?? 0n);
    expect(balances.get('USD')?.held ?? 0n).toBe(held);
    expect((balances.get('USD')?.available ?? 0n) >= 0n).toBe(true);
    const first = Math.min(
      ...[...(holds?.open.values() ?? [])]
        .filter(({ capture }) => !capture)
        .map(({ expiresAt = Infinity }) => expiresAt),
    );
    const [deadline] = world.deadlines(actorKey('account', who));
    if (first < Infinity) expect(deadline?.at).toBeLessThanOrEqual(first);
  }
}

/** At rest: each hold has ended at most once, as its commands were told. */
function expectEndings(): void {
  for (const who of owners) {
    const actor = actorKey('account', who);
    const endings = new Map<unknown, string>();
    for (const { actor: owner, event } of world.log) {
      if (owner !== actor || !/^(captured|released|hold-expired)$/.test(event.type)) continue;
      expect(endings.has(event['holdId'])).toBe(false);
      endings.set(event['holdId'], event.type);
    }
    const told = [...world.asked.values()].filter(
      (asked) => asked.actor === actor && /^(capture|release)$/.test(asked.name),
    );
    for (const { reply } of told) {
      expect(reply).toBeDefined();
      if (!reply?.ok) continue;
      const { holdId, status } = reply.result as { holdId: string; status: string };
      expect(endings.get(holdId)).toBe(status);
    }
  }
}

test('whatever happens in whatever order, each hold ends once and no money is lost', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 20, maxLength: 120, size: 'max' }), (acts) => {
      world = new World(defaultScales);
      for (const who of owners) deposit(who, '100');
      for (const one of acts) {
        perform(one);
        expectSound();
      }
      world.settle();
      world.pass(5_000);
      expectSound();
      expectEndings();
      const open = owners.flatMap((who) => [...(accountOf(who).holds?.open.values() ?? [])]);
      for (const { expiresAt, capture } of open) {
        expect(expiresAt).toBeUndefined();
        expect(capture).toBeUndefined();
      }
    }),
    { numRuns: 200 },
  );
});
