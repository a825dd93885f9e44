import { expect, test } from 'vitest';
import { exact, expectConserved, newSums } from './audit.ts';
import { chanceOf } from './chance.ts';
import { act, type Trader } from './crowd.ts';
import { balancesOf, bookOf } from './orders.ts';
import { fresh, listedSymbol, useCluster } from './suite.ts';
import { resultOf, wireOver } from './wire.ts';

const suite = useCluster();

test('10,000 commands in flight at once are each answered and each applied once', async () => {
  const wires = [wireOver(await suite.cluster.connect()), wireOver(await suite.cluster.connect())];
  const accounts = Array.from({ length: 250 }, () => `account/${fresh('load')}`);
  const body = { asset: 'KRW', amount: '3' };
  const answers = await Promise.all(
    Array.from({ length: 10_000 }, (_, n) => {
      const account = accounts[n % accounts.length] ?? '';
      return (wires[n % 2] ?? suite.wire).insist(account, 'deposit', body, `d${n}`);
    }),
  );
  expect(answers.filter((answer) => answer.reply.ok)).toHaveLength(10_000);
  expect(new Set(answers.map((answer) => answer.reply.at)).size).toBe(10_000);
  for (const account of accounts) {
    expect(await balancesOf(suite.wire, account)).toEqual({ KRW: { available: '120', held: '0' } });
  }
});

test('a crowd that trades at random neither makes nor loses money and leaves no hold', async () => {
  const { wire } = suite;
  const external = newSums();
  const fees = { makerFee: '0.0007', takerFee: '0.0013' };
  const fine = { ...fees, lotSize: '0.00000001', tickSize: '0.05' };
  const symbols = [await listedSymbol(wire, fees), await listedSymbol(wire, fine)] as const;
  const accounts = Array.from({ length: 12 }, () => `account/${fresh('trader')}`);
  for (const account of accounts) {
    for (const asset of ['USD', 'BTC']) {
      resultOf(await wire.cmd(account, 'deposit', { asset, amount: '500' }));
      external.add(asset, '500');
    }
  }
  await Promise.all(
    accounts.map(async (account, n) => {
      const ask: Trader['ask'] = (name, body) => wire.insist(account, name, body, fresh('c'));
      const trader: Trader = { chance: chanceOf(n + 1), symbols, external, open: [], ask };
      for (let count = 0; count < 150; count++) await act(trader);
    }),
  );
  await expectConserved(wire, { accounts, symbols, external });
  for (const account of accounts) resultOf(await wire.cmd(account, 'cancel-all', {}));
  await expectConserved(wire, { accounts, symbols, external });
  for (const symbol of symbols) expect(await bookOf(wire, symbol)).toEqual({ bids: [], asks: [] });
  for (const account of accounts) {
    for (const { held } of Object.values(await balancesOf(wire, account))) {
      expect(exact(held)).toBe(0n);
    }
  }
});
