import { afterAll, expect, test, vi } from 'vitest';
import { expectConserved, newSums } from './audit.ts';
import { chanceOf, type Chance } from './chance.ts';
import { removeFolder, startCluster, temporaryFolder, type Cluster } from './cluster.ts';
import { balancesOf, limitOrder } from './orders.ts';
import { wireOver, type Answer, type Wire } from './wire.ts';

const kills = 10;
const seed = 20_260_217;

vi.setConfig({ testTimeout: 240_000, hookTimeout: 30_000 });

/** A command that was sent, and the text of its reply once it was acknowledged. */
interface Sent {
  readonly actor: string;
  readonly name: string;
  readonly body: unknown;
  readonly id: string;
  acknowledged?: string;
}

/**
 * An account that gets deposits of 1, 2, 4, 8 … KRW: the digits of its balance tell exactly which
 * of them were applied.
 */
interface Counter {
  readonly account: string;
  readonly deposits: Sent[];
}

const bits = 85;
const counters = 30;
const traders = Array.from({ length: 12 }, (_, n) => `account/trader-${n}`);
const symbol = 'KILL';

/** What was sent between one start and the next kill. */
interface Load {
  readonly counters: readonly Counter[];
  readonly orders: readonly Sent[];
}

let cluster: Cluster | undefined;
const data = await temporaryFolder();
afterAll(async () => {
  await cluster?.stop();
  await removeFolder(data);
});

const isOutcome = (answer: Answer): boolean =>
  answer.reply.ok || answer.reply.error?.retryable === false;

/** The machine may be so busy with other tests that a request runs into its timeout. */
const isSilence = (error: unknown): boolean => (error as { code?: unknown }).code === 'TIMEOUT';

/** Puts the cluster under load and kills all of it in the midst of that. */
async function loadAndKill(running: Cluster, round: number, chance: Chance): Promise<Load> {
  const wires = [wireOver(await running.connect()), wireOver(await running.connect())] as const;
  const target = 300 + chance.below(1_800);
  const load = { counters: newCounters(round), orders: [] as Sent[] };
  const state = { acknowledged: 0, killed: false };
  let reached = (): void => {};
  const enough = new Promise<void>((resolve) => (reached = resolve));

  const send = async (wire: Wire, sent: Sent): Promise<void> => {
    while (!state.killed && sent.acknowledged === undefined) {
      try {
        const answer = await wire.cmd(sent.actor, sent.name, sent.body, sent.id);
        if (isOutcome(answer)) sent.acknowledged = answer.text;
      } catch (error) {
        // Its outcome is not known: asked again, at the latest in the next round.
        if (!state.killed && !isSilence(error)) throw error;
      }
    }
    if (sent.acknowledged !== undefined && ++state.acknowledged === target) reached();
  };
  const deposits = load.counters.flatMap((counter) =>
    [0, 1, 2].map(async () => {
      while (!state.killed && counter.deposits.length < bits) {
        await send(wires[0], nextDeposit(counter));
      }
    }),
  );
  const trading = [...traders, ...traders].map(async (account) => {
    while (!state.killed) {
      const order = nextOrder(account, `${round}-${load.orders.length}`, chance);
      load.orders.push(order);
      await send(wires[1], order);
    }
  });
  const clients = Promise.all([...deposits, ...trading]);
  await Promise.race([enough, clients]);
  state.killed = true;
  await running.killAll();
  await running.stop();
  await clients;
  return load;
}

const newCounters = (round: number): Counter[] =>
  Array.from({ length: counters }, (_, n) => ({
    account: `account/counter-${round}-${n}`,
    deposits: [],
  }));

function nextDeposit({ account, deposits }: Counter): Sent {
  const bit = deposits.length;
  const body = { asset: 'KRW', amount: String(1n << BigInt(bit)) };
  const sent = { actor: account, name: 'deposit', body, id: `bit-${bit}` };
  deposits.push(sent);
  return sent;
}

