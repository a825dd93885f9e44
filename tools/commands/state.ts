import { parseArgs } from 'node:util';
import { digest } from '../../contracts/json.ts';
import type { Json } from '../../contracts/json.ts';
import { balanceLines } from '../balance-text.ts';
import { readMoment, timeText } from '../moment.ts';
import { clusterHelp, clusterOptions, withCluster } from '../opened-cluster.ts';
import { paintFor } from '../terminal.ts';
import { locate, readActor, travel, withinMoment } from '../time-travel.ts';
import { oneOnly } from '../command-line.ts';

export const usage = `millrace state ACTOR [--at MOMENT] [options]

Prints an actor's state as it was at a moment, from its snapshot and its records, those of the archive
included. Without --at it is that of now.

  millrace state account/alice
  millrace state account/alice --at 2026-11-21T12:00:00Z
  millrace state account/alice --at 17:3-4711 --json

  --at MOMENT     a time with its zone (or ms since 1970): all records up to it; or a record, as
                  partition:epoch-position: it and all before it
  --json          prints one JSON document
${clusterHelp}
Exit status: 0 done, 1 no such moment or not readable, 2 used wrongly.`;

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
  const actor = readActor(oneOnly(positionals));
  const moment = readMoment(values.at);
  return withCluster(values, async (cluster) => {
    const located = locate(cluster, actor);
    const past = await travel(cluster, located, await withinMoment(cluster, moment, located));
    const { value: status, version } = past.state;
    const saved = past.saved;
    const found = {
      actor,
      at: values.at ?? 'now',
      partition: located.partition,
      version,
      status,
      balances: located.type.balances(past.state),
      hash: digest(JSON.stringify(saved)),
      state: saved.context,
    };
    const asOf = moment.kind === 'time' ? timeText(moment.time) : found.at;
    if (values.json) console.log(JSON.stringify(found));
    else print({ ...found, asOf });
    return 0;
  });
}

interface Found {
  readonly actor: string;
  readonly asOf: string;
  readonly partition: number;
  readonly version: number;
  readonly status: string;
  readonly balances: Json;
  readonly hash: string;
  readonly state: Json;
}

function print({ actor, asOf, partition, version, status, balances, hash, state }: Found): void {
  const paint = paintFor(process.stdout);
  console.log(`${paint.bold(actor)}, as of ${asOf}: ${status}, version ${version}`);
  for (const line of balanceLines(balances)) console.log(`  ${line}`);
  console.log(paint.dim(`  partition ${partition}, hash ${hash}`));
  console.log(JSON.stringify(state, undefined, 2));
}
