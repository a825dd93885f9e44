import { describe, expect, expectTypeOf, test } from 'vitest';
import { encodeReply, success } from '../../contracts/reply.ts';
import {
  ClientClosed,
  clientOn,
  OutcomeUnknown,
  Unavailable,
  UnreadableReply,
  type Answer,
} from '../../runtime/client.ts';
import {
  busy,
  client,
  host,
  longPauses,
  noOwner,
  paid,
  pass,
  pending,
  poor,
  random,
  silence,
  stage,
  type Stage,
} from './client-stage.ts';

const deposit = { asset: 'USD', amount: '10.00' };
const subject = 'millrace.cmd.account.alice.deposit';

describe('a command', () => {
  test('goes to its subject with its id and its body, and its answer comes back', async () => {
    const world = stage();
    const seen = host(world, subject, paid);
    const asking = client(world).ask('account/alice', 'deposit', deposit, { id: 'first' });
    const answer = await pass(world.clock, asking);
    expect(answer).toEqual(JSON.parse(paid));
    expect(seen).toMatchObject([{ id: 'first', body: JSON.stringify(deposit) }]);
  });

  test('gets a UUIDv7 of its own unless the caller names it', async () => {
    const world = stage();
    const seen = host(world, subject, paid);
    const { ask } = client(world);
    await pass(world.clock, ask('account/alice', 'deposit', deposit));
    await pass(world.clock, ask('account/alice', 'deposit', deposit));
    expect(new Set(seen.map(({ id }) => id)).size).toBe(2);
    expect(seen[0]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/);
  });

  test('that is refused is answered with the refusal, and not repeated', async () => {
    const world = stage();
    const seen = host(world, subject, poor);
    const answer = await pass(world.clock, client(world).ask('account/alice', 'deposit', deposit));
    expect(answer).toEqual(JSON.parse(poor));
    expect(seen).toHaveLength(1);
  });

  test.for<[string, string]>([
    ['runtime/busy', busy],
    ['runtime/no-owner', noOwner],
    ['runtime/pending', pending],
    ['silence', silence],
  ])('that meets %s is sent again with the same id and body', async ([, move]) => {
    const world = stage();
    const seen = host(world, subject, move, move, paid);
    const answer = await pass(world.clock, client(world).ask('account/alice', 'deposit', deposit));
    expect(answer.ok).toBe(true);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ id, body }) => `${id} ${body}`)).size).toBe(1);
  });

  test("carries its caller's trace each time it is sent", async () => {
    const world = stage();
    const seen = host(world, subject, busy, paid);
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const asking = client(world).ask('account/alice', 'deposit', deposit, { traceparent });
    await pass(world.clock, asking);
    expect(seen.map(({ trace }) => trace)).toEqual([traceparent, traceparent]);
  });

  test('waits for a host when there is none', async () => {
    const world = stage();
    world.clock.after(700, () => host(world, subject, paid));
    const answer = await pass(world.clock, client(world).ask('account/alice', 'deposit', deposit));
    expect(answer.ok).toBe(true);
    expect(world.clock.monotonic()).toBeLessThan(700 + 500 + 10);
  });

  test('is repeated after pauses that double up to their limit', async () => {
    const world = stage();
    const seen = host(world, subject, ...Array<string>(9).fill(busy), paid);
    const slow = clientOn({ ...world, random: longPauses });
    await pass(world.clock, slow.ask('account/alice', 'deposit', deposit));
    const pauses = seen.slice(1).map(({ at }, index) => Math.round(at - (seen[index]?.at ?? 0)));
    expect(pauses).toEqual([20, 40, 80, 160, 320, 500, 500, 500, 500]);
  });

  test('is repeated after pauses as its policy says: first, multiplied, at most, so often', async () => {
    const world = stage();
    const seen = host(world, subject, busy);
    const retry = { attempts: 6, backoffMs: 100, multiplier: 3, capMs: 2_000 };
    const slow = clientOn({ ...world, random: longPauses }, { retry });
    const asking = slow.ask('account/alice', 'deposit', deposit).catch((error: unknown) => error);
    expect(await pass(world.clock, asking)).toBeInstanceOf(Unavailable);
    const pauses = seen.slice(1).map(({ at }, index) => Math.round(at - (seen[index]?.at ?? 0)));
    expect(pauses).toEqual([100, 300, 900, 2_000, 2_000]);
  });

  test('that may be sent once is sent once, and its outcome is unknown after silence', async () => {
    const world = stage();
    const seen = host(world, subject, silence, paid);
    const once = client(world, { retry: { attempts: 1 } });
    const asking = once.ask('account/alice', 'deposit', deposit).catch((error: unknown) => error);
    expect(await pass(world.clock, asking)).toBeInstanceOf(OutcomeUnknown);
    expect(seen).toHaveLength(1);
    expect(world.clock.monotonic()).toBeLessThan(2_010);
  });

  test('is answered with the refusals that its policy does not repeat', async () => {
    const world = stage();
    const seen = host(world, subject, noOwner, busy, paid);
    const proud = client(world, { retry: { codes: ['runtime/no-owner'] } });
    const answer = await pass(world.clock, proud.ask('account/alice', 'deposit', deposit));
    expect(answer).toEqual(JSON.parse(busy));
    expect(seen).toHaveLength(2);
  });

  test('waits longer for each attempt after the second that met silence', async () => {
    const world = stage();
    const seen = host(world, subject, ...Array<string>(4).fill(silence), paid);
    const hasty = clientOn({ ...world, random: { ...random, next: () => 0 } });
    await pass(world.clock, hasty.ask('account/alice', 'deposit', deposit));
    const waits = seen.slice(1).map(({ at }, index) => at - (seen[index]?.at ?? 0));
    expect(waits.map((wait) => Math.round(wait / 1_000))).toEqual([2, 2, 4, 8]);
  });

  test('is repeated after a random part of each pause', async () => {
    const world = stage();
    const seen = host(world, subject, busy, busy, busy, paid);
    const hasty = clientOn({ ...world, random: { ...random, next: () => 0 } });
    await pass(world.clock, hasty.ask('account/alice', 'deposit', deposit));
    // Three pauses of no length: the clock of this test moves 5 ms at a time.
    expect(seen.at(-1)?.at).toBeLessThanOrEqual(15);
  });
});

