import { describe, expect, test } from 'vitest';
import { parseActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { encodeReply, refusal, success } from '../../contracts/reply.ts';
import {
  BatchIncomplete,
  clientOn,
  OutcomeUnknown,
  Unavailable,
  UnreadableReply,
  type BatchItem,
} from '../../runtime/client.ts';
import {
  busy,
  client,
  host,
  pass,
  pending,
  poor,
  random,
  stage,
  text,
  type Stage,
} from './client-stage.ts';

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
  test('is not told busy after silence, whatever its policy: the first may have been done', async () => {
    const world = stage();
    const [first] = commands(1);
    const moves = [undefined, busy];
    batchHost(world, (command, attempt) => (attempt <= 2 ? moves[attempt - 1] : echo(command)));
    const proud = client(world, { partitions: 4, retry: { codes: [], attemptMs: 100 } });
    const answers = await pass(world.clock, proud.batch(first ? [first] : []));
    expect(answers).toMatchObject([{ ok: true, result: 'id-0' }]);
  });

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

  test('is asked of the hosts once, those aside of another cluster or of none that can be', async () => {
    const world = stage();
    host(world, '$SRV.INFO.millrace', info('other', 8));
    for (const count of [0, 1.5, 1_025, 1e9])
      host(world, '$SRV.INFO.millrace', info('millrace', count));
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
