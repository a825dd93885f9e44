import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../command-line.ts';
import { measureCommands } from '../bench/commands.ts';
import { writeChart } from '../bench/chart.ts';
import { measureScale } from '../bench/scale.ts';

export const usage = `millrace bench [options]
millrace bench match [--rounds N] [--json]
millrace bench scale [--seconds N] [--only TEXT] [--json]
millrace bench chart --from FILE --to FILE

Measures the system beside its floors (a bare NATS echo and a bare Redis append of the same bytes),
interleaved in one run on this machine, and prints rates, ratios and percentiles.

  match         the order book alone, beside the npm package nodejs-order-book; from a clone only
  scale         the system with more accounts, symbols, partitions and hosts
  chart         draws the JSON results of bench as SVG and prints them as tables

  --rounds N    how often each measurement is repeated (default 3; match: 5)
  --seconds N   how long each lasts (default 3)
  --hosts N     host processes (default 1)
  --only TEXT   only the measurements whose names contain this
  --json        print JSON instead of tables
  --from FILE   the results of bench --json
  --to FILE     the picture`;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      hosts: { type: 'string' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      from: { type: 'string' },
      to: { type: 'string' },
    },
  });
  const bounds = { min: 1, max: 600 };
  const rounds = wholeNumber('rounds', values.rounds, bounds);
  const seconds = wholeNumber('seconds', values.seconds, bounds) ?? 3;
  const hosts = wholeNumber('hosts', values.hosts, { min: 1, max: 16 }) ?? 1;
  const { only, json, from, to } = values;
  const [what, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`There is nothing to do with "${more.join(' ')}".`);
  switch (what) {
    case undefined:
      await measureCommands({ rounds: rounds ?? 3, seconds, hosts, only, json });
      return 0;
    case 'match': {
      // Loaded only here: it needs a package that an installed Millrace does not bring.
      const { measureMatching } = await import('../bench/match.ts');
      measureMatching({ rounds: rounds ?? 5, json });
      return 0;
    }
    case 'scale':
      await measureScale({ seconds, only, json });
      return 0;
    case 'chart':
      if (from === undefined || to === undefined)
        throw new UsageError('chart needs --from and --to.');
      await writeChart({ from, to });
      return 0;
    default:
      throw new UsageError(`There is no benchmark "${what}".`);
  }
}
