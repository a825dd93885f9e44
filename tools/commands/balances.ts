import { parseArgs } from 'node:util';
import { trialBalance, type TrialBalance } from '../balances/trial-balance.ts';
import { oneOnly, UsageError } from '../command-line.ts';
import { readMoment, timeText } from '../moment.ts';
import { clusterHelp, clusterOptions, withCluster } from '../opened-cluster.ts';
import { progressOn } from '../progress.ts';
import { columns, paintFor } from '../terminal.ts';
import { refuseFuture, timeOf } from '../time-travel.ts';

export const usage = `millrace balances [--at TIME] [options]

A trial balance over all partitions: what accounts have available, what they hold and for what, the fees
that symbols keep, what is under way between them, and on the other side what was deposited less what was
withdrawn. In every asset it must come to nothing. Every record from the first on is read and every actor
built again, up to a cut that is consistent: no message has arrived that was not sent.

  millrace balances
  millrace balances --at 2026-11-21T12:00:00Z --json

  --at TIME       with its zone, or ms since 1970: all records up to it (default: now)
  --json          prints one JSON document
${clusterHelp}
Exit status: 0 balanced, 1 not balanced or not readable, 2 used wrongly.`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      at: { type: 'string' },
      json: { type: 'boolean', default: false },
      ...clusterOptions,
    },
  });
  const word = oneOnly(positionals);
  if (word !== undefined) throw new UsageError(`"${word}" is too much.`);
  const moment = readMoment(values.at);
  if (moment.kind === 'record')
    throw new UsageError('--at takes a time here: a record is of one partition alone.');
  return withCluster(values, async (cluster) => {
    const { log, leases, archive, types, settings } = cluster;
    if (moment.kind === 'time') await refuseFuture(cluster, moment.time);
    const time = moment.kind === 'time' ? moment.time : await timeOf(cluster);
    const { owners } = await leases.owners(settings.partitions);
    const total = owners.reduce((sum, owner) => sum + (owner?.top ?? 0), 0);
    const progress = progressOn(process.stderr, total);
    const balance = await trialBalance({
      log,
      archive,
      types,
      ...settings,
      within: ({ record }) => record.time <= time,
      onProgress: progress.tell,
    });
    progress.end();
    if (values.json) console.log(JSON.stringify({ at: timeText(time), ...balance }));
    else print(time, balance);
    return balance.balanced ? 0 : 1;
  });
}

function print(time: number, balance: TrialBalance): void {
  const paint = paintFor(process.stdout);
  const { assets, actors, records, messagesUnderWay, balanced, wrong } = balance;
  const rows = Object.entries(assets).flatMap(([asset, { lines, sum }]) => [
    ...Object.entries(lines).map(([line, amount]) => [asset, line, amount]),
    [asset, 'sum', sum],
  ]);
  console.log(`as of ${timeText(time)}: ${actors} actors, ${messagesUnderWay} messages under way`);
  columns(
    rows.map(([asset = '', line = '', amount = '']) => [asset, line, signed(amount)]),
  ).forEach((text, at) => console.log(rows[at]?.[1] === 'sum' ? paint.bold(text) : text));
  for (const sentence of wrong) console.log(paint.red(sentence));
  const verdict = balanced ? paint.green('balanced') : paint.red('NOT BALANCED');
  console.log(`${verdict}, after ${records} records`);
}

/** So that amounts stand under each other, whatever their sign. */
const signed = (amount: string): string => (amount.startsWith('-') ? amount : ` ${amount}`);
