import { Empty, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { mappedSubject } from '../../contracts/subjects.ts';
import { wireOver, type Wire } from '../black-box/wire.ts';
import { permissionsOf } from './permissions.ts';
import { startSecured, unprepared, type Secured } from './stage.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

let secured: Secured;
const connections: NatsConnection[] = [];

async function login(user: string): Promise<NatsConnection> {
  const connection = await secured.login(user);
  connections.push(connection);
  return connection;
}
const wireOf = async (user: string): Promise<Wire> => wireOver(await login(user));

beforeAll(async () => {
  secured = await startSecured();
  const operator = await wireOf('operator');
  const list = {
    base: 'BTC',
    quote: 'USD',
    tickSize: '0.01',
    lotSize: '0.0001',
    settlement: 'accounts',
  };
  for (const account of ['account/alice', 'account/bob', 'account/desk'])
    await operator.insist(account, 'deposit', { asset: 'USD', amount: '100.00' }, 'opening');
  await operator.insist('symbol/BTC-USD', 'list', list, 'listing');
});
afterAll(async () => {
  for (const connection of connections) await connection.close();
  await secured?.stop();
});

const order = {
  clOrdId: 'o1',
  symbol: 'BTC-USD',
  side: 'buy',
  type: 'limit',
  timeInForce: 'GTC',
  price: '10',
  quantity: '1',
};

/** A request as it stands, and as the server maps it. */
const bothWays = (subject: string): string[] => [subject, mappedSubject(subject, 'millrace', 64)];

describe.skipIf(unprepared)('each role can do what it may', () => {
  test('an account holder moves money of the own account, trades, looks and listens', async () => {
    const alice = await wireOf('alice');
    const heard: string[] = [];
    const events = alice.connection.subscribe('millrace.evt.account.alice.*', { max: 1 });
    const transfer = { to: 'bob', asset: 'USD', amount: '1.00' };
    expect((await alice.insist('account/alice', 'transfer', transfer, 't1')).reply.ok).toBe(true);
    for await (const { subject } of events) heard.push(subject);
    expect(heard).toEqual(['millrace.evt.account.alice.transfer-sent']);
    expect((await alice.insist('account/alice', 'place-order', order, 'p1')).reply.ok).toBe(true);
    expect((await alice.insist('account/alice', 'cancel-all', {}, 'c1')).reply.ok).toBe(true);
    for (const query of ['balance', 'history', 'orders'])
      expect((await alice.read('account/alice', query)).reply.ok).toBe(true);
  });

  test('a trader places and cancels orders of one account and reads the market', async () => {
    const desk = await wireOf('desk');
    expect((await desk.insist('account/desk', 'place-order', order, 'p1')).reply.ok).toBe(true);
    expect((await desk.read('symbol/BTC-USD', 'book')).reply).toMatchObject({
      result: { bids: [['10.00', '1.0000']] },
    });
    expect((await desk.insist('account/desk', 'cancel-all', {}, 'c1')).reply.ok).toBe(true);
    const permissions = permissionsOf(desk.connection);
    expect(await permissions.maySubscribe('millrace.evt.symbol.BTC-USD.trade')).toBe(true);
  });

  test('an operator lets money in and out, stops symbols and accounts, and sees hosts', async () => {
    const operator = await wireOf('operator');
    const withdrawal = { asset: 'USD', amount: '1.00' };
    const withdrawn = await operator.insist('account/bob', 'withdraw', withdrawal, 'w1');
    expect(withdrawn.reply.ok).toBe(true);
    for (const name of ['halt', 'resume'])
      expect((await operator.insist('symbol/BTC-USD', name, {}, name)).reply.ok).toBe(true);
    const listed = await operator.send('part.3.dead-letters.list', '{}');
    expect(listed.reply).toMatchObject({ ok: true });
    const ping = (await operator.connection.request('$SRV.PING.millrace')).json();
    expect(ping).toMatchObject({ name: 'millrace' });
    const permissions = permissionsOf(operator.connection);
    expect(await permissions.maySubscribe('millrace.evt.>')).toBe(true);
    expect(await permissions.mayPublish('millrace.part.3.states')).toBe(true);
  });

  test('hosts share the partitions, deliver to each other and are refused nothing', async () => {
    const operator = await login('operator');
    await vi.waitFor(
      async () => {
        const owned: number[] = [];
        for await (const { endpoints } of await operator.services.client().stats('millrace')) {
          const data = endpoints?.[0]?.data as { partitions: unknown[] } | undefined;
          owned.push(data?.partitions.length ?? 0);
        }
        expect(owned.filter((count) => count > 0)).toHaveLength(2);
        expect(owned.reduce((sum, count) => sum + count)).toBe(64);
      },
      { timeout: 30_000 },
    );
    const wire = wireOver(operator);
    for (let n = 0; n < 20; n++)
      await wire.insist(`account/far-${n}`, 'deposit', { asset: 'USD', amount: '1.00' }, 'opening');
    const alice = await wireOf('alice');
    for (let n = 0; n < 20; n++) {
      const transfer = { to: `far-${n}`, asset: 'USD', amount: '1.00' };
      const moved = await alice.insist('account/alice', 'transfer', transfer, `far-${n}`);
      expect(moved.reply).toMatchObject({ ok: true });
    }
    for (const host of secured.hosts) expect(host.said()).not.toMatch(/permission|NOPERM/i);
  });

  test('the tools work over TLS with the address alone', async () => {
    const words = ['ask', 'account/alice', 'cancel-all', '{}'];
    expect(JSON.parse(await secured.millrace({ nats: 'alice' }, ...words))).toMatchObject({
      ok: true,
    });
    const letters = await secured.millrace({ nats: 'operator' }, 'dead-letters', 'list', '--json');
    expect(letters).toBe('');
  });
});

describe.skipIf(unprepared)('and nothing else', () => {
  /** What only hosts may say, and nobody may listen to. */
  const hostsOnly = [
    'millrace.part.5.channel',
    'millrace.part.5.batch',
    'millrace.host.first',
    'millrace.host.first.hand-over',
    'millrace.batch.x.1',
    'millrace.evt.account.alice.deposited',
    '_INBOX.alice.x',
    '_INBOX.operator.x',
    '$SYS.REQ.SERVER.PING',
  ];
  const overheard = [
    '>',
    'millrace.>',
    'millrace.cmd.>',
    'millrace.part.>',
    'millrace.part.*.cmd.account.alice.*',
    'millrace.host.>',
    '$SRV.>',
    '_INBOX.>',
    '_INBOX.*.>',
    '_INBOX.host.>',
  ];
  const cmd = (actor: string, ...names: string[]): string[] =>
    names.flatMap((name) => bothWays(`millrace.cmd.${actor}.${name}`));
  const get = (actor: string, ...names: string[]): string[] =>
    names.flatMap((name) => bothWays(`millrace.get.${actor}.${name}`));

  test.each([
    {
      user: 'alice',
      publish: [
        ...cmd('account.bob', 'transfer', 'hold', 'place-order', 'cancel-all', 'batch', 'freeze'),
        ...cmd(
          'account.alice',
          'deposit',
          'withdraw',
          'reverse',
          'freeze',
          'unfreeze',
          'close',
          'batch',
        ),
        ...cmd('symbol.BTC-USD', 'list', 'halt', 'submit'),
        ...get('account.bob', 'balance', 'history', 'orders'),
        'millrace.part.*.cmd.account.bob.transfer',
        'millrace.part.5.dead-letters.list',
        'millrace.part.5.states',
        '$SRV.PING',
        '$SRV.INFO.millrace',
      ],
      subscribe: [
        'millrace.evt.>',
        'millrace.evt.account.*.*',
        'millrace.evt.account.bob.*',
        '_INBOX.desk.>',
      ],
    },
    {
      user: 'desk',
      publish: [
        ...cmd(
          'account.desk',
          'transfer',
          'hold',
          'capture',
          'withdraw',
          'deposit',
          'batch',
          'close',
        ),
        ...cmd('account.alice', 'place-order', 'cancel-order', 'cancel-all', 'replace-order'),
        ...cmd('symbol.BTC-USD', 'list', 'halt', 'resume', 'submit'),
        ...get('account.alice', 'balance', 'orders'),
        ...get('symbol.BTC-USD', 'fees'),
        'millrace.part.5.dead-letters.retry',
        'millrace.part.5.states',
        '$SRV.STATS.millrace',
      ],
      subscribe: [
        'millrace.evt.>',
        'millrace.evt.account.*.*',
        'millrace.evt.account.alice.*',
        '_INBOX.alice.>',
      ],
    },
    {
      user: 'operator',
      publish: [
        ...cmd('account.alice', 'transfer', 'hold', 'place-order', 'cancel-all', 'batch'),
        ...cmd('symbol.BTC-USD', 'submit', 'cancel'),
      ],
      subscribe: ['_INBOX.alice.>', '_INBOX.desk.>'],
    },
  ])(
    '$user is refused everything that is not for that role',
    async ({ user, publish, subscribe }) => {
      const permissions = permissionsOf(await login(user));
      const others = hostsOnly.filter((subject) => !subject.startsWith(`_INBOX.${user}.`));
      for (const subject of [...publish, ...others])
        expect([subject, await permissions.mayPublish(subject)]).toEqual([subject, false]);
      for (const subject of [...subscribe, ...overheard])
        expect([subject, await permissions.maySubscribe(subject)]).toEqual([subject, false]);
    },
  );

  test('a host neither commands nor asks, and answers nowhere but in inboxes', async () => {
    const permissions = permissionsOf(await login('host'));
    for (const subject of [
      ...cmd('account.alice', 'transfer', 'deposit'),
      ...get('account.alice', 'balance'),
      'millrace.part.5.dead-letters.retry',
      '$SRV.PING',
      'anything',
    ])
      expect([subject, await permissions.mayPublish(subject)]).toEqual([subject, false]);
    for (const subject of ['>', '_INBOX.alice.>', '_INBOX.>', 'millrace.evt.>'])
      expect([subject, await permissions.maySubscribe(subject)]).toEqual([subject, false]);
  });

  test('the server checks what it has mapped, so the mapped form of the own account is open', async () => {
    const permissions = permissionsOf(await login('alice'));
    for (const subject of bothWays('millrace.get.account.alice.balance'))
      expect([subject, await permissions.mayPublish(subject)]).toEqual([subject, true]);
    const wire = await wireOf('alice');
    const elsewhere = await wire.send('part.5.get.account.alice.balance', '{}');
    expect(elsewhere.text).toBe((await wire.read('account/alice', 'balance')).text);
  });

  test('no reply of a host becomes an event or a command, whatever address the request gives', async () => {
    const operator = await login('operator');
    const events: string[] = [];
    const listening = operator.subscribe('millrace.evt.>', {
      callback: (_, { subject }) => void events.push(subject),
    });
    await operator.flush();
    const alice = await login('alice');
    for (const reply of ['millrace.evt.account.bob.deposited', 'millrace.cmd.account.bob.freeze'])
      alice.publish('millrace.get.account.alice.balance', Empty, { reply });
    await alice.flush();
    const wire = wireOver(operator);
    const deposit = { asset: 'USD', amount: '1.00' };
    await wire.insist('account/alice', 'deposit', deposit, 'after the forgery');
    await vi.waitFor(() => expect(events).toContain('millrace.evt.account.alice.deposited'));
    expect(events).toEqual(['millrace.evt.account.alice.deposited']);
    listening.unsubscribe();
    expect((await wire.read('account/bob', 'balance')).reply).toMatchObject({
      result: { status: 'open' },
    });
  });

  test('nobody is let in without a password, with a wrong one, or without TLS', async () => {
    const once = { reconnect: false } as const;
    const wrong = { ...once, pass: 'wrong' };
    await expect(secured.login('alice', wrong)).rejects.toMatchObject({
      code: 'AUTHORIZATION_VIOLATION',
    });
    await expect(secured.login('nobody', once)).rejects.toMatchObject({
      code: 'AUTHORIZATION_VIOLATION',
    });
    await expect(secured.login('alice', { ...once, tls: null })).rejects.toThrow();
    await expect(secured.login('alice', { ...once, tls: {} })).rejects.toThrow(/certificate/);
  });
});
