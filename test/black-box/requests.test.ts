import { describe, expect, test } from 'vitest';
import { expectRefused, expectUnanswered, readOf, resultOf } from './wire.ts';
import { fresh, fundedAccount, useCluster } from './suite.ts';

const suite = useCluster();
const deposit = (account: string) => `cmd.${account.replace('/', '.')}.deposit`;
const cents = { asset: 'USD', amount: '1.00' };

/** Valid JSON of a deposit, padded with blanks to exactly this many bytes. */
const paddedTo = (bytes: number): string => JSON.stringify(cents).padEnd(bytes, ' ');

describe('bodies', () => {
  test.each([
    '{',
    '{"asset":"USD"',
    '{"asset":"USD","amount":"1.00",}',
    "{'asset':'USD'}",
    '{} {}',
    'NaN',
    'null',
    'true',
    '12',
    '"text"',
    '[]',
    '[{"asset":"USD","amount":"1.00"}]',
  ])('the body %s is malformed', async (body) => {
    const answer = await suite.wire.send(deposit(`account/${fresh('a')}`), body);
    expectRefused(answer, 'request/malformed');
  });

  test('invalid UTF-8 is malformed, also inside a string', async () => {
    const account = await fundedAccount(suite.wire, { USD: '1.00' });
    const head = Buffer.from('{"asset":"USD","amount":"1.00","reference":"');
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const body = Buffer.concat([head, Buffer.from(bytes), Buffer.from('"}')]);
      expectRefused(await suite.wire.send(deposit(account), body), 'request/malformed');
    }
    expect(readOf(await suite.wire.get(account, 'balance'))).toMatchObject({
      balances: { USD: { available: '1.00' } },
    });
  });

  test('an empty body is the empty object', async () => {
    const account = await fundedAccount(suite.wire, { USD: '1.00' });
    expect(resultOf(await suite.wire.cmd(account, 'freeze'))).toEqual({ status: 'frozen' });
    expect(resultOf(await suite.wire.cmd(account, 'freeze', {}))).toEqual({ status: 'frozen' });
    expectRefused(await suite.wire.cmd(account, 'deposit'), 'request/malformed');
  });

  test('a body of 64 KiB is taken, one byte more is too large', async () => {
    const account = `account/${fresh('a')}`;
    resultOf(await suite.wire.send(deposit(account), paddedTo(65_536)));
    expectRefused(await suite.wire.send(deposit(account), paddedTo(65_537)), 'request/too-large');
    expectRefused(
      await suite.wire.send(deposit(account), paddedTo(1_000_000)),
      'request/too-large',
    );
    const query = `get.${account.replace('/', '.')}.balance`;
    expectUnanswered(await suite.wire.send(query, '{}'.padEnd(65_537)), 'request/too-large');
  });

  test.each([
    'colour',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'name',
    'ASSET',
    '',
  ])('the unknown field "%s" is malformed and named', async (field) => {
    const account = `account/${fresh('a')}`;
    const body = `{"asset":"USD","amount":"1.00",${JSON.stringify(field)}:{"polluted":true}}`;
    const answer = await suite.wire.send(deposit(account), body);
    expectRefused(answer, 'request/malformed');
    expect(answer.reply.error?.message).toContain(field);
    expect(readOf(await suite.wire.get(account, 'balance'))).toEqual({
      status: 'none',
      balances: {},
    });
  });

  test('an unknown field of a query is malformed and named', async () => {
    const answer = await suite.wire.get('account/nobody', 'balance', { colour: 'red' });
    expectUnanswered(answer, 'request/malformed');
    expect(answer.reply.error?.message).toContain('colour');
  });

  test('deep nesting and huge arrays are refused and harm nobody', async () => {
    const account = await fundedAccount(suite.wire, { USD: '1.00' });
    const deep = '['.repeat(30_000) + ']'.repeat(30_000);
    const deepObjects = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);
    const wide = `[${'0,'.repeat(30_000)}0]`;
    for (const value of [deep, deepObjects, wide]) {
      const body = `{"asset":"USD","amount":${value}}`;
      expectRefused(await suite.wire.send(deposit(account), body), 'request/malformed');
    }
    expect(resultOf(await suite.wire.cmd(account, 'deposit', cents))).toMatchObject({
      available: '2.00',
    });
  });
});

