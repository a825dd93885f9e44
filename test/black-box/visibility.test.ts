import { expect, test } from 'vitest';
import { balancesOf, bookOf, limitOrder, place } from './orders.ts';
import { fresh, fundedAccount, listedSymbol, useCluster } from './suite.ts';
import { expectRefused, partitionOf, readOf, resultOf, wireOver, type Wire } from './wire.ts';

const suite = useCluster();

const wires = (count: number): Promise<Wire[]> =>
  Promise.all(Array.from({ length: count }, async () => wireOver(await suite.cluster.connect())));

test('a balance shows every deposit acknowledged before, over any connection', async () => {
  const [writer, ...readers] = await wires(5);
  const rounds = async (account: string): Promise<void> => {
    for (let count = 1; count <= 40; count++) {
      await writer?.cmd(account, 'deposit', { asset: 'KRW', amount: '1' });
      const seen = await Promise.all(readers.map((reader) => balancesOf(reader, account)));
      for (const balances of seen)
        expect(balances['KRW']).toEqual({ available: String(count), held: '0' });
    }
  };
  await Promise.all(Array.from({ length: 16 }, () => rounds(`account/${fresh('read')}`)));
});

test('reads that race with writes never go back', async () => {
  const [writer, ...readers] = await wires(4);
  const account = `account/${fresh('race')}`;
  await writer?.cmd(account, 'deposit', { asset: 'KRW', amount: '1' });
  const acknowledged = { sum: 1 };
  const writing = Promise.all(
    Array.from({ length: 300 }, async () => {
      const result = resultOf<{ available: string }>(
        await (writer as Wire).cmd(account, 'deposit', { asset: 'KRW', amount: '1' }),
      );
      acknowledged.sum = Math.max(acknowledged.sum, Number(result.available));
    }),
  );
  const reading = readers.map(async (reader) => {
    for (let last = 0; last < 301;) {
      const floor = Math.max(last, acknowledged.sum);
      last = Number((await balancesOf(reader, account))['KRW']?.available);
      expect(last).toBeGreaterThanOrEqual(floor);
    }
  });
  await Promise.all([writing, ...reading]);
});

test('the book shows an order as soon as its account has the answer', async () => {
  const [reader] = await wires(1);
  const symbol = await listedSymbol(suite.wire, { lotSize: '1' });
  const accounts = await Promise.all(
    Array.from({ length: 8 }, () => fundedAccount(suite.wire, { USD: '10000.00' })),
  );
  for (let count = 1; count <= 40; count++) {
    const account = accounts[count % accounts.length] ?? '';
    resultOf(await place(suite.wire, account, limitOrder(symbol, 'buy', '10', '1')));
    expect(await bookOf(reader as Wire, symbol)).toEqual({
      bids: [['10.00', String(count)]],
      asks: [],
    });
  }
});

test('an order placed and its balance agree at once', async () => {
  const symbol = await listedSymbol(suite.wire);
  const account = await fundedAccount(suite.wire, { USD: '1000.00' });
  for (let count = 1; count <= 30; count++) {
    resultOf(await place(suite.wire, account, limitOrder(symbol, 'buy', '1', '1')));
    const { USD } = await balancesOf(suite.wire, account);
    expect(USD).toEqual({ available: `${1_000 - count}.00`, held: `${count}.00` });
    const { orders } = readOf<{ orders: unknown[] }>(
      await suite.wire.get(account, 'orders', { limit: 500 }),
    );
    expect(orders).toHaveLength(count);
  }
});

test('once halt is answered no partition lets an order in; after resume all do', async () => {
  const symbol = await listedSymbol(suite.wire);
  const accounts: string[] = [];
  const partitions = new Set<number>();
  while (partitions.size < suite.cluster.partitions) {
    const account = `account/${fresh('spread')}`;
    const opened = await suite.wire.cmd(account, 'deposit', { asset: 'USD', amount: '100.00' });
    accounts.push(account);
    partitions.add(partitionOf(opened));
  }
  const placeAll = () =>
    Promise.all(
      accounts.map((account) => place(suite.wire, account, limitOrder(symbol, 'buy', '1', '1'))),
    );
  for (const answer of await placeAll()) resultOf(answer);
  for (let round = 0; round < 3; round++) {
    expect(resultOf(await suite.wire.cmd(`symbol/${symbol}`, 'halt'))).toEqual({
      status: 'halted',
    });
    for (const answer of await placeAll()) expectRefused(answer, 'symbol/halted');
    expect(resultOf(await suite.wire.cmd(`symbol/${symbol}`, 'resume'))).toEqual({
      status: 'trading',
    });
    for (const answer of await placeAll()) resultOf(answer);
  }
  resultOf(await suite.wire.cmd(`symbol/${symbol}`, 'halt'));
  const canceled = await Promise.all(
    accounts.map((account) => suite.wire.cmd(account, 'cancel-all', { symbol })),
  );
  for (const answer of canceled) expect(resultOf(answer)).toEqual({ canceled: 4 });
});
