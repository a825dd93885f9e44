import { askQuestion, requestCommand } from '../one-request.ts';

export const usage = `millrace get ACTOR NAME [BODY] [options]

Asks an actor a question and prints the reply, one line of JSON. Exit status: 0 answered, 1 refused
or without an answer, 2 used wrongly.

  millrace get account/you balance
  millrace get symbol/XBT-CHF book '{"depth":5}'

  --data DIR   of the running cluster (default .millrace)

MILLRACE_NATS_URL names a cluster elsewhere.`;

export const run = requestCommand([], askQuestion);
