/** What `ask` and `get` share: read the command line, send one request, print its reply. */
import { isJsonObject } from '../contracts/json.ts';
import { connect, type Answer, type Body, type Client } from '../runtime/client.ts';
import { readClusterFile } from './cluster-file.ts';
import { UsageError } from './command-line.ts';
import { clusterEnvironment } from './environment.ts';

export interface Request {
  readonly actor: string;
  readonly name: string;
  readonly body: Body;
}

/** Reads `ACTOR NAME [BODY]`. */
export function readRequest(positionals: readonly string[]): Request {
  const [actor, name, text = '{}', ...rest] = positionals;
  if (actor === undefined || name === undefined)
    throw new UsageError('Name an actor and what to ask.');
  if (rest.length > 0)
    throw new UsageError(`"${rest.join(' ')}" is too much: quote the body as one.`);
  return { actor, name, body: readBody(text) };
}

/** Sends a request to the cluster of the environment or the data folder; 0 if it was accepted, else 1. */
export async function sendOne(
  data: string,
  send: (client: Client) => Promise<Answer<unknown>>,
): Promise<number> {
  const { url, prefix } = clusterAt(data);
  const client = await connect({ url, prefix, name: 'millrace-cli' });
  try {
    const answer = await send(client);
    console.log(JSON.stringify(answer));
    return answer.ok ? 0 : 1;
  } finally {
    await client.close();
  }
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
