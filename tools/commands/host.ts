import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { composeHost } from '../compose-host.ts';
import { UsageError } from '../command-line.ts';

export const usage = `millrace host [--name NAME]

Runs one host, which takes its share of the partitions, until SIGTERM: then it hands them over and
ends. Started by another process with an IPC channel it also ends when that process does.

  --name NAME   unique in the cluster, 1 to 64 of A-Z a-z 0-9 _ - (default: machine and process id)

MILLRACE_REDIS_URL and MILLRACE_NATS_URL are required, all hosts need the same MILLRACE_SCALES and
MILLRACE_PARTITIONS (default 64), and the other MILLRACE_ variables as for \`up\`. What leaves the log
goes to MILLRACE_ARCHIVE_DIR; without it nothing does, and Redis needs ever more memory.`;

export async function run(argv: string[]): Promise<number> {
  const { values } = parseArgs({ args: argv, options: { name: { type: 'string' } } });
  const name = values.name ?? `${hostname().replace(/[^A-Za-z0-9_-]/g, '-')}-${process.pid}`;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new UsageError(`--name takes 1 to 64 of A-Z a-z 0-9 _ -, not "${name}".`);
  }
  // Without its parent a host is of no use, and perhaps without its servers: end as in a crash.
  const crash = (): never => process.exit(1);
  process.on('disconnect', crash);
  const asked = untilAskedToEnd();
  const host = await composeHost(name, process.env);
  await asked;
  await host.stop();
  process.off('disconnect', crash);
  if (process.connected) process.disconnect();
  return 0;
}

function untilAskedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    // Ctrl-C reaches the whole process group: a parent will say when it is the host's turn.
    process.on('SIGINT', () => {
      if (!process.connected) resolve();
    });
  });
}
