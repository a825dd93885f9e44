import { spawn } from 'node:child_process';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { clusterEnvironment, type Environment } from './environment.ts';
import { hostHeapMiB } from './host-memory.ts';
import type { Running } from './supervise.ts';

/** One host as a child process; it ends when this process does, for its IPC channel closes then. */
export interface HostProcess extends Running {
  readonly name: string;
  readonly pid: number;
}

/** Beside this file, and what this file is: TypeScript in a clone, JavaScript in the package. */
const cli = join(import.meta.dirname, `cli${extname(import.meta.filename)}`);
/**
 * V8 would make at once old what a command leaves, for such objects often outlive a collection of the
 * young. Then they are freed by full collections alone, and until then keep alive what they refer to:
 * everything a command leaves, 3.4 KB, became old, and all accounts were marked again for it (0023).
 */
export const young = [
  '--no-allocation-site-pretenuring',
  // With Node's 16 MiB a host copies twice what waits for its group; with 192 it stands still for 50 ms.
  '--max-semi-space-size=64',
];
/** A host that is asked to leave may take so long to hand its partitions over. */
const leaveMsMax = 10_000;

export interface HostProcessOptions {
  readonly name: string;
  readonly environment: Environment;
  /** How many hosts share this machine's memory. */
  readonly hosts: number;
}

/** Starts `millrace host` in our process group; what it prints goes to our standard error. */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const { name, environment, hosts } = options;
  const { residentBytes } = clusterEnvironment(environment);
  const heapMiB = hostHeapMiB(hosts, residentBytes);
  const old = `--max-old-space-size=${heapMiB}`;
  const child = spawn(process.execPath, [...young, old, cli, 'host', '--name', name], {
    env: environment,
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const exited = new Promise<number | string>((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
  return {
    name,
    pid,
    exited,
    stop: async () => {
      child.kill('SIGTERM');
      const patience = new AbortController();
      const impatient = pause(leaveMsMax, undefined, { signal: patience.signal }).then(
        () => child.kill('SIGKILL'),
        () => false,
      );
      await exited;
      patience.abort();
      await impatient;
    },
  };
}
