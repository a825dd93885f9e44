import { describe, expect, test } from 'vitest';
import { actorKey, parseActorKey, splitActorKey } from '../../contracts/ids.ts';
import { encodeReply, refusal, success } from '../../contracts/reply.ts';
import { subjectsUnder } from '../../contracts/subjects.ts';

describe('subjects', () => {
  const subjects = subjectsUnder('mill.race');
  const alice = actorKey('account', 'alice');

  test('a request is read back as what it was built from, mapped or not', () => {
    const subject = subjects.request('cmd', alice, 'deposit');
    expect(subject).toBe('mill.race.cmd.account.alice.deposit');
    const target = { verb: 'cmd', actor: alice, type: 'account', name: 'deposit' };
    expect(subjects.parse(subject)).toEqual(target);
    expect(subjects.parse('mill.race.part.17.cmd.account.alice.deposit')).toEqual(target);
  });

  test.each(['_INBOX.a.b', 'mine', 'mill.racer', 'mill.race.batch.n.1'])('%s takes replies', (at) =>
    expect(subjects.takesReplies(at)).toBe(true),
  );

  test.each(['cmd.account.a.freeze', 'evt.account.a.deposited', 'part.1.channel', 'host.a'])(
    '%s takes none: there a reply would be said by a host',
    (path) => expect(subjects.takesReplies(`mill.race.${path}`)).toBe(false),
  );

  test.each([
    'cmd.account.alice',
    'cmd.account.a.b.c',
    'cmd.Account.a.b',
    'cmd.account.*.b',
    'evt.account.a.b',
  ])('%s is not a request', (path) => expect(subjects.parse(`mill.race.${path}`)).toBeUndefined());
});

test('an actor key is two well-formed halves', () => {
  expect(splitActorKey(actorKey('account', 'a-b_C'))).toEqual({ type: 'account', id: 'a-b_C' });
  for (const text of [
    'alice',
    '/alice',
    'account/',
    'account/a/b',
    'Account/a',
    `account/${'x'.repeat(65)}`,
  ]) {
    expect(parseActorKey(text)).toBeUndefined();
  }
});

test('a reply on the wire carries the address of its record, if it has one', () => {
  expect(encodeReply(success({ a: 1 }), '17:3-4711')).toBe(
    '{"ok":true,"at":"17:3-4711","result":{"a":1}}',
  );
  expect(JSON.parse(encodeReply(refusal('runtime/busy')))).toMatchObject({
    ok: false,
    error: { code: 'runtime/busy', retryable: true },
  });
});
