import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { wholeNumber } from '../command-line.ts';
import { run as runFaults, type RunReport } from '../faults/run.ts';

export const usage = `millrace faults [options]

Starts a cluster of real processes on this machine, lets clients move money, trade and repeat
themselves, and meanwhile breaks something more than once a second: kill -9 and SIGSTOP of hosts, Redis
and NATS, cut, slow, deaf and mute connections, a torn file, a full disk (as root), no memory. Then
everything heals, and every record of every log is judged again. Exit status 0 if all guarantees held.

  --minutes N   how long things break (default 1)
  --seed S      of the faults and the clients (default: from the clock); processes keep their own time
  --json        the report as one line of JSON
  --verbose     each fault as it happens`;

export async function run(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
    },
  });
  const minutes = wholeNumber('minutes', values.minutes, { min: 1, max: 10_000 }) ?? 1;
  const seed = wholeNumber('seed', values.seed, { min: 0, max: 2 ** 32 - 1 });
  const data = await mkdtemp(join(tmpdir(), 'millrace-faults-'));
  const report = await runFaults({
    data,
    seconds: minutes * 60,
    seed: seed ?? Date.now() % 2 ** 32,
    tell: values.verbose
      ? (line) => console.error(`${new Date().toISOString().slice(11, 23)} ${line}`)
      : () => {},
  });
  console.log(values.json ? JSON.stringify(report) : asText(report));
  if (report.violations.length > 0) {
    console.error(`What was left behind is in ${data}.`);
    return 1;
  }
  await rm(data, { recursive: true });
  return 0;
}

function asText(report: RunReport): string {
  const { faults, violations } = report;
  const kinds = Object.entries(faults).toSorted(([, a], [, b]) => b - a);
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  return [
    `seed ${report.seed}: ${total} faults in ${report.seconds} s`,
    ...kinds.map(([kind, count]) => `  ${String(count).padStart(6)}  ${kind}`),
    `${report.commands} commands, ${report.acknowledged} acknowledged; ` +
      `${report.unknownFates} requests without an answer`,
    `${report.records} records judged again, ${report.archived} of them from the archive; ` +
      `${report.events} events received`,
    `the longest time without an outcome: ${report.longestSilenceMs} ms; ` +
      `all settled ${report.settledMs} ms after the last fault`,
    violations.length === 0 ? 'no violation' : `${violations.length} VIOLATIONS, the first:`,
    ...violations.slice(0, 20).map((violation) => `  ${violation.slice(0, 600)}`),
  ].join('\n');
}
