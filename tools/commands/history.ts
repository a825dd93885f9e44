import { parseArgs } from 'node:util';
import { Address } from '../../contracts/dead-letter.ts';
import type { HistoryRecord } from '../../contracts/history.ts';
import { parseRecordAddress } from '../../contracts/record.ts';
import { historyRecord } from '../../runtime/history/page.ts';
import { ActorPast } from '../../runtime/history/actor-past.ts';
import { balancesInLine } from '../balance-text.ts';
import { oneOnly, UsageError, wholeNumber } from '../command-line.ts';
import { timeText } from '../moment.ts';
import { clusterHelp, clusterOptions, withCluster, type OpenedCluster } from '../opened-cluster.ts';
import { printed } from '../printed.ts';
import { paintFor, type Paint } from '../terminal.ts';
import { locate, readActor, withinMoment, type Located } from '../time-travel.ts';

export const usage = `millrace history ACTOR [options]

Tells an actor's records, oldest first, those of the archive included: what was asked, what happened,
and the balances after it.

  millrace history account/alice
  millrace history account/alice --last 10
  millrace history account/alice --after 17:3-4711 --limit 100 --json

  --after ADDRESS  begins after this record
  --limit N        at most so many records
  --last N         the latest so many
  --json           prints one JSON document
${clusterHelp}
A client asks the same at millrace.get.<type>.<id>.history, a page at a time.
Exit status: 0 done, 1 no such record or not readable, 2 used wrongly.`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      after: { type: 'string' },
      limit: { type: 'string' },
      last: { type: 'string' },
      json: { type: 'boolean', default: false },
      ...clusterOptions,
    },
  });
  const actor = readActor(oneOnly(positionals));
  const { after } = values;
  if (after !== undefined && !Address.safeParse(after).success)
    throw new UsageError(`--after takes a record such as 17:3-4711, not "${after}".`);
  const many = { min: 1, max: 1_000_000_000 };
  const range = {
    after,
    limit: wholeNumber('limit', values.limit, many) ?? Infinity,
    last: wholeNumber('last', values.last, many),
  };
  return withCluster(values, async (cluster) => {
    const located = locate(cluster, actor);
    const records = recordsOf(cluster, located, range);
    await (values.json ? printJson(actor, records) : printWords(records));
    return 0;
  });
}

interface Range {
  readonly after: string | undefined;
  readonly limit: number;
  readonly last: number | undefined;
}

async function* recordsOf(
  cluster: OpenedCluster,
  located: Located,
  { after, limit, last }: Range,
): AsyncGenerator<HistoryRecord> {
  const { log, archive } = cluster;
  const past = new ActorPast({ ...located, sources: { log, archive } });
  if (after !== undefined) {
    const moment = { kind: 'record', ...parseRecordAddress(after) } as const;
    const before = await withinMoment(cluster, moment, located);
    while (await past.next(before));
  }
  const latest: HistoryRecord[] = [];
  for (let told = 0; told < limit; told++) {
    const placed = await past.next();
    if (placed === undefined) break;
    const record = historyRecord(placed, past, located.type);
    if (last === undefined) yield record;
    else if (latest.push(record) > last) latest.shift();
  }
  yield* latest;
}

/** As they come: a history may be longer than memory. */
async function printJson(actor: string, records: AsyncIterable<HistoryRecord>): Promise<void> {
  let before = `{"actor":${JSON.stringify(actor)},"records":[`;
  for await (const record of records) {
    if (!(await printed(`${before}${JSON.stringify(record)}`))) return;
    before = ',\n';
  }
  await printed(before === ',\n' ? ']}\n' : `${before}]}\n`);
}

async function printWords(records: AsyncIterable<HistoryRecord>): Promise<void> {
  const paint = paintFor(process.stdout);
  let none = true;
  for await (const record of records) {
    none = false;
    if (!(await printed(recordText(record, paint)))) return;
  }
  if (none) await printed('no records\n');
}

function recordText(record: HistoryRecord, paint: Paint): string {
  const { at, time, id, asked, happened, balances } = record;
  const command = id === undefined ? '' : paint.dim(`  id ${id}`);
  return [
    `${paint.bold(at)}  ${timeText(time)}  ${asked}${command}`,
    ...happened.map((what) => `    ${what.startsWith('refused') ? paint.red(what) : what}`),
    `    ${paint.dim(`has ${balancesInLine(balances)}`)}`,
    '',
  ].join('\n');
}
