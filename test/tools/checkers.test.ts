/** The checks must bite: each kind of damage to sound evidence is found, and nothing else is. */
import { beforeAll, describe, expect, test } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { decodeGroup, encodeGroup, type LogRecord } from '../../contracts/record.ts';
import type { Placed } from '../../runtime/whole-log.ts';
import {
  placedIn,
  type Evidence,
  type PartitionLog,
  type SentCommand,
} from '../../tools/checkers/evidence.ts';
import { brokenRetries } from '../../tools/checkers/logs.ts';
import { replay } from '../../tools/checkers/replay.ts';
import { wrongUnnamed } from '../../tools/checkers/unnamed.ts';
import { violationsOf } from '../../tools/checkers/violations.ts';
import { Rig } from '../runtime/rig.ts';

let sound: Evidence;

/** Ann and bob put coins in and give them to each other; every reply is kept. */
beforeAll(async () => {
  const rig = new Rig({ partitions: 4 });
  await rig.startAll();
  const commands: SentCommand[] = [];
  const send = async (who: string, name: string, body: Record<string, string | number>) => {
    const [actor, id] = [rig.purse(who), `${commands.length}`];
    const answered = await rig.within(rig.command(actor, name, body, id));
    commands.push({ actor, name, body, id, replies: [answered?.text ?? ''] });
  };
  for (const who of ['ann', 'bob', 'cyd', 'dan']) await send(who, 'put', { coins: 50 });
  for (const to of ['bob', 'cyd', 'dan']) await send('ann', 'give', { to, coins: 5 });
  for (const to of ['ann', 'dan']) await send('cyd', 'send', { to, coins: 7 });
  await rig.settle(100);
  const logs = await Promise.all(
    [0, 1, 2, 3].map(async (partition) => ({ partition, entries: await rig.entries(partition) })),
  );
  const published = rig.published.map(({ id }) => id);
  sound = { types: rig.types, logs, commands, published };
});

/** The first record that is so, changed; a change to undefined takes it out of its entry. */
function changed(
  which: (placed: Placed) => boolean,
  change: (record: LogRecord) => LogRecord | undefined,
): Evidence {
  const found = sound.logs.flatMap(placedIn).find(which);
  if (found === undefined) throw new Error('no record is so');
  const logs = sound.logs.map(({ partition, entries }): PartitionLog => {
    if (partition !== found.partition) return { partition, entries };
    return {
      partition,
      entries: entries.map((entry) => {
        const index = found.position - entry.position;
        if (index < 0 || index >= entry.n) return entry;
        const records = decodeGroup(entry.records).flatMap((record, at) =>
          at === index ? (change(record) ?? []) : record,
        );
        const texts = records.map((record) => JSON.stringify(record));
        return { ...entry, n: texts.length, records: encodeGroup(texts) };
      }),
    };
  });
  return { ...sound, logs };
}

const events = (record: LogRecord, coins: number): LogRecord => ({
  ...record,
  events: (record.events ?? []).map((event) => ({ ...event, coins })),
});
const sends = ({ record }: Placed): boolean => record.out !== undefined;
const puts = ({ record }: Placed): boolean => record.external !== undefined;

const scopeOf = (sent: SentCommand | undefined) => sent && { actor: sent.actor, id: sent.id };

test('a sound run has no violations', () => {
  expect(violationsOf(sound)).toEqual([]);
});

