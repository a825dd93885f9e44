import { parseArgs } from 'node:util';
import { natsBus } from '../../runtime/nats/bus.ts';
import { systemClock, systemRandom } from '../../runtime/system-clock.ts';
import { untilAskedToEnd, wholeNumber } from '../command-line.ts';
import { readHosts } from '../hosts.ts';
import { timeText } from '../moment.ts';
import { clusterAt } from '../one-request.ts';
import { printed } from '../printed.ts';
import { paintFor } from '../terminal.ts';
import { ratesOf, type Look, type Rates } from '../top/rates.ts';
import { lineOf, viewOf } from '../top/view.ts';

export const usage = `millrace top [options]

What the cluster does at present: hosts, the busiest partitions, rates, how long requests take, what is
queued, and the actors whose requests took longest in the last ten seconds. A table drawn anew on a
terminal, a line each time where there is none. Until Ctrl-C.

  --once         prints the whole table once, whatever it is printed to
  --interval S   seconds between two looks, 1 to 60 (default 2)
  --json         prints a JSON document each time, one a line
  --data DIR     of the running cluster (default .millrace)

Requests are commands and queries to single actors; times are theirs and those of batches, one counting
as one; records are all that came into the logs. Queued: records that are not durable yet, replies that
are pending, queries that wait for a check of the lease, messages that another partition has not
confirmed.

MILLRACE_NATS_URL names a cluster elsewhere. Exit status: 0 ended by Ctrl-C, or shown once, 1 no host
answers, 2 used wrongly.`;

/** Hosts answer at once; one that does not within this time is busy or gone. */
const askMs = 400;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      once: { type: 'boolean', default: false },
      interval: { type: 'string' },
      json: { type: 'boolean', default: false },
      data: { type: 'string', default: '.millrace' },
    },
  });
  const seconds = wholeNumber('interval', values.interval, { min: 1, max: 60 }) ?? 2;
  const ending = untilAskedToEnd();
  const { url, prefix } = clusterAt(values.data);
  const bus = await natsBus({ url, name: 'millrace-top' });
  const look = async (): Promise<Look> => {
    const ports = { bus, clock: systemClock, random: systemRandom() };
    const hosts = await readHosts(ports, askMs);
    return { at: systemClock.monotonic(), hosts: hosts.filter((host) => host.prefix === prefix) };
  };
  const show = shower(values);
  try {
    for (let before = await look(); !ending.aborted;) {
      await waited(seconds * 1_000 - askMs, ending);
      if (ending.aborted) break;
      const now = await look();
      if (now.hosts.length === 0) throw new Error(`No host answers at ${url}.`);
      if (!(await show(ratesOf(before, now))) || values.once) break;
      before = now;
    }
    return 0;
  } finally {
    await bus.close();
  }
}

type Show = (rates: Rates) => Promise<boolean>;

function shower({ once, json }: { readonly once: boolean; readonly json: boolean }): Show {
  const now = (): string => timeText(systemClock.now());
  if (json) return (rates) => printed(`${JSON.stringify({ time: now(), ...rates })}\n`);
  const paint = paintFor(process.stdout);
  const table = (rates: Rates): string[] => viewOf(rates, { time: now(), paint });
  if (once) return (rates) => printed(`${table(rates).join('\n')}\n`);
  if (!process.stdout.isTTY) return (rates) => printed(`${now()}  ${lineOf(rates)}\n`);
  return (rates) => {
    const { rows, columns } = process.stdout;
    const lines = table(rates).slice(0, rows - 1);
    // From the top left corner, each line to its end, and nothing below the last.
    const drawn = lines.map((line) => `${shortened(line, columns)}\x1b[K\n`).join('');
    return printed(`\x1b[H${drawn}\x1b[J`);
  };
}

/** Colours take no columns; a line with them is left as it is. */
const shortened = (line: string, columns: number): string =>
  line.includes('\x1b') ? line : line.slice(0, columns);

function waited(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = systemClock.after(ms, resolve);
    signal.addEventListener('abort', () => {
      timer.cancel();
      resolve();
    });
  });
}
