/** One run: a cluster under load and faults, then peace, then the verdict. */
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'nats';
import { natsBus } from '../../runtime/nats/bus.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import type { Outage } from '../checkers/evidence.ts';
import { readHosts } from '../hosts.ts';
import { seededRandom } from '../seeded-random.ts';
import { Crowd } from './clients.ts';
import { randomFault, type Below } from './faults.ts';
import { prefix, setStage, type Stage } from './stage.ts';
import { judge } from './verdict.ts';

export interface RunOptions {
  /** An empty folder. */
  readonly data: string;
  /** How long faults happen. */
  readonly seconds: number;
  /** Of the faults and of what clients do; processes keep their own time, so runs still differ. */
  readonly seed: number;
  readonly tell: (line: string) => void;
}

export interface RunReport {
  readonly seconds: number;
  readonly seed: number;
  /** How many of each kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly commands: number;
  readonly acknowledged: number;
  readonly unknownFates: number;
  readonly longestSilenceMs: number;
  /** From the last fault's end until every partition served and every command had its outcome. */
  readonly settledMs: number;
  readonly records: number;
  readonly archived: number;
  readonly events: number;
  /** Empty if every guarantee held. */
  readonly violations: readonly string[];
}

const partitions = 16;
const faultEveryMs = 700;
/** Longer than any fault, its recovery included, and than a host needs to start again. */
const healMsMax = 90_000;

/** Starts everything, lets it suffer, and ends it; rejects if it never comes to rest. */
export async function run({ data, seconds, seed, tell }: RunOptions): Promise<RunReport> {
  const random = seededRandom(seed);
  const below: Below = (end) => Math.floor(random() * end);
  const stage = await setStage({ data, partitions, tell });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => stage.strike());
  const url = stage.nats.url;
  const bus = await natsBus({ url, name: 'clients' });
  stack.defer(() => bus.close());
  const observer = await observe(url);
  stack.defer(() => observer.close());

  const ending = new AbortController();
  const crowd = new Crowd(bus, below, { ending: ending.signal, tell });
  await crowd.open();
  const acting = crowd.act();
  const faults = await harm(stage, { below, seconds, tell });
  ending.abort();
  await acting;
  const healedAt = performance.now();
  const halted = await untilServed(url);
  await crowd.settleAll();
  await crowd.cancelAll();
  const settledMs = performance.now() - healedAt;
  await untilQuiet(url);
  const { published, outages } = observer;
  const verdict = await judge(stage, { commands: crowd.sent, published, outages });
  return {
    seconds,
    seed,
    faults,
    commands: crowd.sent.length,
    acknowledged: crowd.acknowledged,
    unknownFates: crowd.unknownFates,
    longestSilenceMs: Math.round(crowd.longestSilenceMs),
    settledMs: Math.round(settledMs),
    events: new Set(published).size,
    ...verdict,
    violations: [...halted, ...crowd.staleReads, ...verdict.violations],
  };
}

/** More than one fault a second, until the time is over and every victim is well again. */
async function harm(
  stage: Stage,
  { below, seconds, tell }: { below: Below; seconds: number; tell: (line: string) => void },
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const suffering = new Map<string, Promise<void>>();
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    const fault = randomFault(stage, below);
    if (suffering.has(fault.victim)) {
      await pause(20);
      continue;
    }
    counts[fault.kind] = (counts[fault.kind] ?? 0) + 1;
    tell(`${fault.victim}: ${fault.kind}`);
    const befallen = fault.befall().finally(() => suffering.delete(fault.victim));
    suffering.set(fault.victim, befallen);
    await pause(faultEveryMs / 2 + below(faultEveryMs));
  }
  await Promise.all(suffering.values());
  return counts;
}

/** Every event that comes, and when none could come. */
async function observe(url: string) {
  const connection = await connect({
    servers: url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    pingInterval: 1_000,
  });
  const published: string[] = [];
  const outages: Outage[] = [];
  // A host may publish what happened shortly before an outage in it, and learns later that it broke.
  const marginMs = 10_000;
  connection.subscribe(`${prefix}.evt.>`, {
    callback: (_, message) => void published.push(message.headers?.get('Nats-Msg-Id') ?? ''),
  });
  await connection.flush();
  void (async () => {
    let from = 0;
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') from = Date.now() - marginMs;
      if (type === 'reconnect') outages.push({ from, to: Date.now() + marginMs });
    }
  })();
  return { published, outages, close: () => connection.close() };
}

/** Resolves when every partition is served; those that are halted are violations. */
async function untilServed(url: string): Promise<string[]> {
  return within('every partition is served', async () => {
    const reports = await askHosts(url);
    const halted = new Map(
      reports.flatMap((host) => host.halted.map(({ partition, reason }) => [partition, reason])),
    );
    const served = new Set(reports.flatMap((host) => host.partitions.map((one) => one.partition)));
    if (served.size + halted.size < partitions) return undefined;
    return [...halted].map(([partition, reason]) => `partition ${partition} is halted: ${reason}`);
  });
}

/** Resolves when no log grows any more: what moved between actors has arrived. */
async function untilQuiet(url: string): Promise<void> {
  let before = '';
  await within('the logs stop growing', async () => {
    const reports = await askHosts(url);
    const tops = reports
      .flatMap((host) => host.partitions.map((one) => `${one.partition}:${one.position}`))
      .toSorted()
      .join();
    if (tops === before) return true;
    before = tops;
    await pause(1_500);
    return undefined;
  });
}

async function within<T>(claim: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + healMsMax;
  for (;;) {
    const found = await ask().catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`not within ${healMsMax / 1_000} s: ${claim}`);
    await pause(100);
  }
}

async function askHosts(url: string): ReturnType<typeof readHosts> {
  const bus = await natsBus({ url, name: 'verdict' });
  try {
    return await readHosts({ bus, clock: systemClock, random: systemRandom() }, 200);
  } finally {
    await bus.close();
  }
}
