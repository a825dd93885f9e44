/**
 * The soak: a share of the capacity for many minutes, with everything that is bounded turning over
 * many times, to see whether memory and latency stay as they are; then hosts are killed at random
 * moments, to see whether recovery stays short.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { connect } from 'nats';
import { connectRedis } from '../../runtime/redis/connection.ts';
import { natsBus } from '../../runtime/nats/bus.ts';
import { startLocalCluster } from '../local-cluster.ts';
import { probesVariable } from './host-probe.ts';
import { closedLoop, openLoop, type Answer, type Send } from './loops.ts';
import { machine } from './processes.ts';
import type { SoakRecovery, SoakResults, SoakSample, SoakSettings } from './results.ts';
import { killAndWait, type KillOptions } from './soak-kill.ts';
import { prepareMixedLoad } from './soak-load.ts';
import { describeSample, describeSoak } from './soak-report.ts';
import { judge } from './soak-verdict.ts';
import { Watch, type WatchOptions } from './soak-watch.ts';

const partitions = 16;
/** In seconds. */
const samplePeriod = 10;
const replyWindowMs = 10_000;
const fillingSeconds = 60;
const capacitySeconds = 20;

interface Stage extends Omit<KillOptions, 'pid'> {
  readonly watched: WatchOptions;
  readonly tell: (line: string) => void;
  /** Somebody wants it to end: gigabytes of data are to be removed before that. */
  readonly ending: AbortSignal;
}

/** Runs it, prints what came out and tells whether everything held. */
export async function measureSoak(options: SoakSettings & { json: boolean }): Promise<boolean> {
  const { json, ...settings } = options;
  const before = machine();
  const interrupt = new AbortController();
  const ending = interrupt.signal;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interrupt.abort());
  await using stack = new AsyncDisposableStack();
  const stage = await startSoakStage(settings, stack, ending);
  const send = await prepareMixedLoad(stage);
  const capacity = await measureCapacity(send, stage.tell);
  const rate = Math.round(capacity * settings.share);
  stage.tell(`capacity ${Math.round(capacity)} requests a second; sending ${rate}`);
  const soaked = await underLoad(send, rate, stage, settings);
  const findings = judge({ ...soaked, settings });
  const run = { settings, capacity, rate, ...soaked, findings };
  const results: SoakResults = { kind: 'soak', before, after: machine(), ...run };
  console.log(json ? JSON.stringify(results, null, 2) : describeSoak(results));
  return findings.every(({ holds }) => holds);
}

/** A whole cluster as `millrace up` starts it, with hosts that tell of their memory. */
async function startSoakStage(
  settings: SoakSettings,
  stack: AsyncDisposableStack,
  ending: AbortSignal,
): Promise<Stage> {
  const tell = (line: string): void => console.error(line);
  const data = await mkdtemp(join(tmpdir(), 'millrace-soak-'));
  stack.defer(() => rm(data, { recursive: true, force: true }));
  const probes = join(data, 'probes');
  const archive = join(data, 'archive');
  await mkdir(probes);
  const probe = join(import.meta.dirname, `host-probe${extname(import.meta.filename)}`);
  const cluster = await startLocalCluster({
    data,
    hosts: settings.hosts,
    partitions,
    tell,
    signal: ending,
    environment: {
      ...process.env,
      [probesVariable]: probes,
      NODE_OPTIONS: `--import=${pathToFileURL(probe).href}`,
      MILLRACE_REDIS_URL: undefined,
      MILLRACE_NATS_URL: undefined,
      MILLRACE_ARCHIVE_DIR: archive,
      MILLRACE_RETAIN_BYTES: `${settings.retainMiB * 2 ** 20}`,
      MILLRACE_REPLY_WINDOW_MS: `${replyWindowMs}`,
      MILLRACE_ID_WINDOW_MS: `${settings.windowSeconds * 1_000}`,
    },
  });
  stack.defer(() => cluster.stop());
  const connection = await connect({ servers: cluster.nats });
  stack.defer(() => connection.close());
  const redis = await connectRedis(cluster.redis);
  stack.defer(() => redis.close());
  const bus = await natsBus({ url: cluster.nats, name: 'soak' });
  stack.defer(() => bus.close());
  const hosts = (): number[] => cluster.hosts.map(({ pid }) => pid);
  const watched = { redis, bus, hosts, probes, archive };
  return { connection, bus, partitions, watched, tell, ending };
}

