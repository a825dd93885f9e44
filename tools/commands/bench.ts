import { parseArgs } from 'node:util';
import { wholeNumber } from '../command-line.ts';
import { measureCommands } from '../bench/commands.ts';

export const usage = `millrace bench [options]

Measures the system beside its floors (a bare NATS echo and a bare Redis append of the same bytes),
interleaved in one run on this machine, and prints rates, ratios and percentiles.

  --rounds N    how often each measurement is repeated (default 3)
  --seconds N   how long each lasts (default 3)
  --hosts N     host processes (default 1)
  --only TEXT   only the measurements whose names contain this
  --json        print JSON instead of tables`;

export async function run(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      hosts: { type: 'string' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
    },
  });
  const bounds = { min: 1, max: 600 };
  await measureCommands({
    rounds: wholeNumber('rounds', values.rounds, bounds) ?? 3,
    seconds: wholeNumber('seconds', values.seconds, bounds) ?? 3,
    hosts: wholeNumber('hosts', values.hosts, { min: 1, max: 16 }) ?? 1,
    only: values.only,
    json: values.json,
  });
  return 0;
}
