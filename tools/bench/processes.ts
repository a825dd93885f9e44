/** What the machine is and does: read from /proc, and left out where there is none. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import type { Machine } from './results.ts';

/** Linux counts processor time in hundredths of a second. */
const tickMs = 10;

/** Processor time that a process has used so far, in ms. */
export function cpuMs(pid: number): number {
  const [user = 0, system = 0] = statOf(pid).slice(11, 13).map(Number);
  return (user + system) * tickMs;
}

/** What /proc tells of a process, from its state on; nothing if it has ended. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Processor time that this process and all that it has started have used so far, in ms. */
export function ownCpuMs(): number {
  const parents = new Map<number, number>();
  const used = new Map<number, number>();
  for (const name of namesIn('/proc').filter((one) => /^\d+$/.test(one))) {
    const fields = statOf(Number(name));
    parents.set(Number(name), Number(fields[1]));
    // Its own, and that of its children that have ended.
    used.set(
      Number(name),
      fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0),
    );
  }
  const isOwn = (pid: number): boolean =>
    pid === process.pid || (pid > 1 && isOwn(parents.get(pid) ?? 0));
  return [...used].reduce((sum, [pid, ticks]) => sum + (isOwn(pid) ? ticks * tickMs : 0), 0);
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
