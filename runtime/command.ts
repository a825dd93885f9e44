/**
 * Requests as they come from the bus, checked at the edge: below here nothing is unknown.
 */
import type { ActorType, Query } from '../actors/actor.ts';
import { wireLimits } from '../contracts/batch.ts';
import { HistoryQuery } from '../contracts/history.ts';
import { isCommandId, type ActorKey } from '../contracts/ids.ts';
import { isJsonObject, payloadHash, type Json } from '../contracts/json.ts';
import { OperatorRequest, type OperatorVerb } from '../contracts/operator.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Span } from './telemetry.ts';

/** Whoever waits for a reply. */
export interface Caller {
  /** The reply subject, which the log keeps for a deferred reply; empty if nobody waits. */
  readonly subject: string;
  /** When it began to wait, in ms since 1970. */
  readonly since: number;
  /** Takes the bytes of the reply, and its code if it is a refusal. */
  answer(text: string, code?: string): void;
}

/** Answers with a reply that has no record of its own. */
export const answer = (caller: Caller, reply: Reply): void =>
  caller.answer(encodeReply(reply), reply.ok ? undefined : reply.error.code);

/** A command whose body follows its contract. */
export interface Command {
  readonly actor: ActorKey;
  readonly type: ActorType;
  readonly name: string;
  /** What the contract's schema made of the body: the name and the fields. */
  readonly input: unknown;
  readonly body: Json;
  /** The client's id, or empty: the host then gives one of its own. */
  readonly id: string;
  /** Hash of name and canonical body; empty without a client's id. */
  readonly hash: string;
  /** The W3C traceparent of this step, or of the client's if it is not traced here. */
  readonly trace: string | undefined;
  readonly span?: Span | undefined;
  readonly caller: Caller;
  /** The position of the dead letter that an operator retries with this command. */
  readonly retried?: number | undefined;
}

/** A query whose body follows its contract. */
export interface Read {
  readonly actor: ActorKey;
  readonly type: ActorType;
  readonly query: Query<unknown>;
  readonly body: unknown;
  readonly caller: Caller;
}

export type ActorTypes = ReadonlyMap<string, ActorType>;

interface Request {
  readonly types: ActorTypes;
  readonly type: string;
  readonly actor: ActorKey;
  readonly name: string;
  readonly caller: Caller;
}

interface CommandRequest extends Request {
  /** The parsed body, or its bytes. */
  readonly body: Uint8Array | { readonly json: Json };
  readonly id: string | undefined;
  readonly trace: string | undefined;
  readonly span?: Span | undefined;
  /** Of an operator's retry, whose id is none of a client's. */
  readonly retried?: number | undefined;
}

type Refused = Extract<Reply, { ok: false }>;
type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refused: Refused };

const refused = (code: string, message?: string): { ok: false; refused: Refused } => ({
  ok: false,
  refused: refusal(code, message),
});

/** Step 1 of the turn: a command out of a request, or the refusal that answers it. */
export function parseCommand(request: CommandRequest): Parsed<Command> {
  const type = request.types.get(request.type);
  if (type === undefined) return refused('runtime/unknown-type');
  const schema = type.commands.get(request.name);
  if (schema === undefined) return refused('runtime/unknown-command');
  const { id, retried } = request;
  if (id !== undefined && retried === undefined && !isCommandId(id)) {
    return refused(
      'request/malformed',
      'A command id (the header Nats-Msg-Id) must be 1 to 128 printable ASCII characters.',
    );
  }
  const body = readBody(request.body);
  if (!body.ok) return body;
  if (Object.hasOwn(body.value, 'name')) return refused('request/malformed', unknownField('name'));
  const checked = check(() => schema.safeParse({ ...body.value, name: request.name }));
  if (!checked.ok) return checked;
  const { actor, name, trace, span, caller } = request;
  const hash = id === undefined ? '' : payloadHash(name, body.value);
  const { value: input } = checked;
  const known = { actor, type, name, input, body: body.value, id: id ?? '', hash };
  return { ok: true, value: { ...known, trace, span, caller, retried } };
}

/** A query out of a request, or the refusal that answers it. */
export function parseRead(request: Request & { readonly payload: Uint8Array }): Parsed<Read> {
  const type = request.types.get(request.type);
  if (type === undefined) return refused('runtime/unknown-type');
  const query = type.queries.get(request.name);
  if (query === undefined) return refused('runtime/unknown-command');
  const body = readBody(request.payload);
  if (!body.ok) return body;
  const checked = check(() => query.body.safeParse(body.value));
  if (!checked.ok) return checked;
  const { actor, caller } = request;
  return { ok: true, value: { actor, type, query, body: checked.value, caller } };
}

/** An operator's request, or the refusal that answers it. */
export function parseOperatorRequest(
  verb: OperatorVerb,
  payload: Uint8Array,
): Parsed<OperatorRequest> {
  const body = readBody(payload);
  return body.ok ? check(() => OperatorRequest.safeParse({ ...body.value, verb })) : body;
}

/** What history is asked for, or the refusal that answers it. */
export function parseHistory(payload: Uint8Array): Parsed<HistoryQuery> {
  const body = readBody(payload);
  return body.ok ? check(() => HistoryQuery.safeParse(body.value)) : body;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads bytes as a JSON document; undefined if they are not one. */
export function readJson(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(utf8.decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

function readBody(body: CommandRequest['body']): Parsed<{ readonly [key: string]: Json }> {
  if (!(body instanceof Uint8Array)) return asObject(body.json);
  if (body.length === 0) return { ok: true, value: {} };
  if (body.length > wireLimits.bodyBytesMax) {
    return refused(
      'request/too-large',
      `The body has ${body.length} bytes; at most ${wireLimits.bodyBytesMax} are allowed.`,
    );
  }
  const json = readJson(body);
  if (json === undefined) return refused('request/malformed', 'The body is not JSON in UTF-8.');
  return asObject(json);
}

function asObject(json: Json): Parsed<{ readonly [key: string]: Json }> {
  if (isJsonObject(json)) return { ok: true, value: json };
  return refused('request/malformed', 'The body must be a JSON object.');
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

type SchemaResult<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } };

function check<T>(parse: () => SchemaResult<T>): Parsed<T> {
  const result = parse();
  if (result.success) return { ok: true, value: result.data };
  const issue = result.error.issues[0];
  if (issue === undefined) return refused('request/malformed');
  if (issue.code === 'unrecognized_keys') {
    return refused('request/malformed', unknownField(issue.keys?.[0] ?? ''));
  }
  const field = issue.path.map(String).join('.');
  return refused(
    'request/malformed',
    `${field === '' ? 'The body' : `"${shorten(field)}"`}: ${issue.message}.`,
  );
}

const unknownField = (name: string): string => `There is no field "${shorten(name)}"; remove it.`;

const shorten = (text: string): string => (text.length > 64 ? `${text.slice(0, 64)}…` : text);