/**
 * Requests a second, in a closed loop, once all goes on that will go on: logs are as long as they may be
 * and records go to the archive, accounts have as many closed orders as they keep. Before that a host
 * can do more.
 */
async function measureCapacity(send: Send, tell: Stage['tell']): Promise<number> {
  tell(`the capacity is measured: ${fillingSeconds + capacitySeconds} seconds`);
  await closedLoop({ send, underWay: 256, seconds: fillingSeconds });
  const loop = { send, underWay: 256, seconds: capacitySeconds };
  const { latency, failed, seconds } = await closedLoop(loop);
  return (latency.count - failed) / seconds;
}

/** The load goes on from the first sample to the last recovery. */
async function underLoad(
  send: Send,
  rate: number,
  stage: Stage,
  settings: SoakSettings,
): Promise<Pick<SoakResults, 'samples' | 'recoveries' | 'rewrites' | 'failed'>> {
  const watch = new Watch(stage.watched);
  const over = new AbortController();
  const failures: Failure[] = [];
  const hear = (answer: Answer): void => {
    watch.hear(answer);
    if (answer.done === 0) failures.push({ due: answer.due, ended: performance.now() });
  };
  const load = openLoop({ send, rate, seconds: Infinity, signal: over.signal, hear });
  try {
    const samples = await takeSamples(watch, stage, settings);
    const { rewrites } = watch;
    const outages = await killHosts(watch, stage, settings);
    over.abort();
    await load;
    return { samples, rewrites, ...blame(failures, outages) };
  } finally {
    over.abort();
    await load;
  }
}

async function takeSamples(
  watch: Watch,
  { tell, ending }: Stage,
  { minutes }: SoakSettings,
): Promise<SoakSample[]> {
  const samples: SoakSample[] = [];
  const began = performance.now();
  for (let look = 1; performance.now() - began < minutes * 60_000; look++) {
    const waitMs = Math.max(0, began + look * 1_000 - performance.now());
    await pause(waitMs, undefined, { signal: ending });
    await watch.look();
    if (look % samplePeriod !== 0) continue;
    const sample = await watch.sample();
    samples.push(sample);
    tell(describeSample(sample));
  }
  return samples;
}

/** A request that was refused or not answered, as `performance.now()` tells. */
interface Failure {
  readonly due: number;
  readonly ended: number;
}

/** A kill, until when it was felt, and how it went. */
interface Outage {
  readonly from: number;
  readonly until: number;
  readonly recovery: Omit<SoakRecovery, 'failed'>;
}

async function killHosts(watch: Watch, stage: Stage, { kills }: SoakSettings): Promise<Outage[]> {
  const outages: Outage[] = [];
  for (let kill = 0; kill < kills; kill++) {
    // Checkpoints come at least every half minute: any moment between two of them may be hit.
    const waitMs = 5_000 + Math.random() * 30_000;
    await pause(waitMs, undefined, { signal: stage.ending });
    const { seconds } = watch;
    const hosts = stage.watched.hosts();
    const from = performance.now();
    const recovered = await killAndWait({ ...stage, pid: hosts[kill % hosts.length] ?? 0 });
    outages.push({ from, until: performance.now(), recovery: { ...recovered, seconds } });
    stage.tell(`a host was killed: every partition answers ${Math.round(recovered.ms)} ms later`);
  }
  return outages;
}

/** Counts failures for the kills that explain them: what was under way then, or due meanwhile. */
function blame(
  failures: readonly Failure[],
  outages: readonly Outage[],
): Pick<SoakResults, 'recoveries' | 'failed'> {
  const isIn = ({ due, ended }: Failure, { from, until }: Outage): boolean =>
    from < ended && due < until;
  const recoveries = outages.map((outage) => ({
    ...outage.recovery,
    failed: failures.filter((failure) => isIn(failure, outage)).length,
  }));
  // One that outlasts two kills is counted with both, and explained once.
  const unexplained = failures.filter(
    (failure) => !outages.some((outage) => isIn(failure, outage)),
  );
  return { recoveries, failed: unexplained.length };
}
