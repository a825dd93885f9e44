/**
 * Loaded into a host before anything else (`--import`) by a benchmark that watches its memory: once
 * a second writes what only the process itself can tell to a file named by its process id.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { z } from 'zod';

/** The variable that names the folder of the files. */
export const probesVariable = 'MILLRACE_BENCH_PROBES';

export const HostProbe = z.object({
  rss: z.number(),
  /** What was in use outside of the young generation after the last full collection; 0 before it. */
  heap: z.number(),
  /** Typed arrays and buffers, the ids among them. */
  buffers: z.number(),
  /** By how many ms timers came late: the 99th percentile of the last seconds, at most ten. */
  stallMs: z.number(),
});
export type HostProbe = z.infer<typeof HostProbe>;

const writeMs = 1_000;
const writesPerStall = 10;

function start(folder: string): void {
  let heap = 0;
  new PerformanceObserver((list) => {
    if (list.getEntries().some(isFullCollection)) heap = oldBytes();
  }).observe({ entryTypes: ['gc'] });
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const file = join(folder, `${process.pid}.json`);
  let writes = 0;
  setInterval(() => {
    const { rss, external } = process.memoryUsage();
    const probe: HostProbe = { rss, heap, buffers: external, stallMs: delay.percentile(99) / 1e6 };
    writeFileSync(`${file}.part`, JSON.stringify(probe));
    renameSync(`${file}.part`, file);
    if (++writes % writesPerStall === 0) delay.reset();
  }, writeMs).unref();
}

const Collection = z.object({ detail: z.object({ kind: z.number() }) });

function isFullCollection(entry: unknown): boolean {
  const kind = Collection.safeParse(entry).data?.detail.kind;
  return kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

const oldBytes = (): number =>
  getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith('new_'))
    .reduce((sum, space) => sum + space.space_used_size, 0);

const folder = process.env[probesVariable];
if (folder !== undefined) start(folder);