describe('a command without an answer', () => {
  const failure = async (world: Stage, options = {}): Promise<unknown> =>
    pass(
      world.clock,
      client(world)
        .ask('account/alice', 'deposit', deposit, { timeoutMs: 3_000, id: 'mine', ...options })
        .catch((error: unknown) => error),
    );

  test.for<[string, string]>([
    ['silence', silence],
    ['runtime/pending', pending],
  ])('after %s has an unknown outcome and names the id to ask again with', async ([, move]) => {
    const world = stage();
    host(world, subject, move);
    const error = await failure(world);
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ asked: { actor: 'account/alice', name: 'deposit', id: 'mine' } });
    expect(world.clock.monotonic()).toBeLessThan(3_010);
  });

  test('was not done if every attempt was turned away', async () => {
    const world = stage();
    host(world, subject, busy, noOwner);
    expect(await failure(world)).toBeInstanceOf(Unavailable);
  });

  test('was not done if there was no host at all', async () => {
    expect(await failure(stage())).toBeInstanceOf(Unavailable);
  });

  test('has an unknown outcome if only one of the attempts met silence', async () => {
    const world = stage();
    host(world, subject, busy, silence, busy);
    expect(await failure(world)).toBeInstanceOf(OutcomeUnknown);
  });

  test('is not told busy after silence, whatever its policy: the first may have been done', async () => {
    const world = stage();
    const seen = host(world, subject, silence, busy, busy, paid);
    const proud = client(world, { retry: { codes: [], attemptMs: 100 } });
    const answer = await pass(world.clock, proud.ask('account/alice', 'deposit', deposit));
    expect(answer).toEqual(JSON.parse(paid));
    expect(seen).toHaveLength(4);
    const other = stage();
    host(other, subject, silence, busy);
    const short = client(other, { retry: { codes: [], attemptMs: 100 } });
    const told = short.ask('account/alice', 'deposit', deposit, { timeoutMs: 300 });
    await expect(pass(other.clock, told)).rejects.toBeInstanceOf(OutcomeUnknown);
  });

  test('ends with the reason of its signal when that aborts, in a request or in a pause', async () => {
    for (const move of [silence, busy]) {
      const world = stage();
      host(world, subject, move);
      const stop = new AbortController();
      world.clock.after(1_500, () => stop.abort(new Error('enough')));
      expect(await failure(world, { signal: stop.signal })).toMatchObject({ message: 'enough' });
      expect(world.clock.monotonic()).toBeLessThan(1_510);
    }
  });

  test('is not sent at all if its signal has aborted already', async () => {
    const world = stage();
    const seen = host(world, subject, paid);
    const error = await failure(world, { signal: AbortSignal.abort(new Error('enough')) });
    expect(error).toMatchObject({ message: 'enough' });
    expect(seen).toEqual([]);
  });

  test('ends with the client', async () => {
    const world = stage();
    host(world, subject, silence);
    const { ask, close } = client(world);
    const asking = ask('account/alice', 'deposit', deposit).catch((error: unknown) => error);
    await close();
    expect(await asking).toBeInstanceOf(ClientClosed);
    await expect(ask('account/alice', 'deposit', deposit)).rejects.toBeInstanceOf(ClientClosed);
  });

  test('fails loudly when a host answers with something else', async () => {
    for (const reply of ['not JSON', '{"fine":true}', '{"ok":false}']) {
      const world = stage();
      host(world, subject, reply);
      expect(await failure(world)).toBeInstanceOf(UnreadableReply);
    }
  });
});

