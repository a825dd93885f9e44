#!/usr/bin/env node
import { UsageError, type Command } from './command-line.ts';

const commands = new Map<string, () => Promise<Command>>([
  ['start', () => import('./commands/start.ts')],
  ['up', () => import('./commands/up.ts')],
  ['host', () => import('./commands/host.ts')],
  ['call', () => import('./commands/call.ts')],
  ['ask', () => import('./commands/ask.ts')],
  ['get', () => import('./commands/get.ts')],
  ['inspect', () => import('./commands/inspect.ts')],
  ['history', () => import('./commands/history.ts')],
  ['state', () => import('./commands/state.ts')],
  ['balances', () => import('./commands/balances.ts')],
  ['tail', () => import('./commands/tail.ts')],
  ['groups', () => import('./commands/groups.ts')],
  ['top', () => import('./commands/top.ts')],
  ['dead-letters', () => import('./commands/dead-letters.ts')],
  ['verify', () => import('./commands/verify.ts')],
  ['bench', () => import('./commands/bench.ts')],
  ['faults', () => import('./commands/faults.ts')],
  ['sim', () => import('./commands/sim.ts')],
]);

const usage = `millrace <command> [options]

  start          a cluster on this machine that replays a recorded market and stays up
  up             a cluster on this machine
  host           one host of a cluster
  call           send a command to an actor, or ask it a question
  ask            the same for commands alone
  get            the same for questions alone
  inspect        the cluster's partitions, or an actor's state and latest records
  history        an actor's records in words
  state          an actor's state at any moment
  balances       a trial balance of everything, at any time
  groups         the consumer groups that read the log; forget one
  top            hosts, partitions, rates and what is slow, live
  tail           follow the log, or one actor
  dead-letters   see and retry what actors failed on
  verify         replay the log with this build, or another, and compare
  bench          measure the system beside its floors
  faults         break a cluster of real processes and judge what it did
  sim            simulate a cluster in which everything fails, and check what is left

millrace <command> --help tells more. Exit status: 0 done, 1 failed, 2 used wrongly.`;

async function main([name, ...argv]: string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help') return print(usage);
  const load = commands.get(name ?? '');
  if (load === undefined) {
    console.error(name === undefined ? usage : `There is no command "${name}".\n\n${usage}`);
    return 2;
  }
  const command = await load();
  if (argv.includes('--help') || argv.includes('-h')) return print(command.usage);
  try {
    return await command.run(argv);
  } catch (error) {
    if (!isMisuse(error)) throw error;
    console.error(`${error.message}\n\n${command.usage}`);
    return 2;
  }
}

function print(text: string): number {
  console.log(text);
  return 0;
}

/** Our own complaint, or one of node:util's parseArgs. */
function isMisuse(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return (
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