function nextOrder(actor: string, clOrdId: string, chance: Chance): Sent {
  const price = `${95 + chance.below(11)}.${10 + chance.below(90)}`;
  const quantity = `0.${1_000 + chance.below(9_000)}`;
  const body = limitOrder(symbol, chance.pick(['buy', 'sell']), price, quantity, { clOrdId });
  return { actor, name: 'place-order', body, id: clOrdId };
}

/** Acknowledged ⊆ applied ⊆ sent, read before anything is sent again. */
async function expectApplied(wire: Wire, { account, deposits }: Counter): Promise<void> {
  const applied = BigInt((await balancesOf(wire, account))['KRW']?.available ?? '0');
  for (const [bit, { acknowledged }] of deposits.entries()) {
    if (acknowledged === undefined) continue;
    expect([account, bit, (applied >> BigInt(bit)) & 1n]).toEqual([account, bit, 1n]);
  }
  expect(applied >> BigInt(deposits.length)).toBe(0n);
}

/** Sends every command again: the same bytes where there was a reply, an outcome where not. */
async function repeatAll(wire: Wire, commands: readonly Sent[]): Promise<void> {
  const atOnce = 2_000;
  for (let from = 0; from < commands.length; from += atOnce) {
    await Promise.all(
      commands.slice(from, from + atOnce).map(async (sent) => {
        const answer = await wire.insist(sent.actor, sent.name, sent.body, sent.id);
        expect(isOutcome(answer)).toBe(true);
        expect(answer.text).toBe(sent.acknowledged ?? answer.text);
        sent.acknowledged = answer.text;
      }),
    );
  }
}

/** Every deposit that was ever sent is applied, exactly once. */
async function expectAllOnce(wire: Wire, { account, deposits }: Counter): Promise<void> {
  const balance = (await balancesOf(wire, account))['KRW']?.available ?? '0';
  expect([account, balance]).toEqual([account, String((1n << BigInt(deposits.length)) - 1n)]);
}

test(`${kills} kills of the whole cluster lose, double and change nothing`, async () => {
  const chance = chanceOf(seed);
  const external = newSums();
  const everything = opening();
  for (const { body } of everything.filter((sent) => sent.name === 'deposit')) {
    const { asset, amount } = body as { asset: string; amount: string };
    external.add(asset, amount);
  }
  let inFlight = 0;
  let last: Load = { counters: [], orders: [] };
  for (let round = 0; round <= kills; round++) {
    cluster = await startCluster({ data });
    const wire = wireOver(await cluster.connect());
    await Promise.all(last.counters.map((counter) => expectApplied(wire, counter)));
    const commands = [...last.counters.flatMap((counter) => counter.deposits), ...last.orders];
    everything.push(...commands);
    inFlight += commands.filter((sent) => sent.acknowledged === undefined).length;
    await repeatAll(wire, round === 0 || round === kills ? everything : commands);
    await Promise.all(last.counters.map((counter) => expectAllOnce(wire, counter)));
    await expectConserved(wire, { accounts: traders, symbols: [symbol], external });
    if (round < kills) last = await loadAndKill(cluster, round, chance);
  }
  // The kills hit a cluster at work.
  expect(everything.length).toBeGreaterThan(kills * 300);
  expect(inFlight).toBeGreaterThan(kills * 20);
});

/** The symbol, and what the traders begin with. */
function opening(): Sent[] {
  const definition = {
    base: 'BTC',
    quote: 'USD',
    tickSize: '0.01',
    lotSize: '0.0001',
    makerFee: '0.001',
    takerFee: '0.002',
    settlement: 'accounts',
  };
  return [
    { actor: `symbol/${symbol}`, name: 'list', body: definition, id: 'list' },
    ...traders.flatMap((actor) =>
      ['USD', 'BTC'].map((asset) => ({
        actor,
        name: 'deposit',
        body: { asset, amount: '1000000' },
        id: `open-${asset}`,
      })),
    ),
  ];
}