describe('a retry policy', () => {
  test.for<[string, object]>([
    ['no attempt', { attempts: 0 }],
    ['half an attempt', { attempts: 1.5 }],
    ['no time for an attempt', { attemptMs: 0 }],
    ['no pause', { backoffMs: 0 }],
    ['endless pauses', { capMs: Infinity }],
    ['pauses that shrink', { multiplier: 0.5 }],
    ['an outcome to be repeated', { codes: ['account/closed'] }],
  ])('with %s is refused at once', ([, retry]) => {
    expect(() => client(stage(), { retry })).toThrow(RangeError);
  });
});

describe('a look at its health', () => {
  const answers = (world: Stage, ...hosts: readonly object[]): void => claims(world, '4', ...hosts);
  const claims = (world: Stage, partitions: string, ...hosts: readonly object[]): void => {
    const bus = world.hub.connect();
    bus.subscribe('$SRV.STATS.millrace', ({ reply = '' }) => {
      for (const [id, data] of hosts.entries()) {
        const metadata = { prefix: 'millrace', partitions };
        bus.publish(reply, JSON.stringify({ id: `${id}`, metadata, data }));
      }
    });
  };
  const owned = (...partitions: number[]): object[] =>
    partitions.map((partition) => ({ partition, epoch: 1 }));

  test('finds the hosts and that every partition has one, at once', async () => {
    const world = stage();
    answers(
      world,
      { host: 'b', partitions: owned(2), halted: [] },
      { host: 'a', partitions: owned(0, 1, 3), halted: [] },
    );
    expect(await pass(world.clock, client(world).health())).toEqual({
      ok: true,
      roundTripMs: expect.any(Number) as number,
      hosts: [
        { name: 'a', partitions: 3 },
        { name: 'b', partitions: 1 },
      ],
      ownerless: [],
      halted: [],
    });
    expect(world.clock.monotonic()).toBeLessThan(100);
  });

  test('names the partitions without an owner and those that are halted', async () => {
    const world = stage();
    const halted = [{ partition: 1, reason: 'its log is shorter than it was' }];
    answers(world, { host: 'a', partitions: owned(0, 1), halted });
    const health = await pass(world.clock, client(world).health());
    expect(health).toMatchObject({ ok: false, ownerless: [2, 3], halted: [1] });
  });

  test.for([
    ['has more partitions than a cluster can', '1000000000', owned(0)],
    ['has none', '0', owned(0)],
    ['owns one that cannot be', '4', owned(-1)],
    ['owns more than there can be', '4', owned(...Array.from({ length: 1_025 }, (_, n) => n % 4))],
  ] as const)('takes no word of a responder that %s', async ([, partitions, owns]) => {
    const world = stage();
    claims(world, partitions, { host: 'liar', partitions: owns, halted: [] });
    answers(world, { host: 'a', partitions: owned(0, 1, 2, 3), halted: [] });
    const health = await pass(world.clock, client(world).health());
    expect(health).toMatchObject({ ok: true, hosts: [{ name: 'a' }], ownerless: [] });
  });

  test('finds nobody where nobody is, and takes no longer than it may', async () => {
    const world = stage();
    const health = await pass(world.clock, client(world).health({ timeoutMs: 300 }));
    expect(health).toMatchObject({ ok: false, hosts: [] });
    expect(world.clock.monotonic()).toBeLessThan(310);
  });
});