describe('damage is found', () => {
  test.each<[string, RegExp, () => Evidence]>([
    ['a record that is gone', /follows position/, () => changed(puts, () => undefined)],
    [
      'time that goes back',
      /time 1 follows/,
      () => changed(sends, (record) => ({ ...record, time: 1 })),
    ],
    [
      'an id that was applied twice',
      /recorded at .* and again/,
      () => changed(sends, (record) => ({ ...record, ...scopeOf(sound.commands[0]) })),
    ],
    [
      'a deferred command without an answer',
      /was never answered/,
      () =>
        changed(
          ({ record }) => record.answers !== undefined,
          ({ answers: _, ...rest }) => rest,
        ),
    ],
    [
      'a message with a number of its own',
      /has number 9/,
      () =>
        changed(sends, (record) => ({
          ...record,
          out: (record.out ?? []).map((message) => ({ ...message, n: 9 })),
        })),
    ],
    [
      'a message that never arrived',
      /messages never arrived/,
      () =>
        changed(
          ({ record }) => record.from !== undefined,
          ({ from: _, ...rest }) => rest,
        ),
    ],
    [
      'money made by an event',
      /it makes \d+ COIN of nothing/,
      () => changed(puts, (record) => events(record, 51)),
    ],
    [
      'an event that the actor would not decide',
      /the actor decides/,
      () => changed(puts, (record) => events(record, 51)),
    ],
    [
      'a reply that the log does not have',
      /was told .*, the log has/,
      () => changed(puts, (record) => ({ ...record, reply: { ok: true, result: {} } })),
    ],
    [
      'a command that was acknowledged and is nowhere',
      /no record answers it/,
      () => changed(puts, ({ id: _, ...rest }) => rest),
    ],
    [
      'a repeat with other bytes',
      /was told/,
      () => ({
        ...sound,
        commands: sound.commands.map((sent) => ({
          ...sent,
          replies: [...sent.replies, (sent.replies[0] ?? '').replace('true', 'true ')],
        })),
      }),
    ],
    [
      'an event that nobody was told',
      /was not published/,
      () => ({ ...sound, published: sound.published?.slice(1) ?? [] }),
    ],
    [
      'events in another order',
      /published after a later event/,
      () => ({ ...sound, published: sound.published?.toReversed() ?? [] }),
    ],
    [
      'an epoch that goes back',
      /follows epoch/,
      () => ({
        ...sound,
        logs: sound.logs.map((log) => ({
          ...log,
          entries: log.entries.map((entry, index) => ({ ...entry, epoch: 9 - index })),
        })),
      }),
    ],
  ])('%s', (_, sentence, damaged) => {
    expect(violationsOf(damaged())).toEqual(
      expect.arrayContaining([expect.stringMatching(sentence)]),
    );
  });

  test('a snapshot that is not what its log adds up to', () => {
    const [actor] = sound.commands.map((sent) => sent.actor);
    if (actor === undefined) throw new Error('there is no actor');
    const { version = 0 } = replay(sound).states.get(actor) ?? {};
    const state = JSON.stringify(sound.types.get('purse')?.start().save());
    const snapshot = { actor, version, position: 1, hash: 'another', state };
    expect(violationsOf({ ...sound, snapshots: [snapshot] })).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/replay gives .* a snapshot has another/),
        expect.stringMatching(/its latest snapshot and the records after it give another state/),
      ]),
    );
    expect(violationsOf({ ...sound, snapshots: [{ ...snapshot, version: version + 1 }] })).toEqual([
      expect.stringMatching(/a snapshot of .*, which is not in the log/),
    ]);
  });

  test('a query that missed what its client had been told', () => {
    const [put] = sound.commands;
    if (put === undefined) throw new Error('there is no command');
    const asked = { actor: put.actor, body: {}, askedAt: 5, answeredAt: 6 };
    const told = {
      ...put,
      verb: 'cmd',
      askedAt: 0,
      answeredAt: 4,
      text: put.replies[0] ?? '',
    } as const;
    const read = { ...asked, verb: 'get', name: 'coins' } as const;
    const fresh = { ...read, text: '{"ok":true,"result":{"coins":50}}' };
    const stale = { ...read, text: '{"ok":true,"result":{"coins":0}}' };
    expect(violationsOf({ ...sound, told: [told, fresh] })).toEqual([]);
    expect(violationsOf({ ...sound, told: [told, stale] })).toEqual([
      expect.stringMatching(/was asked coins at 5 .* in no version from 1 on/),
    ]);
    expect(violationsOf({ ...sound, told: [told, fresh], writtenAt: () => 7 })).toEqual([
      expect.stringMatching(/in no version from 1 on that was there/),
    ]);
  });

  test('events of no log, and a reply to another payload', () => {
    const published = [...(sound.published ?? []), '0:9-9.0'];
    expect(violationsOf({ ...sound, published })).toEqual([
      expect.stringMatching(/^0:9-9\.0 was published, and no log has/),
    ]);
    const [put, ...others] = sound.commands;
    if (put === undefined) throw new Error('there is no command');
    const other = { ...put, body: { coins: 51 } };
    expect(violationsOf({ ...sound, commands: [put, ...others, other] })).toEqual([
      expect.stringMatching(/which answers another payload of that id/),
    ]);
  });
});

describe('what was set aside', () => {
  const aside = { name: 'take', body: {} };
  const from = (n: number) => ({ partition: 2, n, entry: `1-${n}` });
  const wrong = (...records: Omit<LogRecord, 'time' | 'actor' | 'version'>[]): string[] =>
    brokenRetries(
      records.map((record, index) => ({
        partition: 0,
        position: index + 1,
        epoch: 1,
        at: `0:1-${index + 1}`,
        entry: `1-${index + 1}`,
        record: { time: 0, actor: actorKey('purse', 'ann'), version: 1, ...record },
      })),
    );

  test('may be carried out once, and messages in their order', () => {
    const parked = [
      { aside, from: from(1) },
      { aside, from: from(2) },
    ];
    expect(wrong({ aside, id: 'a' }, { retried: 1, id: 'b' })).toEqual([]);
    expect(wrong(...parked, { retried: 1 }, { retried: 2 }, { from: from(3) })).toEqual([]);
  });

  test('is found out when it is carried out twice, out of order, or overtaken', () => {
    const parked = [
      { aside, from: from(1) },
      { aside, from: from(2) },
    ];
    const twice = wrong({ aside, id: 'a' }, { retried: 1, id: 'b' }, { retried: 1, id: 'c' });
    expect(twice).toEqual(['0:1-3 retries a command at 1, where none is set aside']);
    expect(wrong(...parked, { retried: 2 })).toHaveLength(1);
    expect(wrong(...parked, { retried: 1 }, { retried: 1 })).toHaveLength(1);
    expect(wrong(...parked, { from: from(3) })).toEqual([
      '0:1-3 overtakes the message parked at 1',
    ]);
  });

  test('a command without an id that was carried out twice, or answered with what is not there', () => {
    const unnamed = (record: LogRecord): LogRecord => {
      const { hash: _, ...rest } = record;
      return rest;
    };
    const records = sound.logs
      .flatMap(placedIn)
      .map((placed) => ({ ...placed, record: unnamed(placed.record) }));
    const sent = sound.commands.map(({ actor, replies }) => ({ actor, reply: replies[0] }));
    expect(wrongUnnamed(records, sent)).toEqual([]);
    expect(wrongUnnamed(records, sent.slice(1))).toEqual([
      expect.stringMatching(/was sent \d commands without an id and carried out \d/),
    ]);
    const [first, ...others] = sent;
    if (first?.reply === undefined) throw new Error('there is no reply');
    const lie = { ...first, reply: first.reply.replace('50', '51') };
    expect(wrongUnnamed(records, [lie, ...others])).toEqual([
      expect.stringMatching(/is no record that says so/),
    ]);
  });
});
