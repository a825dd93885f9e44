/** What the machine is and does: read from /proc, and left out where there is none. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import type { Machine } from './results.ts';

/** Linux counts processor time in hundredths of a second. */
const tickMs = 10;

/** Processor time that a process has used so far, in ms. */
export function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * tickMs;
  } catch {
    return 0;
  }
}

/** Processor time that all programs of the machine have used so far, in ms. */
export function machineCpuMs(): number {
  try {
    const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
    const [, user, nice, system, , , interrupts, softInterrupts] = first.split(/ +/).map(Number);
    const used = [user, nice, system, interrupts, softInterrupts];
    return used.reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0) * tickMs;
  } catch {
    return 0;
  }
}

/** This machine, and its load at this moment. */
export const machine = (): Machine => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  load: Number((loadavg()[0] ?? 0).toFixed(2)),
});
