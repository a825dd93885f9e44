/**
 * Watches a cluster under load: latencies as they come, and what everything has come to whenever a
 * sample is taken. Owns the counts since the last sample, and the latencies of single deposits apart
 * for the time in which Redis was rewriting its file.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Bus } from '../../runtime/bus.ts';
import type { Connection } from '../../runtime/redis/connection.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { readHosts } from '../hosts.ts';
import { Histogram } from './histogram.ts';
import { HostProbe } from './host-probe.ts';
import type { Answer } from './loops.ts';
import { machineCpuMs, ownCpuMs } from './processes.ts';
import type { Latency, SoakSample } from './results.ts';
import { kindOf, type Kind } from './soak-load.ts';

export interface WatchOptions {
  readonly redis: Connection;
  readonly bus: Bus;
  /** The process ids of the hosts as they run now. */
  readonly hosts: () => readonly number[];
  /** Where their probes write. */
  readonly probes: string;
  readonly archive: string;
}

const reportMs = 200;
const mebi = 2 ** 20;

export class Watch {
  readonly #options: WatchOptions;
  readonly #began = performance.now();
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });
  #since = this.#began;
  #cpu = { ours: ownCpuMs(), all: machineCpuMs() };
  #done = 0;
  #failed = 0;
  #latencies = freshLatencies();
  #rewriting = false;
  readonly #whileRewriting = new Histogram();
  readonly #otherwise = new Histogram();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#delay.enable();
  }

  /** Since the load began. */
  get seconds(): number {
    return (performance.now() - this.#began) / 1_000;
  }

  hear({ n, ms, done }: Answer): void {
    if (done === 0) {
      this.#failed++;
      return;
    }
    this.#done += done;
    const kind = kindOf(n);
    this.#latencies[kind].add(ms);
    if (kind === 'deposit') (this.#rewriting ? this.#whileRewriting : this.#otherwise).add(ms);
  }

  /** Finds out whether Redis is rewriting its file; to be asked about once a second. */
  async look(): Promise<void> {
    this.#rewriting = (await this.#redisInfo('persistence'))('aof_rewrite_in_progress') === 1;
  }

  /** Single deposits answered while Redis was rewriting its file, and at other times. */
  get rewrites(): { readonly during: Latency; readonly otherwise: Latency } {
    return { during: latencyOf(this.#whileRewriting), otherwise: latencyOf(this.#otherwise) };
  }

  /** What there is now, and what happened since the last sample. */
  async sample(): Promise<SoakSample> {
    const traffic = this.#traffic();
    const { bus, archive } = this.#options;
    const [memory, persistence, probes, reports, archived] = await Promise.all([
      this.#redisInfo('memory'),
      this.#redisInfo('persistence'),
      Promise.all(this.#options.hosts().map((pid) => this.#probe(pid))),
      readHosts({ bus, clock: systemClock, random: systemRandom() }, reportMs),
      archivedFiles(archive),
    ]);
    const partitions = reports.flatMap((report) => report.partitions);
    return {
      ...traffic,
      hostMiB: sum(probes.map(({ rss }) => rss)) / mebi,
      heapMiB: sum(probes.map(({ heap }) => heap)) / mebi,
      buffersMiB: sum(probes.map(({ buffers }) => buffers)) / mebi,
      hostStallMs: Math.max(0, ...probes.map(({ stallMs }) => stallMs)),
      redisMiB: memory('used_memory') / mebi,
      fileMiB: persistence('aof_current_size') / mebi,
      rewrites: persistence('aof_rewrites'),
      logMiB: sum(partitions.map(({ logBytes }) => logBytes)) / mebi,
      ids: sum(partitions.map(({ ids }) => ids)),
      residents: sum(partitions.map(({ residents }) => residents)),
      archived,
    };
  }

  #traffic(): Pick<
    SoakSample,
    | 'seconds'
    | 'perSecond'
    | 'failed'
    | 'deposit'
    | 'order'
    | 'batch'
    | 'generatorStallMs'
    | 'cores'
    | 'others'
  > {
    const now = performance.now();
    const ms = now - this.#since;
    const cpu = { ours: ownCpuMs(), all: machineCpuMs() };
    const ours = cpu.ours - this.#cpu.ours;
    const traffic = {
      seconds: this.seconds,
      perSecond: this.#done / (ms / 1_000),
      failed: this.#failed,
      deposit: latencyOf(this.#latencies.deposit),
      order: latencyOf(this.#latencies.order),
      batch: latencyOf(this.#latencies.batch),
      generatorStallMs: this.#delay.percentile(99) / 1e6,
      cores: ours / ms,
      others: Math.max(0, cpu.all - this.#cpu.all - ours) / ms,
    };
    this.#since = now;
    this.#cpu = cpu;
    this.#done = 0;
    this.#failed = 0;
    this.#latencies = freshLatencies();
    this.#delay.reset();
    return traffic;
  }

  /** The numbers of one section of Redis' INFO, by name. */
  async #redisInfo(section: string): Promise<(field: string) => number> {
    const text = String(await this.#options.redis.call('info', [section]));
    const fields = new Map(text.split('\r\n').map((line) => splitAt(line, line.indexOf(':'))));
    return (field) => Number(fields.get(field) ?? 0);
  }

  /** Zeros for a host that has just been started. */
  async #probe(pid: number): Promise<HostProbe> {
    const file = join(this.#options.probes, `${pid}.json`);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return { rss: 0, heap: 0, buffers: 0, stallMs: 0 };
    return HostProbe.parse(JSON.parse(text));
  }
}

const freshLatencies = (): Record<Kind, Histogram> => ({
  deposit: new Histogram(),
  order: new Histogram(),
  batch: new Histogram(),
});

const latencyOf = (histogram: Histogram): Latency => ({
  count: histogram.count,
  p50: histogram.percentile(0.5),
  p99: histogram.percentile(0.99),
  max: histogram.max,
});

const splitAt = (text: string, at: number): [string, string] => [
  text.slice(0, at),
  text.slice(at + 1),
];

async function archivedFiles(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  return names.filter((name) => name.endsWith('.jsonl.gz')).length;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
