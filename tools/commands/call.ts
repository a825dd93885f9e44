import { parseArgs } from 'node:util';
import type { Answer, Client } from '../../runtime/client.ts';
import { readRequest, sendOne, type Request } from '../one-request.ts';

export const usage = `millrace call ACTOR NAME [BODY] [options]

Sends a command to an actor, or asks it a question if that is what the name means, and prints the
reply, one line of JSON. Exit status: 0 accepted, 1 refused or without an answer, 2 used wrongly.

  millrace call account/alice deposit '{"asset":"USD","amount":"5.00"}'
  millrace call account/alice balance
  millrace call account/alice transfer '{"transferId":"t-1"}' --get

  --id ID      the command's id; the same id again gets the same reply, and is applied once
  --get        asks a question, also where a command has the same name
  --data DIR   of the running cluster (default .millrace)

MILLRACE_NATS_URL names a cluster elsewhere.`;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      id: { type: 'string' },
      get: { type: 'boolean', default: false },
      data: { type: 'string', default: '.millrace' },
    },
  });
  const request = readRequest(positionals);
  const { actor, name, body } = request;
  return sendOne(values.data, (client) =>
    values.get ? client.get(actor, name, body) : commandOrQuery(client, request, values.id),
  );
}

/** Only the actor's host knows its commands; a name that is none of them leaves nothing in the log. */
async function commandOrQuery(
  client: Client,
  { actor, name, body }: Request,
  id: string | undefined,
): Promise<Answer<unknown>> {
  const told = await client.ask(actor, name, body, id === undefined ? {} : { id });
  if (told.ok || told.error.code !== 'runtime/unknown-command') return told;
  return client.get(actor, name, body);
}
