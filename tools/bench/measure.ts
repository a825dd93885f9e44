/** One measurement of the system: rate, latencies, and who spent the processor time. */
import type { Connection } from '../../runtime/redis/connection.ts';
import type { Measured } from './loops.ts';
import { cpuMs, machineCpuMs } from './processes.ts';
import type { CommandRow } from './results.ts';
import type { Stage } from './stage.ts';

/** Runs a loop and reads before and after what each process and Redis' data have come to. */
export async function measure(
  stage: Stage,
  name: string,
  loop: () => Promise<Measured>,
): Promise<CommandRow> {
  const parts = Object.entries(stage.processes);
  const used = (): number[] => parts.map(([, pids]) => sum(pids.map(cpuMs)));
  const bytesBefore = await redisBytes(stage.redis);
  const cpuBefore = used();
  const machineBefore = machineCpuMs();
  const { done, failed, seconds, latency } = await loop();
  const cpuAfter = used();
  const machineUsed = machineCpuMs() - machineBefore;
  const bytesAfter = await redisBytes(stage.redis);
  const units = Math.max(1, done);
  const ours = sum(cpuAfter) - sum(cpuBefore);
  const micros = (index: number): number =>
    (((cpuAfter[index] ?? 0) - (cpuBefore[index] ?? 0)) * 1_000) / units;
  return {
    name,
    perSecond: done / seconds,
    p50: latency.percentile(0.5),
    p99: latency.percentile(0.99),
    p999: latency.percentile(0.999),
    failed,
    cpu: Object.fromEntries(parts.map(([part], index) => [part, micros(index)])),
    bytes: (bytesAfter - bytesBefore) / units,
    others: Math.max(0, machineUsed - ours) / (seconds * 1_000),
  };
}

/** The measurement whose rate lies in the middle. */
export function medianRow<Row extends CommandRow>(rows: readonly Row[]): Row {
  const sorted = rows.toSorted((a, b) => a.perSecond - b.perSecond);
  const row = sorted[Math.floor(sorted.length / 2)];
  if (row === undefined) throw new Error('nothing was measured');
  return row;
}

async function redisBytes(redis: Connection): Promise<number> {
  const text = String(await redis.call('info', ['memory']));
  return Number(/used_memory_dataset:(\d+)/.exec(text)?.[1] ?? 0);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
