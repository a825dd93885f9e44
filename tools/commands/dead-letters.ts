import { parseArgs } from 'node:util';
import type { z } from 'zod';
import {
  Address,
  Drained,
  LetterList,
  type HaltLine,
  type LetterLine,
} from '../../contracts/dead-letter.ts';
import { parseActorKey, type ActorKey } from '../../contracts/ids.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { parseRecordAddress } from '../../contracts/record.ts';
import { UsageError } from '../command-line.ts';
import { clusterAt } from '../one-request.ts';
import { connectOperator, type Operator } from '../operator.ts';

export const usage = `millrace dead-letters list|show ADDRESS|retry ADDRESS|retry ACTOR [options]

What actors failed on, and what waits because of it. A command that failed was refused and set aside;
a message was parked with its value, and so is what follows it from the same partition; an actor that
failed too often is halted, and everything for it is refused or parked.

  millrace dead-letters list
  millrace dead-letters show 17:3-4711
  millrace dead-letters retry 17:3-4711
  millrace dead-letters retry account/you

  list    the halted actors, then the commands and messages, oldest first in each partition
  show    all of one as JSON: what it was, the error, the hash of the state in which the actor failed
  retry   a command by its address: it runs as a new command, once, however often this is repeated;
          an actor, or any message parked for it: it goes on if it was halted, and its messages are
          applied in the order in which they came, up to the first on which it fails again

  --json       prints each line of a list as JSON
  --data DIR   of the running cluster (default .millrace)

MILLRACE_NATS_URL names a cluster elsewhere. Exit status: 0 done, 1 refused, still failing or without
an answer, 2 used wrongly.`;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      data: { type: 'string', default: '.millrace' },
    },
  });
  const act = readAction(positionals, values.json);
  const operator = await connectOperator(clusterAt(values.data));
  try {
    return await act(operator);
  } finally {
    await operator.close();
  }
}

type Action = (operator: Operator) => Promise<number>;

function readAction([verb = '', target, ...rest]: readonly string[], json: boolean): Action {
  if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" is too much.`);
  const address = Address.safeParse(target).data;
  const actor = target === undefined ? undefined : parseActorKey(target);
  switch (verb) {
    case 'list':
      if (target !== undefined) throw new UsageError('list takes no address: it lists everything.');
      return (operator) => list(operator, json);
    case 'show':
      if (address === undefined) throw new UsageError('Name the address, such as 17:3-4711.');
      return (operator) => show(operator, address);
    case 'retry':
      if (address !== undefined) return (operator) => retry(operator, { at: address });
      if (actor !== undefined) return (operator) => retry(operator, { actor });
      throw new UsageError('Name an address such as 17:3-4711, or an actor such as account/you.');
    default:
      throw new UsageError('Say list, show or retry.');
  }
}

/** All partitions at once: one without an owner must not hold up the others. */
async function list(operator: Operator, json: boolean): Promise<number> {
  const partitions = Array.from({ length: operator.partitions }, (_, partition) => partition);
  const read = partitions.map((partition) => linesOf(operator, partition, json));
  let status = 0;
  for (const outcome of await Promise.allSettled(read)) {
    if (outcome.status === 'fulfilled') {
      for (const line of outcome.value) console.log(line);
    } else {
      console.error(outcome.reason instanceof Error ? outcome.reason.message : outcome.reason);
      status = 1;
    }
  }
  return status;
}

async function linesOf(operator: Operator, partition: number, json: boolean): Promise<string[]> {
  const lines: string[] = [];
  let after: string | undefined;
  do {
    const reply = await operator.ask(partition, 'list', after === undefined ? {} : { after });
    if (!reply.ok) throw new Error(`partition ${partition}: ${reply.error.message}`);
    const page = LetterList.parse(reply.result);
    lines.push(...page.halted.map((halt) => (json ? asJson({ halted: halt }) : haltText(halt))));
    lines.push(...page.letters.map((letter) => (json ? asJson(letter) : letterText(letter))));
    after = page.next;
  } while (after !== undefined);
  return lines;
}

const asJson = (line: object): string => JSON.stringify(line);

const haltText = ({ at, time, actor, error }: z.infer<typeof HaltLine>): string =>
  [at, timeText(time), actor, 'HALTED', error].join('  ');

function letterText(letter: z.infer<typeof LetterLine>): string {
  const { at, time, actor, kind, name, id, from, error } = letter;
  const source = kind === 'command' ? `id ${id}` : `from partition ${from}`;
  const why = error ?? 'waits';
  return [at, timeText(time), actor, `${kind} ${name}`, source, why].join('  ');
}

const timeText = (time: number): string => new Date(time).toISOString();

async function show(operator: Operator, at: string): Promise<number> {
  const reply = await operator.ask(partitionIn(operator, at), 'show', { at });
  if (reply.ok) console.log(JSON.stringify(reply.result, undefined, 2));
  else console.error(reply.error.message);
  return reply.ok ? 0 : 1;
}

type Target = { readonly at: string } | { readonly actor: ActorKey };

/** A command's own reply, or what became of the actor's messages. */
async function retry(operator: Operator, target: Target): Promise<number> {
  const partition =
    'at' in target
      ? partitionIn(operator, target.at)
      : partitionOf(target.actor, operator.partitions);
  const reply = await operator.ask(partition, 'retry', target satisfies JsonObject);
  console.log(JSON.stringify(reply));
  const drained = reply.ok ? Drained.safeParse(reply.result).data : undefined;
  return reply.ok && (drained?.parked ?? 0) === 0 ? 0 : 1;
}

function partitionIn({ partitions }: Operator, address: string): number {
  const { partition } = parseRecordAddress(address);
  if (partition < partitions) return partition;
  throw new Error(`This cluster has the partitions 0 to ${partitions - 1}, not ${partition}.`);
}