describe('subjects', () => {
  const long = 'x'.repeat(65);
  test.each([
    'cmd.account.alice',
    'cmd.account.alice.deposit.now',
    'cmd.account.a.b.c.d.deposit',
    'cmd.Account.alice.deposit',
    'cmd.1account.alice.deposit',
    'cmd.acc_ount.alice.deposit',
    `cmd.account.${long}.deposit`,
    'cmd.account.al!ce.deposit',
    'cmd.account.al%20ce.deposit',
    'cmd.account.älice.deposit',
    'cmd.account.al/ice.deposit',
    "cmd.account.al'ice.deposit",
    'cmd.account.*.deposit',
    'cmd.account.a>b.deposit',
    'cmd.*.alice.deposit',
    'cmd.account.$al.deposit',
    'cmd.account.{al}.deposit',
    'cmd.account.😀.deposit',
  ])('the subject millrace.%s is malformed', async (path) => {
    const answer = await suite.wire.send(path, JSON.stringify(cents));
    expectRefused(answer, 'request/malformed');
  });

  test.each([
    'get.account.alice',
    'get.account.alice.balance.now',
    'get.Account.alice.balance',
    'get.account.*.balance',
  ])('the subject millrace.%s is malformed', async (path) =>
    expectUnanswered(await suite.wire.send(path, ''), 'request/malformed'),
  );

  test('ids of 1 to 64 characters are taken, upper and lower case apart', async () => {
    for (const id of ['a', 'A', '0', '-', '_', 'x'.repeat(64), '__proto__', 'constructor']) {
      const answer = await suite.wire.cmd(`account/${id}`, 'deposit', cents);
      expect(resultOf(answer)).toEqual({ asset: 'USD', available: '1.00', held: '0.00' });
    }
  });

  test.each(['planet', 'accounts', 'constructor', 'a'])('the type %s is unknown', async (type) => {
    expectRefused(await suite.wire.cmd(`${type}/x`, 'deposit', cents), 'runtime/unknown-type');
    expectUnanswered(await suite.wire.get(`${type}/x`, 'balance'), 'runtime/unknown-type');
  });

  test.each(['explode', 'Deposit', 'balance', 'constructor', '__proto__', 'toString', 'list'])(
    'an account has no command %s',
    async (name) =>
      expectRefused(await suite.wire.cmd('account/x', name, {}), 'runtime/unknown-command'),
  );

  test.each(['explode', 'deposit', 'constructor', '__proto__', 'batch'])(
    'an account has no query %s',
    async (name) =>
      expectUnanswered(await suite.wire.get('account/x', name), 'runtime/unknown-command'),
  );
});

describe('headers', () => {
  const withId = (account: string, id: string) =>
    suite.wire.send(deposit(account), JSON.stringify(cents), { 'Nats-Msg-Id': id });

  test('a command id has 1 to 128 printable characters', async () => {
    const account = `account/${fresh('a')}`;
    resultOf(await withId(account, 'x'));
    resultOf(await withId(account, '!~{}[]":;,./<>?|\\'));
    resultOf(await withId(account, 'y'.repeat(128)));
    expectRefused(await withId(account, 'z'.repeat(129)), 'request/malformed');
    expectRefused(await withId(account, 'bell\u0007'), 'request/malformed');
    expectRefused(await withId(account, 'delete\u007f'), 'request/malformed');
  });

  test('a reply carries the trace of its request', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
    const path = deposit(`account/${fresh('a')}`);
    const answer = await suite.wire.send(path, JSON.stringify(cents), { traceparent });
    expect(answer.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  });

  test('a malformed traceparent harms nothing', async () => {
    for (const traceparent of [
      '',
      'x',
      `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`,
      'y'.repeat(5_000),
    ]) {
      const path = deposit(`account/${fresh('a')}`);
      resultOf(await suite.wire.send(path, JSON.stringify(cents), { traceparent }));
    }
  });
});
