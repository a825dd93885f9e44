import { askCommand, requestCommand } from '../one-request.ts';

export const usage = `millrace ask ACTOR NAME [BODY] [options]

Sends a command to an actor and prints its reply, one line of JSON. Exit status: 0 accepted,
1 refused or without an answer, 2 used wrongly.

  millrace ask account/you deposit '{"asset":"USD","amount":"100.00"}'

  --id ID      the command's id; the same id again gets the same reply, and is applied once
  --data DIR   of the running cluster (default .millrace)

MILLRACE_NATS_URL names a cluster elsewhere.`;

export const run = requestCommand(['id'], askCommand);