describe('bad input', () => {
  const refusalOf = async (answer: Promise<Answer<unknown>>): Promise<string> => {
    const { ok, ...rest } = await answer;
    return ok ? 'ok' : 'error' in rest ? rest.error.code : '';
  };

  test.for<[string, string, string, object]>([
    ['an actor without an id', 'account', 'deposit', {}],
    ['an actor with a wildcard', 'account/*', 'deposit', {}],
    ['a name with a dot', 'account/alice', 'deposit.now', {}],
    ['an id with a line break', 'account/alice', 'deposit', { id: 'a\nb' }],
    ['an empty id', 'account/alice', 'deposit', { id: '' }],
  ])('%s is refused without being sent', async ([, actor, name, options]) => {
    const world = stage();
    const seen = host(world, 'millrace.>', paid);
    const answer = client(world).ask(actor, name, {}, options);
    expect(await refusalOf(answer)).toBe('request/malformed');
    expect(seen).toEqual([]);
  });

  test('a body above 64 KiB is refused without being sent, alone or in a batch', async () => {
    const world = stage();
    const body = { text: 'x'.repeat(65_536) };
    const { ask, batch } = client(world);
    expect(await refusalOf(ask('note/one', 'write', body))).toBe('request/too-large');
    const [answer] = await batch([{ actor: 'note/one', name: 'write', body }]);
    expect(answer).toMatchObject({ ok: false, error: { code: 'request/too-large' } });
  });
});

describe('a query', () => {
  test('goes to its subject without an id, and is repeated like a command', async () => {
    const world = stage();
    const balance = encodeReply(success({ status: 'none', balances: {} }));
    const seen = host(world, 'millrace.get.account.alice.balance', silence, noOwner, balance);
    const answer = await pass(world.clock, client(world).get('account/alice', 'balance', {}));
    expect(answer).toEqual({ ok: true, result: { status: 'none', balances: {} } });
    expect(seen.map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
  });

  test('that finds no answer is only unavailable: it changes nothing', async () => {
    const world = stage();
    host(world, 'millrace.get.account.alice.balance', silence);
    const asking = client(world).get('account/alice', 'balance', {}, { timeoutMs: 3_000 });
    await expect(pass(world.clock, asking)).rejects.toBeInstanceOf(Unavailable);
  });
});

test('bodies and results are typed by the contracts, and free for actors of your own', async () => {
  const world = stage();
  host(world, subject, paid);
  host(world, 'millrace.cmd.counter.one.increase', encodeReply(success({ count: 1 })));
  const { ask, get } = client(world);
  const answer = await pass(world.clock, ask('account/alice', 'deposit', deposit));
  expectTypeOf(answer).toEqualTypeOf<Answer<{ asset: string; available: string; held: string }>>();
  const count = await pass(world.clock, ask('counter/one', 'increase', { by: 1 }));
  expect(count).toMatchObject({ ok: true, result: { count: 1 } });

  const mistakes = (): unknown[] => [
    // @ts-expect-error an account has no such command
    ask('account/alice', 'increase', { by: 1 }),
    // @ts-expect-error an amount is a decimal string
    ask('account/alice', 'deposit', { asset: 'USD', amount: 10 }),
    // @ts-expect-error a symbol has no balance
    get('symbol/XBT-CHF', 'balance', {}),
    // @ts-expect-error a depth is a number
    get('symbol/XBT-CHF', 'book', { depth: 'all' }),
  ];
  expect(mistakes).toBeTypeOf('function');
});
