import type { Msg } from 'nats';
import { expect, test } from 'vitest';
import { until } from './condition.ts';
import { limitOrder, place } from './orders.ts';
import { fresh, fundedAccount, listedSymbol, useCluster } from './suite.ts';
import { resultOf, type Answer } from './wire.ts';

const suite = useCluster();

interface Event {
  readonly name: string;
  readonly messageId: string;
  readonly body: { readonly at: string; readonly time: number; readonly version: number };
}

const eventOf = (message: Msg): Event => ({
  name: message.subject.split('.').at(-1) ?? '',
  messageId: message.headers?.get('Nats-Msg-Id') ?? '',
  body: message.json(),
});

/** Collects an actor's events; each is delivered at least once, so repeats are dropped by id. */
async function eventsOf(
  actor: string,
): Promise<{ become(names: readonly string[]): Promise<Event[]> }> {
  const connection = await suite.cluster.connect();
  const seen = new Map<string, Event>();
  connection.subscribe(`millrace.evt.${actor.replace('/', '.')}.*`, {
    callback: (_error, message) => {
      const event = eventOf(message);
      if (!seen.has(event.messageId)) seen.set(event.messageId, event);
    },
  });
  await connection.flush();
  return {
    become: (names) =>
      until(`${actor} publishes ${names.join(', ')}`, () => {
        const events = [...seen.values()];
        return events.map((event) => event.name).join() === names.join() ? events : undefined;
      }).catch((error: unknown) => {
        throw new Error(`seen: ${[...seen.values()].map((event) => event.name).join()}`, {
          cause: error,
        });
      }),
  };
}

/** Each event names its record, in order: `<partition>:<epoch>-<position>.<index>`. */
function expectInOrder(events: readonly Event[]): void {
  for (const { messageId, body } of events) {
    expect(messageId).toMatch(/^\d+:\d+-\d+\.\d+$/);
    expect(messageId.replace(/\.\d+$/, '')).toBe(body.at);
    expect(Math.abs(body.time - Date.now())).toBeLessThan(60_000);
  }
  const versions = events.map((event) => event.body.version);
  expect(versions).toEqual(versions.toSorted((one, other) => one - other));
  const positions = events.map((event) => Number(/-(\d+)\./.exec(event.messageId)?.[1]));
  expect(positions).toEqual(positions.toSorted((one, other) => one - other));
}

test("an account's events are published in order, each with the address of its reply", async () => {
  const account = `account/${fresh('a')}`;
  const events = await eventsOf(account);
  const cash = { asset: 'USD', amount: '2.5', reference: 'order 7' };
  const answers: Answer[] = [];
  for (const [name, body] of [
    ['deposit', cash],
    ['freeze', {}],
    ['freeze', {}],
    ['unfreeze', {}],
    ['withdraw', cash],
    ['close', {}],
  ] as const) {
    answers.push(await suite.wire.cmd(account, name, body));
  }
  const published = await events.become(['deposited', 'frozen', 'unfrozen', 'withdrawn', 'closed']);
  const [deposited, frozen, refrozen, unfrozen, withdrawn, closed] = answers.map(
    (answer) => answer.reply.at,
  );
  expect(refrozen).not.toBe(frozen);
  expect(published.map((event) => event.body.at)).toEqual([
    deposited,
    frozen,
    unfrozen,
    withdrawn,
    closed,
  ]);
  expect(published[0]?.body).toMatchObject({
    asset: 'USD',
    amount: '2.50',
    reference: 'order 7',
    version: 1,
  });
  expect(published[3]?.body).toMatchObject({ asset: 'USD', amount: '2.50', reference: 'order 7' });
  expectInOrder(published);
});

