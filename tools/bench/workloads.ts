/** What the benchmark asks of the system; every command carries an id, as a careful client's does. */
import { setTimeout as pause } from 'node:timers/promises';
import { headers, type MsgHdrs, type NatsConnection } from 'nats';
import { actorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import type { Send } from './loops.ts';

const patienceMs = 20_000;
const depositBody = '{"asset":"USD","amount":"1.00"}';
/** About what a deposit's reply has. */
export const replyBytes = 90;

/** Ids that no other run has used. */
const run = `${process.pid}-${Date.now().toString(36)}`;
let ids = 0;
/** An id that nothing was sent with before. */
export const nextId = (): string => `${run}-${(ids++).toString(36)}`;

function withId(): MsgHdrs {
  const carried = headers();
  carried.set('Nats-Msg-Id', nextId());
  return carried;
}

/** Bare NATS: the bytes of a deposit to a process that only echoes. */
export const echo =
  (connection: NatsConnection): Send =>
  async () => {
    const options = { timeout: patienceMs, headers: withId() };
    await connection.request('bench.echo', depositBody, options);
    return 1;
  };

/** One deposit a request, over so many accounts. */
export const deposit =
  (connection: NatsConnection, accounts: number): Send =>
  async (n) => {
    const subject = `millrace.cmd.account.a${(n * 7919) % accounts}.deposit`;
    const options = { timeout: patienceMs, headers: withId() };
    const reply = await connection.request(subject, depositBody, options);
    return isOk(reply.data) ? 1 : 0;
  };

/** One command with a new id; resolves with 1, or with 0 if it was refused. */
export async function sendCommand(
  connection: NatsConnection,
  path: string,
  body: object,
): Promise<number> {
  const options = { timeout: patienceMs, headers: withId() };
  const reply = await connection.request(`millrace.cmd.${path}`, JSON.stringify(body), options);
  return isOk(reply.data) ? 1 : 0;
}

/** One linearizable query a request. */
export const balance =
  (connection: NatsConnection, accounts: number): Send =>
  async (n) => {
    const subject = `millrace.get.account.a${(n * 7919) % accounts}.balance`;
    const reply = await connection.request(subject, '', { timeout: patienceMs });
    return isOk(reply.data) ? 1 : 0;
  };

interface Batched {
  readonly actor: string;
  readonly name: string;
  readonly body: object;
}

const batchSize = 100;

/** Batches of 100 deposits to the accounts of one partition. */
export function depositBatches(
  connection: NatsConnection,
  { accounts, partitions }: { readonly accounts: number; readonly partitions: number },
): Send {
  const homes = accountsByPartition(accounts, partitions);
  return (n) => {
    const partition = n % partitions;
    const home = homes[partition] ?? [];
    const commands = Array.from({ length: batchSize }, (_, index) => ({
      actor: `account/${home[(n * 7919 + index * 104_729) % home.length]}`,
      ...depositCommand,
    }));
    return sendBatch(connection, partition, commands);
  };
}

const depositCommand = { name: 'deposit', body: { asset: 'USD', amount: '1.00' } };

/** One deposit to each of so many accounts, 100 at a time; throws if some cannot be made. */
export const openAccounts = (connection: NatsConnection, some: Accounts): Promise<void> =>
  depositToEach(connection, some, depositCommand);

/** The same with more money than a benchmark can move. */
export const fundAccounts = (connection: NatsConnection, some: Accounts): Promise<void> =>
  depositToEach(connection, some, { name: 'deposit', body: { asset: 'USD', amount: '1000000' } });

interface Accounts {
  readonly accounts: number;
  readonly partitions: number;
}

async function depositToEach(
  connection: NatsConnection,
  { accounts, partitions }: Accounts,
  deposit: { readonly name: string; readonly body: object },
): Promise<void> {
  const homes = accountsByPartition(accounts, partitions);
  const openHome = async (home: readonly string[], partition: number): Promise<void> => {
    for (let from = 0; from < home.length; from += batchSize) {
      const some = home.slice(from, from + batchSize);
      const commands = some.map((name) => ({ actor: `account/${name}`, ...deposit }));
      await insistOnBatch(connection, partition, commands);
    }
  };
  await Promise.all(homes.map(openHome));
}

/** Batches of 50 resting sells, then 50 buys that take them: every order is held, matched, settled. */
export function orderBatches(
  connection: NatsConnection,
  { traders, symbols, partitions }: { traders: number; symbols: number; partitions: number },
): Send {
  const homes = byPartition(traders, partitions, (n) => `t${n}`);
  const used = homes.map((_, partition) => partition).filter((p) => (homes[p]?.length ?? 0) > 0);
  return (n) => {
    const partition = used[(n >> 1) % used.length] ?? 0;
    const home = homes[partition] ?? [];
    const side = n % 2 === 0 ? 'sell' : 'buy';
    const commands = Array.from({ length: batchSize }, (_, index) => ({
      actor: `account/${home[(n * 31 + index) % home.length]}`,
      name: 'place-order',
      body: order(side, (n + index) % symbols),
    }));
    return sendBatch(connection, partition, commands);
  };
}

/** One order a request, alternately resting and taking. */
export const orders =
  (connection: NatsConnection, { traders, symbols }: { traders: number; symbols: number }): Send =>
  async (n) => {
    const subject = `millrace.cmd.account.t${(n * 7919) % traders}.place-order`;
    const body = JSON.stringify(order(n % 2 === 0 ? 'sell' : 'buy', (n >> 1) % symbols));
    const options = { timeout: patienceMs, headers: withId() };
    const reply = await connection.request(subject, body, options);
    return isOk(reply.data) ? 1 : 0;
  };

const order = (side: 'buy' | 'sell', symbol: number): object => ({
  clOrdId: nextId(),
  symbol: `S${symbol}-USD`,
  side,
  type: 'limit',
  timeInForce: 'GTC',
  price: '10.00',
  quantity: '0.01',
  selfTradePrevention: 'NONE',
});

/** An account has so many assets at most, so many symbols share a base. */
const basesMax = 10;
const baseOf = (symbol: number): string => `S${symbol % basesMax}`;

/** Lists the symbols and gives each trader plenty of both sides' assets. */
export async function prepareTrading(
  connection: NatsConnection,
  { traders, symbols }: { traders: number; symbols: number },
): Promise<void> {
  for (let n = 0; n < symbols; n++) {
    await insist(connection, `symbol.S${n}-USD.list`, {
      base: baseOf(n),
      quote: 'USD',
      tickSize: '0.01',
      lotSize: '0.01',
      makerFee: '0.001',
      takerFee: '0.002',
      settlement: 'accounts',
    });
  }
  for (let n = 0; n < traders; n++) {
    const deposits = [
      { name: 'deposit', body: { asset: 'USD', amount: '1000000000' } },
      ...Array.from({ length: Math.min(symbols, basesMax) }, (_, symbol) => ({
        name: 'deposit',
        body: { asset: baseOf(symbol), amount: '1000000000' },
      })),
    ];
    await insist(connection, `account.t${n}.batch`, { commands: deposits });
  }
}

async function insist(connection: NatsConnection, path: string, body: object): Promise<void> {
  const options = { timeout: patienceMs };
  const reply = await connection.request(`millrace.cmd.${path}`, JSON.stringify(body), options);
  if (!isOk(reply.data)) throw new Error(`${path} was refused: ${reply.string()}`);
}

/** A batch to one partition; resolves with how many commands it had, 0 if one was refused. */
export async function sendBatch(
  connection: NatsConnection,
  partition: number,
  batch: readonly Batched[],
): Promise<number> {
  const accepted = await sendPayload(connection, partition, { payload: payloadOf(batch) });
  return accepted ? batch.length : 0;
}

/** Sends a batch with the same ids until it is accepted: silence and busy mean to ask again. */
async function insistOnBatch(
  connection: NatsConnection,
  partition: number,
  batch: readonly Batched[],
): Promise<void> {
  const payload = payloadOf(batch);
  for (let attempt = 0; attempt < 20; attempt++) {
    const sent = sendPayload(connection, partition, { payload, timeout: 3_000 });
    if (await sent.catch(() => false)) return;
    await pause(200);
  }
  throw new Error(`partition ${partition} does not accept a batch, however often it is sent`);
}

const payloadOf = (batch: readonly Batched[]): string =>
  JSON.stringify({ commands: batch.map((command) => ({ id: nextId(), ...command })) });

/** Whether all commands of the batch were accepted. */
async function sendPayload(
  connection: NatsConnection,
  partition: number,
  { payload, timeout = patienceMs }: { readonly payload: string; readonly timeout?: number },
): Promise<boolean> {
  const subject = `millrace.part.${partition}.batch`;
  const reply = await connection.request(subject, payload, { timeout });
  // Parsing 100 replies would measure the generator: a refusal is rare and has this in it.
  return !reply.string().includes('"ok":false');
}

/** The first so many accounts, by the partition that they belong to. */
export const accountsByPartition = (accounts: number, partitions: number): string[][] =>
  byPartition(accounts, partitions, (n) => `a${n}`);

function byPartition(count: number, partitions: number, name: (n: number) => string): string[][] {
  const homes: string[][] = Array.from({ length: partitions }, () => []);
  for (let n = 0; n < count; n++) {
    homes[partitionOf(actorKey('account', name(n)), partitions)]?.push(name(n));
  }
  return homes;
}

const okBytes = Buffer.from('{"ok":true');
const isOk = (payload: Uint8Array): boolean => okBytes.equals(payload.subarray(0, okBytes.length));
