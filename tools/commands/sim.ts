import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../command-line.ts';
import { Watchdog } from '../sim/watchdog.ts';
import { simulate, type Outcome, type Workload } from '../sim/index.ts';

export const usage = `millrace sim [SEED] [options]

Runs hosts, Redis, NATS and clients in one thread on a simulated clock: messages get lost, hosts freeze
and die, Redis fails, clocks jump. Then everything heals, must settle within 30 simulated seconds, and
all that happened is checked. The same seed on the same code gives the same hash, line for line.

  millrace sim 42
  millrace sim --seeds 1000 --from 1

  --seeds N       so many seeds, one after the other (default 1)
  --from N        the first of them (default 1)
  --actors FILE   your own actors: a module that exports \`workload\`, a function that makes a
                  Workload (millrace/simulator)
  --patience S    end with a message when one seed takes longer than so many seconds (default 120)
  --trace         print everything that happened, not only the end of a failure

Exit status: 0 nothing was wrong, 1 something was, 2 used wrongly.`;

const tailLines = 40;
const lineMax = 300;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      actors: { type: 'string' },
      patience: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  const { actors, trace } = values;
  const seeds = seedsOf(positionals, values);
  const workload = actors === undefined ? undefined : await workloadIn(actors);
  const patience = wholeNumber('patience', values.patience, { min: 1, max: 86_400 }) ?? 120;
  const watchdog = new Watchdog(patience * 1_000);
  const began = performance.now();
  let failed = 0;
  for (const seed of seeds) {
    watchdog.begins(seed);
    const outcome = await simulate({ seed, ...(workload && { workload }) }).catch(
      (error: unknown) => {
        console.error(`seed ${seed} ended in an error`);
        throw error;
      },
    );
    if (outcome.complaints.length > 0) failed++;
    tell(outcome, { trace, alone: seeds.length === 1, actors });
  }
  await watchdog.end();
  if (seeds.length > 1) {
    const seconds = (performance.now() - began) / 1_000;
    const rate = Math.round((seeds.length / seconds) * 3_600).toLocaleString('en-US');
    console.log(`${seeds.length} seeds, ${failed} failed, ${rate} an hour`);
  }
  return failed === 0 ? 0 : 1;
}

interface SeedOptions {
  readonly seeds?: string | undefined;
  readonly from?: string | undefined;
}

function seedsOf(named: readonly string[], { seeds, from }: SeedOptions): string[] {
  if (named.length > 0) {
    if (seeds !== undefined || from !== undefined)
      throw new UsageError('Name a seed, or give --seeds and --from.');
    return [...named];
  }
  const count = wholeNumber('seeds', seeds, { min: 1, max: 10_000_000 }) ?? 1;
  const first = wholeNumber('from', from, { min: 0, max: 1_000_000_000 }) ?? 1;
  return Array.from({ length: count }, (_, index) => `${first + index}`);
}

async function workloadIn(file: string): Promise<() => Workload> {
  const module: { workload?: unknown } = await import(pathToFileURL(resolve(file)).href);
  if (makesWorkload(module.workload)) return module.workload;
  throw new UsageError(`${file} exports no function \`workload\` that makes a Workload.`);
}

const makesWorkload = (value: unknown): value is () => Workload => typeof value === 'function';

interface Telling {
  readonly trace: boolean;
  /** The only seed: its figures are told although nothing is wrong. */
  readonly alone: boolean;
  readonly actors: string | undefined;
}

function tell(outcome: Outcome, { trace, alone, actors }: Telling): void {
  const { seed, hash, complaints, figures } = outcome;
  if (trace) console.log(outcome.trace.join('\n'));
  if (complaints.length === 0 && !alone) return;
  if (complaints.length > 0) {
    if (!trace) for (const line of outcome.trace.slice(-tailLines)) console.log(shortened(line));
    console.log(`\nseed ${seed}: ${complaints.length} complaints`);
    for (const complaint of complaints) console.log(`  ${complaint}`);
    const own = actors === undefined ? '' : ` --actors ${actors}`;
    console.log(`To see all of it: npm run sim -- ${seed} --trace${own}\n`);
  }
  const faults = [...figures.faults].map(([kind, count]) => `${count} × ${kind}`).join(', ');
  console.log(
    `seed ${seed}: trace ${hash}, ${Math.round(figures.simulatedMs / 1_000)} s simulated, ` +
      `${figures.records} records, ${figures.exchanges} requests; ${faults || 'no faults'}`,
  );
}

const shortened = (line: string): string =>
  line.length > lineMax ? `${line.slice(0, lineMax)}…` : line;
