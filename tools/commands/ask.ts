import { parseArgs } from 'node:util';
import { readRequest, sendOne } from '../one-request.ts';

export const usage = `millrace ask ACTOR NAME [BODY] [options]

Sends a command to an actor and prints its reply, one line of JSON. Exit status: 0 accepted,
1 refused or without an answer, 2 used wrongly.

  millrace ask account/you deposit '{"asset":"USD","amount":"100.00"}'

  --id ID      the command's id; the same id again gets the same reply, and is applied once
  --data DIR   of the running cluster (default .millrace)

MILLRACE_NATS_URL names a cluster elsewhere.`;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { id: { type: 'string' }, data: { type: 'string', default: '.millrace' } },
  });
  const { actor, name, body } = readRequest(positionals);
  const { id } = values;
  return sendOne(values.data, (client) =>
    client.ask(actor, name, body, id === undefined ? {} : { id }),
  );
}
