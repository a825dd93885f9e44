import { expect, test } from 'vitest';
import { setup } from 'xstate';
import { z } from 'zod';
import { accept, defineActor } from '../../actors/actor.ts';
import { schemasOf } from '../../runtime/service-schemas.ts';

const counter = defineActor({
  type: 'counter',
  command: z.discriminatedUnion('name', [
    z.strictObject({ name: z.literal('increase'), by: z.number().int().positive() }),
  ]),
  event: z.object({ type: z.literal('increased'), by: z.number() }),
  machine: setup({}).createMachine({}),
  decide: (_, { by }) => accept({ type: 'increased', by }),
  query: { value: () => ({ count: 0 }) },
});
const metadata = schemasOf(counter);
const follows = (schema: string, value: unknown): boolean =>
  z.fromJSONSchema(JSON.parse(metadata[schema] ?? '')).safeParse(value).success;

test('every command and query has a schema for its request and one for its reply', () => {
  expect(Object.keys(metadata).toSorted()).toEqual([
    'schema.cmd.increase.request',
    'schema.cmd.increase.response',
    'schema.get.history.request',
    'schema.get.history.response',
    'schema.get.value.request',
    'schema.get.value.response',
    'schema.refusal',
  ]);
});

test("a request's schema is that of its body, which does not hold the command's name", () => {
  expect(follows('schema.cmd.increase.request', { by: 3 })).toBe(true);
  expect(follows('schema.cmd.increase.request', { by: 0 })).toBe(false);
  expect(follows('schema.cmd.increase.request', { by: 3, name: 'increase' })).toBe(false);
});

test('an actor that does not say what it answers has replies with any result', () => {
  const reply = { ok: true, at: '1:1-1', result: { anything: 1 }, fieldOfLater: 2 };
  expect(follows('schema.cmd.increase.response', reply)).toBe(true);
  expect(follows('schema.cmd.increase.response', { ...reply, ok: false })).toBe(false);
});
