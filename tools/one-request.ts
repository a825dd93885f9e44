/** What `call`, `ask` and `get` share: read the command line, send one request, print its reply. */
import { parseArgs } from 'node:util';
import { isJsonObject } from '../contracts/json.ts';
import { connect, type Answer, type Body, type Client } from '../runtime/client.ts';
import { readClusterFile } from './cluster-file.ts';
import { UsageError, type Command } from './command-line.ts';
import { clusterEnvironment } from './environment.ts';

export interface Request {
  readonly actor: string;
  readonly name: string;
  readonly body: Body;
  /** `--id`: the command's. */
  readonly id: string | undefined;
  /** `--get`: it is a question, whatever its name. */
  readonly get: boolean;
}

type Send = (client: Client, request: Request) => Promise<Answer<unknown>>;

const options = {
  id: { type: 'string' },
  get: { type: 'boolean' },
  data: { type: 'string', default: '.millrace' },
} as const;

/**
 * A command of the tool that takes `ACTOR NAME [BODY]` and these options beside `--data`, sends that to
 * the cluster of the environment or the data folder and prints the reply: 0 if it was accepted, else 1.
 */
export function requestCommand(own: readonly ('id' | 'get')[], send: Send): Command['run'] {
  return async (argv) => {
    const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options });
    const { id, get, data } = values;
    for (const option of ['id', 'get'] as const) {
      if (values[option] !== undefined && !own.includes(option))
        throw new UsageError(`--${option} is no option of this command.`);
    }
    const request = { ...readWords(positionals), id, get: get ?? false };
    const { url, prefix } = clusterAt(data);
    const client = await connect({ url, prefix, name: 'millrace-cli' });
    try {
      const answer = await send(client, request);
      console.log(JSON.stringify(answer));
      return answer.ok ? 0 : 1;
    } finally {
      await client.close();
    }
  };
}

export const askCommand: Send = (client, { actor, name, body, id }) =>
  client.ask(actor, name, body, id === undefined ? {} : { id });

export const askQuestion: Send = (client, { actor, name, body }) => client.get(actor, name, body);

function readWords(positionals: readonly string[]): Pick<Request, 'actor' | 'name' | 'body'> {
  const [actor, name, text = '{}', ...rest] = positionals;
  if (actor === undefined || name === undefined)
    throw new UsageError('Name an actor and what to ask.');
  if (rest.length > 0)
    throw new UsageError(`"${rest.join(' ')}" is too much: quote the body as one.`);
  return { actor, name, body: readBody(text) };
}

function readBody(text: string): Body {
  try {
    const body: unknown = JSON.parse(text);
    if (isJsonObject(body)) return body;
  } catch {
    // Told below: what is not JSON is no object either.
  }
  throw new UsageError(`The body must be a JSON object such as '{"asset":"USD"}', not ${text}`);
}

/** Where the cluster of the environment or of a data folder is to be reached. */
export function clusterAt(data: string): { url: string; prefix: string } {
  const { nats, prefix } = clusterEnvironment(process.env);
  if (nats !== undefined) return { url: nats, prefix };
  const address = readClusterFile(data);
  return { url: address.nats, prefix: address.prefix };
}
