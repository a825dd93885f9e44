/** What service discovery tells of requests and replies: JSON Schemas, made from the contracts. */
import { z } from 'zod';
import type { ActorType } from '../actors/actor.ts';
import { EveryQuery } from '../contracts/history.ts';

/**
 * The metadata of an actor type's endpoint. For each command and query it holds the schema of the
 * request's body, under `schema.cmd.<name>.request` or `schema.get.…`, and under `….response` that of
 * the reply if the request succeeds; `schema.refusal` is that of every other reply.
 */
export function schemasOf(type: ActorType): Record<string, string> {
  const { commands, queries } = type.results;
  const metadata: Record<string, string> = { 'schema.refusal': replySchema(refused) };
  for (const [name, command] of type.commands) {
    const result = commands[name] ?? z.unknown();
    metadata[`schema.cmd.${name}.request`] = commandSchema(command);
    metadata[`schema.cmd.${name}.response`] = replySchema(recorded.extend({ result }));
  }
  const bodies = new Map<string, z.ZodType>([['history', EveryQuery.history.body]]);
  for (const [name, query] of type.queries) bodies.set(name, query.body);
  for (const [name, body] of bodies) {
    const { result } = { ...EveryQuery, ...queries }[name] ?? { result: z.unknown() };
    metadata[`schema.get.${name}.request`] = JSON.stringify(requestSchema(body));
    metadata[`schema.get.${name}.response`] = replySchema(read.extend({ result }));
  }
  return metadata;
}

const read = z.object({ ok: z.literal(true) });
const recorded = read.extend({ at: z.string() });
const refused = z.object({
  ok: z.literal(false),
  at: z.string().exactOptional(),
  error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }),
});

const requestSchema = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });

/** A command's name stands in its subject and not in its body. */
function commandSchema(command: z.ZodType): string {
  const { properties = {}, required = [], ...rest } = requestSchema(command);
  const { name: _, ...body } = properties;
  const needed = required.filter((field) => field !== 'name');
  return JSON.stringify({ ...rest, properties: body, required: needed });
}

/** Replies get new fields in time: these schemas let them pass. */
function replySchema(reply: z.ZodType): string {
  const schema = z.toJSONSchema(reply, {
    io: 'output',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return JSON.stringify(schema);
}
