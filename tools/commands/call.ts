import type { Answer, Client } from '../../runtime/client.ts';
import { askCommand, askQuestion, requestCommand, type Request } from '../one-request.ts';

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

export const run = requestCommand(['id', 'get'], (client, request) =>
  request.get ? askQuestion(client, request) : commandOrQuestion(client, request),
);

/** Only the actor's host knows its commands; a name that is none of them leaves nothing in the log. */
async function commandOrQuestion(client: Client, request: Request): Promise<Answer<unknown>> {
  const told = await askCommand(client, request);
  if (told.ok || told.error.code !== 'runtime/unknown-command') return told;
  return askQuestion(client, request);
}
