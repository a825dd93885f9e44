import { parseArgs } from 'node:util';
import { digest } from '../../contracts/json.ts';
import type { ActorKey } from '../../contracts/ids.ts';
import { askedIn, happenedIn } from '../../runtime/history/words.ts';
import { balanceLines } from '../balance-text.ts';
import { oneOnly } from '../command-line.ts';
import { lastRecords } from '../inspect/last-records.ts';
import { inspectCluster, type InspectedCluster } from '../inspect/partitions.ts';
import { timeText } from '../moment.ts';
import { clusterHelp, clusterOptions, withCluster, type OpenedCluster } from '../opened-cluster.ts';
import { columns, paintFor } from '../terminal.ts';
import { locate, readActor, travel } from '../time-travel.ts';

export const usage = `millrace inspect [ACTOR] [options]

Shows the cluster: its hosts, and each partition with owner, epoch, lag and sizes. Or an actor: its
state, where it lives, and its latest records.

  millrace inspect
  millrace inspect account/alice
  millrace inspect --json

  --json          prints one JSON document
${clusterHelp}
Exit status: 0 done, 1 not readable, 2 used wrongly.

The columns: position is that of the latest record; unpublished, the records whose events may not be
published yet (hosts note it once a second); to replay, what a new owner would read; first, the oldest
position that is still in the log; groups, how many consumer groups read it, and the largest lag. An
actor's latest records are looked for in the latest 100,000 of its partition.`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, ...clusterOptions },
  });
  const word = oneOnly(positionals);
  const actor = word === undefined ? undefined : readActor(word);
  return withCluster(values, async (cluster) => {
    if (actor !== undefined) await inspectActor(cluster, actor, values.json);
    else {
      const found = await inspectCluster(cluster);
      if (values.json) console.log(JSON.stringify(found));
      else printCluster(found);
    }
    return 0;
  });
}

const heading = [
  'partition',
  'owner',
  'epoch',
  'position',
  'unpublished',
  'to replay',
  'first',
  'entries',
  'bytes',
  'snapshots',
  'dead letters',
  'groups',
];

function printCluster({ id, time, hosts, partitions }: InspectedCluster): void {
  const paint = paintFor(process.stdout);
  console.log(`cluster ${paint.bold(id)} at ${timeText(time)}`);
  const told = hosts.map((host) => `${host.name} with ${host.partitions}`);
  console.log(`hosts: ${told.length === 0 ? paint.red('none') : told.join(', ')}`);
  const rows = partitions.map((one) => [
    one.partition,
    one.owner ?? 'none',
    one.epoch,
    one.position,
    one.unpublished,
    one.afterCheckpoint,
    one.first,
    one.entries,
    one.bytes,
    one.snapshots,
    one.deadLetters,
    groupsText(one.groups),
  ]);
  const [head = '', ...lines] = columns([heading, ...rows]);
  console.log(paint.bold(head));
  lines.forEach((line, at) => {
    const vacant = partitions[at]?.owner === null;
    console.log(vacant ? paint.red(line) : line);
  });
}

function groupsText(groups: InspectedCluster['partitions'][number]['groups']): string {
  if (groups.length === 0) return '-';
  return `${groups.length}, lag ${Math.max(...groups.map(({ lag }) => lag ?? 0))}`;
}

const recordsShown = 10;

async function inspectActor(cluster: OpenedCluster, actor: ActorKey, json: boolean) {
  const located = locate(cluster, actor);
  const { partition, type } = located;
  const past = await travel(cluster, located, () => true);
  const owner = await cluster.leases.ownerOf(partition);
  const [snapshot] = await cluster.log.loadSnapshots(partition, [actor]);
  const records = (await lastRecords(cluster, located, recordsShown)).map(({ at, record }) => ({
    at,
    time: record.time,
    version: record.version,
    asked: askedIn(record, type),
    happened: happenedIn(record, type),
  }));
  const { value: status, version } = past.state;
  const { saved } = past;
  const balances = type.balances(past.state);
  const found = {
    actor,
    partition,
    owner: owner?.host ?? null,
    epoch: owner?.epoch ?? 0,
    version,
    status,
    balances,
    hash: digest(JSON.stringify(saved)),
    snapshot: snapshot
      ? { version: snapshot.version, position: snapshot.position, hash: snapshot.hash }
      : null,
    state: saved.context,
    records,
  };
  if (json) {
    console.log(JSON.stringify(found));
    return;
  }
  const paint = paintFor(process.stdout);
  console.log(`${paint.bold(actor)}: ${status}, version ${version}, hash ${found.hash}`);
  console.log(`  partition ${partition}, owned by ${found.owner} in epoch ${found.epoch}`);
  if (snapshot)
    console.log(`  snapshot of version ${snapshot.version} at position ${snapshot.position}`);
  for (const line of balanceLines(balances)) console.log(`  ${line}`);
  console.log(`state ${JSON.stringify(saved.context)}`);
  console.log(paint.bold(`latest records${records.length === 0 ? ': none lately' : ''}`));
  for (const { at, time, asked, happened } of records)
    console.log(`  ${at}  ${timeText(time)}  ${asked}: ${happened.join('; ')}`);
}
