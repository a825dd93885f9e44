/** A host that is started by hand beside a cluster, as an operator does who scales up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface LoneHost {
  readonly name: string;
  readonly pid: number;
  /** What it has said so far. */
  readonly said: () => string;
  signal(signal: NodeJS.Signals): void;
  /** Its exit status, once it has ended by itself. */
  ended(): Promise<number | null>;
  /** SIGTERM; its exit status, once it is gone. */
  leave(): Promise<number | null>;
  /** Ends it at once, whatever state it is in. */
  kill(): Promise<void>;
}

export interface Addresses {
  readonly nats: string;
  readonly redis: string;
  readonly partitions: number;
}

const saidLengthMax = 64 * 1024;
const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Starts `millrace host`; it takes its share by and by. */
export function startLoneHost(
  name: string,
  { nats, redis, partitions }: Addresses,
  environment: { readonly [name: string]: string } = {},
): LoneHost {
  const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith('MILLRACE_'));
  const node = `${repository}/node_modules/.bin/node`;
  const child = spawn(node, ['tools/cli.ts', 'host', '--name', name], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...Object.fromEntries(inherited),
      MILLRACE_REDIS_URL: redis,
      MILLRACE_NATS_URL: nats,
      MILLRACE_PARTITIONS: String(partitions),
      ...environment,
    },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-saidLengthMax);
    if (process.env['DEBUG_HOSTS']) process.stderr.write(chunk);
  });
  const exited = once(child, 'exit');
  const reap = (): void => void child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} did not start`);
  return {
    name,
    pid,
    said: () => said,
    ended: async () => {
      await exited;
      return child.exitCode;
    },
    signal: (signal) => void child.kill(signal),
    leave: async () => {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
    kill: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}
