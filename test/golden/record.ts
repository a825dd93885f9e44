/**
 * Records golden logs of the format that this build writes: `npm run golden -- 2`. A format's folder
 * is written once, when what is released writes or reads something that the last one does not hold,
 * and never again: an old log that no longer replays is a fault of the build, not of the log.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { symbolActor } from '../../actors/symbol.ts';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { defaultScales } from '../../contracts/money.ts';
import type { Evidence, SentCommand } from '../../tools/checkers/evidence.ts';
import { simulate } from '../../tools/sim/simulate.ts';
import { exchange, scales } from '../../tools/sim/exchange.ts';
import { Rig } from '../runtime/rig.ts';
import { workload as transfers } from '../sim/transfers.ts';
import { keepCorpus, type Run } from './corpus.ts';

const [format = ''] = process.argv.slice(2);
if (!/^\d+$/.test(format) || existsSync(join(import.meta.dirname, format))) {
  console.error('Name the number of a format that has no folder here yet: npm run golden -- 2');
  process.exit(2);
}
await keepCorpus(`${format}/exchange`, { ...(await simulated('3', exchange)), scales });
await keepCorpus(`${format}/transfers`, {
  ...(await simulated('3', transfers)),
  scales: defaultScales,
});
await keepCorpus(`${format}/directed`, await directed());

async function simulated(seed: string, workload: typeof exchange): Promise<Evidence> {
  let found: Evidence | undefined;
  const { complaints } = await simulate({
    seed,
    workload,
    onEvidence: (evidence) => (found = evidence),
  });
  if (found === undefined || complaints.length > 0) throw new Error(complaints[0]);
  return found;
}

/** What a simulation need not come to: halts, reversals, failures, parked messages, their retries. */
async function directed(): Promise<Run> {
  const rig = new Rig({ partitions: 2, keepCommands: true, limits: { strikesMax: 1 } });
  rig.types.set('symbol', symbolActor(defaultScales));
  await rig.startAll();
  const commands: SentCommand[] = [];
  const send = async (actor: ActorKey, name: string, body: JsonObject = {}): Promise<string> => {
    const id = `golden-${commands.length}`;
    commands.push({ actor, name, body, id, replies: [] });
    const answered = await rig.within(rig.command(actor, name, body, id));
    const { at } = JSON.parse(answered?.text ?? '{}') as { at?: string };
    if (at === undefined) throw new Error(`${actor} ${name} has no record: ${answered?.text}`);
    return at;
  };
  await tradedUnderHalts(send);
  await failed(rig, send);
  await rig.settle(100);
  const logs = [0, 1].map(async (partition) => ({
    partition,
    entries: await rig.entries(partition),
  }));
  return { logs: await Promise.all(logs), commands, scales: defaultScales };
}

type Send = (actor: ActorKey, name: string, body?: JsonObject) => Promise<string>;

async function tradedUnderHalts(send: Send): Promise<void> {
  const [btc, ann, bob] = [
    actorKey('symbol', 'BTC-USD'),
    actorKey('account', 'ann'),
    actorKey('account', 'bob'),
  ];
  const terms = { symbol: 'BTC-USD', type: 'limit', price: '100', quantity: '2' };
  const order = (side: string, clOrdId: string) => ({
    ...terms,
    side,
    clOrdId,
    timeInForce: 'GTC',
  });
  await send(btc, 'list', {
    base: 'BTC',
    quote: 'USD',
    tickSize: '0.01',
    lotSize: '0.0001',
    makerFee: '0.001',
    takerFee: '0.002',
    settlement: 'accounts',
  });
  const deposit = await send(ann, 'deposit', { asset: 'USD', amount: '7' });
  await send(ann, 'deposit', { asset: 'USD', amount: '1000' });
  await send(bob, 'deposit', { asset: 'BTC', amount: '5' });
  await send(ann, 'reverse', { of: deposit });
  await send(btc, 'halt');
  await send(ann, 'place-order', order('buy', 'halted'));
  await send(btc, 'resume');
  await send(ann, 'place-order', order('buy', 'one'));
  await send(bob, 'place-order', order('sell', 'two'));
  await send(bob, 'place-order', order('sell', 'three'));
  await send(bob, 'cancel-order', { origClOrdId: 'three' });
  await send(ann, 'withdraw', { asset: 'USD', amount: '3' });
  await send(bob, 'freeze');
  await send(bob, 'withdraw', { asset: 'BTC', amount: '1' });
}

/** Failing commands halt a purse; what comes meanwhile is parked, and applied once it goes on. */
async function failed(rig: Rig, send: Send): Promise<void> {
  const [eve, fay] = [rig.purse('eve'), rig.purse('fay')];
  await send(eve, 'put', { coins: 9 });
  await send(fay, 'put', { coins: 4 });
  for (const how of ['crash-judgement', 'crash-machine']) await send(fay, how);
  await send(eve, 'send', { to: 'fay', coins: 2 });
  await rig.settle(20);
  await rig.within(rig.attend(rig.home(fay), { verb: 'retry', actor: fay }));
  await send(eve, 'promise', { to: 'fay', coins: 1, inMs: 30 });
  await send(eve, 'give', { to: 'fay', coins: 1 });
}