test('order events carry the execution report', async () => {
  const symbol = await listedSymbol(suite.wire);
  const account = await fundedAccount(suite.wire, { USD: '100.00', BTC: '10' });
  const other = await fundedAccount(suite.wire, { USD: '100.00', BTC: '10' });
  const events = await eventsOf(account);
  const order = limitOrder(symbol, 'buy', '10', '3');
  resultOf(await place(suite.wire, account, order));
  resultOf(await place(suite.wire, other, limitOrder(symbol, 'sell', '10', '1')));
  await events.become(['order-accepted', 'order-traded']);
  const clOrdId = fresh('r');
  const change = { origClOrdId: order.clOrdId, clOrdId, price: '9', quantity: '3' };
  resultOf(await suite.wire.cmd(account, 'replace-order', change));
  resultOf(await suite.wire.cmd(account, 'cancel-order', { origClOrdId: clOrdId }));
  await place(suite.wire, account, limitOrder(symbol, 'buy', '10', '99'));
  const published = await events.become([
    'order-accepted',
    'order-traded',
    'order-replaced',
    'order-canceled',
    'order-rejected',
  ]);
  expectInOrder(published);
  expect(published.map((event) => event.body)).toMatchObject([
    {
      clOrdId: order.clOrdId,
      ordStatus: 'New',
      price: '10.00',
      orderQty: '3.0000',
      cumQty: '0.0000',
    },
    {
      clOrdId: order.clOrdId,
      ordStatus: 'PartiallyFilled',
      cumQty: '1.0000',
      fills: [{ quantity: '1.0000' }],
    },
    { clOrdId, price: '9.00', orderQty: '3.0000', cumQty: '1.0000', leavesQty: '2.0000' },
    { clOrdId, ordStatus: 'Canceled', leavesQty: '0.0000' },
    { ordStatus: 'Rejected', orderQty: '99.0000' },
  ]);
});

test("a symbol's events tell everything that happened in its book", async () => {
  const name = fresh('S');
  const symbol = `symbol/${name}`;
  const events = await eventsOf(symbol);
  const definition = { base: 'BTC', quote: 'USD', tickSize: '1', lotSize: '1', settlement: 'none' };
  const order = { side: 'sell', type: 'limit', timeInForce: 'GTC', price: '10', quantity: '2' };
  for (const [command, body] of [
    ['list', definition],
    ['halt', {}],
    ['resume', {}],
    ['submit', { ...order, orderId: 'a' }],
    ['submit', { ...order, orderId: 'b', side: 'buy', quantity: '1' }],
    ['replace', { orderId: 'a', price: '11', quantity: '5' }],
    ['cancel', { orderId: 'a' }],
  ] as const) {
    resultOf(await suite.wire.cmd(symbol, command, body));
  }
  const published = await events.become([
    'listed',
    'halted',
    'resumed',
    'accepted',
    'accepted',
    'trade',
    'replaced',
    'canceled',
  ]);
  expectInOrder(published);
  const bodies = published.map((event) => event.body);
  expect(bodies[3]).toMatchObject({ orderId: 'a', price: '10', quantity: '2' });
  expect(bodies[5]).toMatchObject({
    price: '10',
    quantity: '1',
    makerOrderId: 'a',
    takerOrderId: 'b',
  });
  expect(bodies[6]).toMatchObject({ orderId: 'a', price: '11', quantity: '5' });
  expect(bodies[7]).toMatchObject({ orderId: 'a', quantity: '5' });
});

test('a refusal publishes nothing, and a repeat does not publish again', async () => {
  const account = `account/${fresh('a')}`;
  const events = await eventsOf(account);
  const cash = { asset: 'USD', amount: '1.00' };
  for (let count = 0; count < 3; count++) {
    await suite.wire.cmd(account, 'deposit', cash, 'd1');
    await suite.wire.cmd(account, 'withdraw', { asset: 'USD', amount: '5.00' }, 'w1');
  }
  await suite.wire.cmd(account, 'freeze');
  const published = await events.become(['deposited', 'frozen']);
  expect(published.map((event) => event.body.version)).toEqual([1, 2]);
});
