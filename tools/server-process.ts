/**
 * A server program as our child. It never outlives us: see supervise-server.sh. It stays in our
 * process group, so that whoever ends the group ends everything.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { findProgram } from './find-program.mjs';

/** A running child: `exited` gives its exit status, whoever ended it. */
export interface ServerProcess {
  readonly pid: number;
  /** The process that watches the server and lasts exactly as long. */
  readonly watcher: number;
  readonly exited: Promise<number>;
  /** Ends it with SIGTERM, and SIGKILL after a grace; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface ServerProgram {
  readonly name: string;
  /** Where it is, if not where programs usually are. */
  readonly path?: string;
  readonly arguments: readonly string[];
  /** Where it runs. */
  readonly dir: string;
  /** What it prints is appended here. */
  readonly logFile: string;
}

/** A server ended before it was ready; `log` is the end of what it printed. */
export class ServerFailed extends Error {
  override readonly name = 'ServerFailed';
  readonly log: string;

  constructor(program: ServerProgram, status: number, logStart: number) {
    const log = readFileSync(program.logFile).subarray(logStart).toString().slice(-2_000);
    super(
      `${program.name} ended with status ${status} while starting; see ${program.logFile}:\n${log}`,
    );
    this.log = log;
  }
}

const wrapper = join(import.meta.dirname, 'supervise-server.sh');
const graceSeconds = 10;
const probeMs = 20;
const portAttempts = 5;

/** Starts a program and resolves once the probe finds it ready; throws `ServerFailed` if it ends first. */
export async function startServer(
  program: ServerProgram,
  probe: (pid: number) => Promise<boolean>,
): Promise<ServerProcess> {
  const logStart = existsSync(program.logFile) ? statSync(program.logFile).size : 0;
  const server = await spawnServer(program);
  let status: number | undefined;
  void server.exited.then((code) => (status = code));
  while (!(await probe(server.pid))) {
    if (status !== undefined) throw new ServerFailed(program, status, logStart);
    await pause(probeMs);
  }
  return server;
}

/** Runs `start` with the given port, or with a free one: again with another if somebody was faster. */
export async function onPort<T>(port: number, start: (port: number) => Promise<T>): Promise<T> {
  if (port !== 0) return start(port);
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      const taken = error instanceof ServerFailed && /address already in use/i.test(error.log);
      if (!taken || attempt === portAttempts) throw error;
    }
  }
}

async function spawnServer(program: ServerProgram): Promise<ServerProcess> {
  const executable = program.path ?? findProgram(program.name);
  if (executable === undefined) {
    throw new Error(
      `${program.name} is not installed. Run "node tools/setup.mjs", or install it by hand.`,
    );
  }
  const log = openSync(program.logFile, 'a');
  const child = spawn(
    '/bin/sh',
    [wrapper, String(graceSeconds), executable, ...program.arguments],
    {
      cwd: program.dir,
      stdio: ['pipe', 'pipe', log],
    },
  );
  closeSync(log);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('a wrapper needs both its pipes');
  const exited = exitOf(child);
  // The wrapper may be gone before we close its pipe.
  stdin.on('error', () => {});
  const pid = await firstLine(stdout);
  return {
    pid: Number(pid),
    watcher: child.pid ?? 0,
    exited,
    stop: async () => {
      stdin.end();
      await exited;
    },
  };
}

const exitOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });

async function firstLine(output: Readable): Promise<string> {
  for await (const line of createInterface(output)) return line;
  throw new Error('the wrapper of a server ended before it had started the server');
}

/** A port that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.on('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      listener.close(() => resolve(port));
    });
  });
}
