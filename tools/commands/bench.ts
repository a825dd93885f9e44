import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../command-line.ts';
import { measureCommands } from '../bench/commands.ts';
import { writeChart } from '../bench/chart.ts';
import { measureDurability } from '../bench/durability.ts';
import { measurePeer } from '../bench/peer.ts';
import { measureMemory } from '../bench/memory.ts';
import { measureScale } from '../bench/scale.ts';
import type { SoakSettings } from '../bench/results.ts';
import { measureSoak } from '../bench/soak.ts';
import { warmUpSeconds } from '../bench/soak-verdict.ts';
import { measureTraces } from '../bench/traces.ts';
import { measureTransfers } from '../bench/transfers.ts';

export const usage = `millrace bench [options]
millrace bench match [--rounds N] [--json]
millrace bench scale [--seconds N] [--only TEXT] [--json]
millrace bench transfers [--rounds N] [--seconds N] [--hosts N] [--only TEXT] [--json]
millrace bench traces [--rounds N] [--seconds N] [--only TEXT] [--json]
millrace bench soak [--minutes N] [--share PERCENT] [--kills N] [--window SECONDS]
                    [--retain MIB] [--hosts N] [--json]
millrace bench peer [--rounds N] [--seconds N] [--json]
millrace bench memory [--json]
millrace bench durability [--rounds N] [--seconds N] [--json]
millrace bench chart --from FILE --to FILE

Measures the system beside its floors (a bare NATS echo and a bare Redis append of the same bytes),
interleaved in one run on this machine, and prints rates, ratios and percentiles.

  match         the order book alone, beside the npm package nodejs-order-book; from a clone only
  scale         the system with more accounts, symbols, partitions and hosts
  transfers     the protocols of transfers side by side, between different partitions
  traces        what tracing costs: nothing traced, a hundredth, everything, in turns
  soak          a share of the capacity for long: are memory, latency and recovery bounded? Exit
                status 1 if not
  peer          single commands beside those of Restate, another durable engine, which npm installs
                into .millrace/peer for it
  memory        bytes of an account in memory and out of it; records a second in recovery
  durability    deposits kept on one disk, at a replica too, and less safely than a host accepts
  chart         draws the JSON results of bench as SVG and prints them as tables

  --rounds N          how often each measurement is repeated (default 3; match: 5, traces: 20)
  --seconds N         how long each lasts (default 3; traces: 1)
  --hosts N           host processes (default 1)
  --only TEXT         only the measurements whose names contain this
  --minutes N         of the soak (default 20)
  --share PERCENT     its load, of the capacity (default 70)
  --kills N           how often it kills a host in the end (default 5)
  --window SECONDS    how long it has a command's id remembered (default 180)
  --retain MIB        all its logs together (default 256)
  --json              print JSON instead of tables
  --from FILE         the results of bench --json
  --to FILE           the picture`;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      hosts: { type: 'string' },
      only: { type: 'string' },
      minutes: { type: 'string' },
      share: { type: 'string' },
      kills: { type: 'string' },
      window: { type: 'string' },
      retain: { type: 'string' },
      json: { type: 'boolean' },
      from: { type: 'string' },
      to: { type: 'string' },
    },
  });
  const [what, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`There is nothing to do with "${more.join(' ')}".`);
  refuseOthers(what, Object.keys(values));
  const bounds = { min: 1, max: 600 };
  const rounds = wholeNumber('rounds', values.rounds, bounds);
  const seconds = wholeNumber('seconds', values.seconds, bounds) ?? 3;
  const slice = values.seconds === undefined ? 1 : seconds;
  const hosts = wholeNumber('hosts', values.hosts, { min: 1, max: 16 }) ?? 1;
  const { only = '', json = false, from, to } = values;
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
    case 'transfers':
      await measureTransfers({ rounds: rounds ?? 3, seconds, hosts, only, json });
      return 0;
    case 'traces':
      await measureTraces({ rounds: rounds ?? 20, seconds: slice, only, json });
      return 0;
    case 'soak':
      return (await measureSoak({ ...soakSettings(values), hosts, json })) ? 0 : 1;
    case 'peer':
      await measurePeer({ rounds: rounds ?? 3, seconds, json });
      return 0;
    case 'memory':
      await measureMemory({ json });
      return 0;
    case 'durability':
      await measureDurability({ rounds: rounds ?? 3, seconds, json });
      return 0;
    case 'chart':
      if (from === undefined || to === undefined)
        throw new UsageError('chart needs --from and --to.');
      await writeChart({ from, to });
      return 0;
    default:
      throw new Error(`nothing measures "${what}"`);
  }
}

const measured = ['rounds', 'seconds', 'hosts', 'only', 'json'];
/** The options of each benchmark. */
const optionsOf = new Map<string | undefined, readonly string[]>([
  [undefined, measured],
  ['match', ['rounds', 'json']],
  ['scale', ['seconds', 'only', 'json']],
  ['transfers', measured],
  ['traces', ['rounds', 'seconds', 'only', 'json']],
  ['soak', ['minutes', 'share', 'kills', 'window', 'retain', 'hosts', 'json']],
  ['peer', ['rounds', 'seconds', 'json']],
  ['memory', ['json']],
  ['durability', ['rounds', 'seconds', 'json']],
  ['chart', ['from', 'to']],
]);

/** Whoever gives an option that does nothing believes in a result that was measured otherwise. */
function refuseOthers(what: string | undefined, given: readonly string[]): void {
  const taken = optionsOf.get(what);
  if (taken === undefined) throw new UsageError(`There is no benchmark "${what}".`);
  const other = given.find((option) => !taken.includes(option));
  if (other === undefined) return;
  const name = what === undefined ? 'bench' : `bench ${what}`;
  throw new UsageError(`${name} takes no --${other}.`);
}

type SoakOption = 'minutes' | 'share' | 'kills' | 'window' | 'retain';

function soakSettings(values: Partial<Record<SoakOption, string>>): Omit<SoakSettings, 'hosts'> {
  const number = (option: SoakOption, usual: number, max: number, min = 1): number =>
    wholeNumber(option, values[option], { min, max }) ?? usual;
  const settings = {
    minutes: number('minutes', 20, 10_000),
    share: number('share', 70, 100) / 100,
    kills: number('kills', 5, 1_000, 0),
    windowSeconds: number('window', 180, 86_400),
    retainMiB: number('retain', 256, 1_000_000),
  };
  const leastMinutes = Math.ceil((warmUpSeconds(settings) + 60) / 60);
  if (settings.minutes >= leastMinutes) return settings;
  throw new UsageError(
    `--minutes must be at least ${leastMinutes} for a --window of ${settings.windowSeconds}: memory ` +
      'grows until the first ids are forgotten, and is judged for a minute after that at least.',
  );
}
