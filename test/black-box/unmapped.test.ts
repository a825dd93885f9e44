import { expect, test } from 'vitest';
import { balancesOf } from './orders.ts';
import { fresh, useCluster } from './suite.ts';
import { resultOf } from './wire.ts';

const suite = useCluster({ mapped: false });

test('a NATS server without the mapping reaches every actor too, once', async () => {
  const accounts = Array.from({ length: 100 }, () => `account/${fresh('a')}`);
  const body = { asset: 'KRW', amount: '2' };
  const answers = await Promise.all(
    accounts.flatMap((account) => [
      suite.wire.cmd(account, 'deposit', body, 'd1'),
      suite.wire.cmd(account, 'deposit', body, 'd1'),
      suite.wire.cmd(account, 'deposit', body),
    ]),
  );
  for (const answer of answers) resultOf(answer);
  for (const account of accounts) {
    expect(await balancesOf(suite.wire, account)).toEqual({ KRW: { available: '4', held: '0' } });
  }
});

test('commands of one connection are judged in the order in which they were sent, whoever owns the account', async () => {
  const accounts = Array.from({ length: 32 }, () => `account/${fresh('ordered')}`);
  const body = { asset: 'USD', amount: '1.00' };
  const sent = accounts.flatMap((account) =>
    Array.from({ length: 20 }, (_, n) =>
      suite.wire.cmd(account, n % 2 ? 'withdraw' : 'deposit', body),
    ),
  );
  // A withdrawal that overtook its deposit would find nothing.
  for (const answer of await Promise.all(sent)) resultOf(answer);
});
