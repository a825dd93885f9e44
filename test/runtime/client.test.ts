import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { parseActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { encodeReply, refusal, success } from '../../contracts/reply.ts';
import type { Bus, BusMessage } from '../../runtime/bus.ts';
import {
  BatchIncomplete,
  ClientClosed,
  clientOn,
  OutcomeUnknown,
  Unavailable,
  UnreadableReply,
  type Answer,
  type BatchItem,
  type ClientOptions,
} from '../../runtime/client.ts';
import { memoryHub, type MemoryHub } from '../../runtime/memory/bus.ts';
import { manualClock, type ManualClock } from '../../runtime/memory/clock.ts';
import { systemRandom } from '../../runtime/system-clock.ts';

/** What a scripted host does with a request: a reply's text, or nothing. */
type Move = string | 'silence';

const busy = encodeReply(refusal('runtime/busy'));
const noOwner = encodeReply(refusal('runtime/no-owner'));
const pending = encodeReply(refusal('runtime/pending'));
const poor = encodeReply(refusal('account/insufficient-funds'), '1:1-7');
const paid = encodeReply(success({ asset: 'USD', available: '10.00', held: '0.00' }), '1:1-8');

interface Seen {
  readonly id: string | undefined;
  readonly body: string;
  readonly at: number;
}

interface Stage {
  readonly clock: ManualClock;
  readonly hub: MemoryHub;
  readonly bus: Bus;
}

function stage(): Stage {
  const clock = manualClock();
  const hub = memoryHub({ clock });
  return { clock, hub, bus: hub.connect() };
}

const random = systemRandom();

/** Random numbers at the upper end: the longest pauses. */
const longPauses = { ...random, next: () => 0.999 };

const client = ({ bus, clock }: Stage, options: ClientOptions = {}) =>
  clientOn({ bus, clock, random }, { partitions: 4, ...options });

/** Answers a subject by a script, its last move for ever. */
function host({ hub, clock }: Stage, subject: string, ...moves: (Move | ((seen: Seen) => Move))[]) {
  const bus = hub.connect();
  const seen: Seen[] = [];
  bus.subscribe(subject, (message) => {
    const request = {
      id: message.header('Nats-Msg-Id'),
      body: text(message),
      at: clock.monotonic(),
    };
    const move = moves[Math.min(seen.length, moves.length - 1)] ?? 'silence';
    seen.push(request);
    const reply = typeof move === 'string' ? move : move(request);
    if (reply !== 'silence' && message.reply !== undefined) bus.publish(message.reply, reply);
  });
  return seen;
}

const text = ({ payload }: BusMessage): string => new TextDecoder().decode(payload);

/** Lets time pass, a little in each turn of the event loop, until the promise has settled. */
async function pass<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const end = (): void => void (settled = true);
  promise.then(end, end);
  while (!settled) {
    for (let turns = 0; turns < 4; turns++) await turn();
    if (!settled) clock.advance(5);
  }
  return promise;
}

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

  test.for<[string, Move]>([
    ['runtime/busy', busy],
    ['runtime/no-owner', noOwner],
    ['runtime/pending', pending],
    ['silence', 'silence'],
  ])('that meets %s is sent again with the same id and body', async ([, move]) => {
    const world = stage();
    const seen = host(world, subject, move, move, paid);
    const answer = await pass(world.clock, client(world).ask('account/alice', 'deposit', deposit));
    expect(answer.ok).toBe(true);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ id, body }) => `${id} ${body}`)).size).toBe(1);
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
    const seen = host(world, subject, ...Array<Move>(9).fill(busy), paid);
    const slow = clientOn({ ...world, random: longPauses });
    await pass(world.clock, slow.ask('account/alice', 'deposit', deposit));
    const pauses = seen.slice(1).map(({ at }, index) => Math.round(at - (seen[index]?.at ?? 0)));
    expect(pauses).toEqual([20, 40, 80, 160, 320, 500, 500, 500, 500]);
  });

  test('waits longer for each attempt after the second that met silence', async () => {
    const world = stage();
    const seen = host(world, subject, ...Array<Move>(4).fill('silence'), paid);
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

  test.for<[string, Move]>([
    ['silence', 'silence'],
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
    host(world, subject, busy, 'silence', busy);
    expect(await failure(world)).toBeInstanceOf(OutcomeUnknown);
  });

  test('ends with the reason of its signal when that aborts, in a request or in a pause', async () => {
    for (const move of ['silence', busy] as const) {
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
    host(world, subject, 'silence');
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
    const seen = host(world, 'millrace.get.account.alice.balance', 'silence', noOwner, balance);
    const answer = await pass(world.clock, client(world).get('account/alice', 'balance', {}));
    expect(answer).toEqual({ ok: true, result: { status: 'none', balances: {} } });
    expect(seen.map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
  });

  test('that finds no answer is only unavailable: it changes nothing', async () => {
    const world = stage();
    host(world, 'millrace.get.account.alice.balance', 'silence');
    const asking = client(world).get('account/alice', 'balance', {}, { timeoutMs: 3_000 });
    await expect(pass(world.clock, asking)).rejects.toBeInstanceOf(Unavailable);
  });
});

/** A host of every partition that answers batches, each command with what `reply` makes of it. */
function batchHost(world: Stage, reply: (command: Command, attempt: number) => string | undefined) {
  const seen: { subject: string; bytes: number; commands: Command[] }[] = [];
  const attempts = new Map<string, number>();
  const bus = world.hub.connect();
  bus.subscribe('millrace.part.*.batch', (message) => {
    const { commands } = JSON.parse(text(message)) as { commands: Command[] };
    seen.push({ subject: message.subject, bytes: message.payload.length, commands });
    const replies = commands.map((command) => {
      const attempt = (attempts.get(command.id) ?? 0) + 1;
      attempts.set(command.id, attempt);
      return reply(command, attempt);
    });
    if (message.reply === undefined || replies.includes(undefined)) return;
    bus.publish(message.reply, `{"ok":true,"replies":[${replies.join(',')}]}`);
  });
  return seen;
}

interface Command {
  readonly id: string;
  readonly actor: string;
  readonly name: string;
  readonly body: unknown;
}

const partitionFor = (actor: string): number => {
  const key = parseActorKey(actor);
  if (key === undefined) throw new Error(actor);
  return partitionOf(key, 4);
};

const echo = (command: Command): string => encodeReply(success(command.id));

const commands = (count: number, body = {}): BatchItem[] =>
  Array.from({ length: count }, (_, n) => ({
    actor: `note/n${n}`,
    name: 'write',
    body,
    id: `id-${n}`,
  }));

describe('a batch', () => {
  test('is grouped by partition and answered in the order asked', async () => {
    const world = stage();
    const seen = batchHost(world, echo);
    const answers = await pass(world.clock, client(world).batch(commands(50)));
    expect(answers.map((answer) => answer.ok && answer.result)).toEqual(
      commands(50).map(({ id }) => id),
    );
    expect(seen).toHaveLength(4);
    for (const request of seen) {
      const partition = Number(request.subject.split('.')[2]);
      expect(request.commands.every(({ actor }) => partitionFor(actor) === partition)).toBe(true);
    }
  });

  test('keeps to 1,000 commands a request', async () => {
    const world = stage();
    const seen = batchHost(world, echo);
    const items = Array.from({ length: 2_500 }, () => ({ actor: 'note/one', name: 'write' }));
    expect(await pass(world.clock, client(world).batch(items))).toHaveLength(2_500);
    expect(seen.map((request) => request.commands.length)).toEqual([1_000, 1_000, 500]);
  });

  test('keeps to 1 MiB a request, counted in bytes', async () => {
    const world = stage();
    const seen = batchHost(world, echo);
    const body = { text: '€'.repeat(20_000) };
    const items = Array.from({ length: 40 }, () => ({ actor: 'note/one', name: 'write', body }));
    expect(await pass(world.clock, client(world).batch(items))).toHaveLength(40);
    expect(seen.map((request) => request.commands.length)).toEqual([17, 17, 6]);
    expect(Math.max(...seen.map(({ bytes }) => bytes))).toBeLessThanOrEqual(1024 * 1024);
  });

  test('asks again only for those that were put off, with the same ids', async () => {
    const world = stage();
    const put = new Map([
      ['id-1', busy],
      ['id-3', pending],
    ]);
    const reply = (command: Command, attempt: number): string =>
      attempt === 1 ? (put.get(command.id) ?? echo(command)) : echo(command);
    const seen = batchHost(world, reply);
    const items = commands(6).map((item) => ({ ...item, actor: 'note/one' }));
    const answers = await pass(world.clock, client(world).batch(items));
    expect(answers.map((answer) => answer.ok && answer.result)).toEqual(items.map(({ id }) => id));
    expect(seen.map((request) => request.commands.map(({ id }) => id))).toEqual([
      ['id-0', 'id-1', 'id-2', 'id-3', 'id-4', 'id-5'],
      ['id-1', 'id-3'],
    ]);
  });

  test('that met silence is asked again whole, with the same ids', async () => {
    const world = stage();
    const seen = batchHost(world, (command, attempt) =>
      attempt === 1 ? undefined : echo(command),
    );
    const items = [1, 2].map(() => ({ actor: 'note/one', name: 'write' }));
    await pass(world.clock, client(world).batch(items));
    expect(seen[1]?.commands).toEqual(seen[0]?.commands);
  });

  test('gives each command its own refusal', async () => {
    const world = stage();
    batchHost(world, (command) => (command.id === 'id-1' ? poor : echo(command)));
    const answers = await pass(world.clock, client(world).batch(commands(3)));
    expect(answers.map(({ ok }) => ok)).toEqual([true, false, true]);
  });

  test('that is refused as a whole is refused for each command', async () => {
    const world = stage();
    host(world, 'millrace.part.*.batch', encodeReply(refusal('request/malformed')));
    const answers = await pass(world.clock, client(world).batch(commands(3)));
    expect(answers.map(({ ok }) => ok)).toEqual([false, false, false]);
  });

  test('without some answers says for each command what is known', async () => {
    const world = stage();
    const moves = new Map([
      ['id-0', busy],
      ['id-1', pending],
    ]);
    batchHost(world, (command) => moves.get(command.id) ?? echo(command));
    const items = commands(3).map((item) => ({ ...item, actor: 'note/one' }));
    const batch = client(world).batch(items, { timeoutMs: 3_000 });
    const error = await pass(
      world.clock,
      batch.catch((caught: unknown) => caught),
    );
    if (!(error instanceof BatchIncomplete)) throw new Error('expected an incomplete batch');
    expect(error.outcomes[0]).toBeInstanceOf(Unavailable);
    expect(error.outcomes[1]).toBeInstanceOf(OutcomeUnknown);
    expect(error.outcomes[1]).toMatchObject({ asked: { id: 'id-1' } });
    expect(error.outcomes[2]).toEqual({ ok: true, result: 'id-2' });
  });

  test('that is answered with too few replies fails loudly', async () => {
    const world = stage();
    host(world, 'millrace.part.*.batch', '{"ok":true,"replies":[]}');
    const batch = client(world).batch(commands(1));
    await expect(pass(world.clock, batch)).rejects.toBeInstanceOf(UnreadableReply);
  });

  test('of nothing is answered with nothing', async () => {
    expect(await client(stage()).batch([])).toEqual([]);
  });
});

describe('the number of partitions', () => {
  const info = (prefix: string, partitions: number): string =>
    JSON.stringify({ name: 'millrace', metadata: { prefix, partitions: String(partitions) } });

  test('is asked of the hosts once, those of another cluster aside', async () => {
    const world = stage();
    host(world, '$SRV.INFO.millrace', info('other', 8));
    const seen = host(world, '$SRV.INFO.millrace', 'nonsense', info('millrace', 4));
    const requests = batchHost(world, echo);
    const { batch } = clientOn({ ...world, random });
    await pass(world.clock, batch(commands(50)));
    await pass(world.clock, batch(commands(50)));
    expect(seen).toHaveLength(2);
    expect(new Set(requests.map(({ subject }) => subject)).size).toBe(4);
  });

  test('makes the batch unavailable if no host tells it', async () => {
    const world = stage();
    const batch = clientOn({ ...world, random }).batch(commands(1), { timeoutMs: 3_000 });
    await expect(pass(world.clock, batch)).rejects.toBeInstanceOf(Unavailable);
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
