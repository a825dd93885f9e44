/** What any NATS client does: requests, replies, headers. Written from docs/wire.md alone. */
import { headers as newHeaders, type Msg, type NatsConnection } from 'nats';
import { expect } from 'vitest';

/** A reply as read from the wire. */
export interface Reply {
  readonly ok: boolean;
  readonly at?: string;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean };
  readonly replies?: readonly Reply[];
}

/** A reply with its exact text and its headers; a header that is not there is `''`. */
export interface Answer {
  readonly text: string;
  readonly reply: Reply;
  readonly errorCode: string;
  readonly status: string;
  readonly traceparent: string;
}

export interface Wire {
  readonly connection: NatsConnection;
  /** A command to `account/alice`; without a body the payload is empty. */
  cmd(actor: string, name: string, body?: unknown, id?: string): Promise<Answer>;
  get(actor: string, name: string, body?: unknown): Promise<Answer>;
  batch(actor: string, commands: readonly unknown[]): Promise<Answer>;
  /** Any payload to any subject under `millrace.`. */
  send(
    path: string,
    payload: string | Uint8Array,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** A query asked again, after 429, 503 and silence, until it is answered. */
  read(actor: string, name: string, body?: unknown): Promise<Answer>;
  /** A command sent again with its id, after 429, 503 and silence, until it has an outcome. */
  insist(actor: string, name: string, body: unknown, id: string): Promise<Answer>;
}

const answerMs = 8_000;
const insistMs = 30_000;

/** The wire contract over one connection. */
export function wireOver(connection: NatsConnection): Wire {
  const send: Wire['send'] = async (path, payload, headers = {}) => {
    const carried = newHeaders();
    for (const [name, value] of Object.entries(headers)) carried.set(name, value);
    const options = { timeout: answerMs, headers: carried };
    return answerOf(await connection.request(`millrace.${path}`, payload, options));
  };
  const request = (verb: string, actor: string, name: string, body: unknown, id?: string) =>
    send(
      `${verb}.${actor.replace('/', '.')}.${name}`,
      body === undefined ? '' : JSON.stringify(body),
      id === undefined ? {} : { 'Nats-Msg-Id': id },
    );
  return {
    connection,
    send,
    cmd: (actor, name, body, id) => request('cmd', actor, name, body, id),
    get: (actor, name, body) => request('get', actor, name, body),
    batch: (actor, commands) => request('cmd', actor, 'batch', { commands }),
    read: (actor, name, body) => repeat(() => request('get', actor, name, body)),
    insist: (actor, name, body, id) => repeat(() => request('cmd', actor, name, body, id)),
  };
}

function answerOf(message: Msg): Answer {
  const text = new TextDecoder().decode(message.data);
  return {
    text,
    reply: JSON.parse(text) as Reply,
    errorCode: message.headers?.get('Nats-Service-Error') ?? '',
    status: message.headers?.get('Nats-Service-Error-Code') ?? '',
    traceparent: message.headers?.get('traceparent') ?? '',
  };
}

async function repeat(ask: () => Promise<Answer>): Promise<Answer> {
  const end = performance.now() + insistMs;
  for (;;) {
    try {
      const answer = await ask();
      if (answer.reply.error?.retryable !== true || performance.now() > end) return answer;
    } catch (error) {
      // Silence and "no responders" are promised to pass; a closed connection is not.
      const passes = /^(TIMEOUT|503)$/.test(String((error as { code?: unknown }).code));
      if (!passes || performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const address = /^\d+:\d+-\d+$/;
const notRecorded = new Set(['runtime/id-conflict', 'runtime/stale-command']);

/** The result of a command that succeeded; checks the reply's whole shape. */
export function resultOf<T = unknown>(answer: Answer): T {
  expect(answer.reply).toEqual({
    ok: true,
    at: expect.stringMatching(address),
    result: expect.anything(),
  });
  expect(answer).toMatchObject({ errorCode: '', status: '' });
  return answer.reply.result as T;
}

/** The result of a query that succeeded: no record, hence no address. */
export function readOf<T = unknown>(answer: Answer): T {
  expect(answer.reply).toEqual({ ok: true, result: expect.anything() });
  expect(answer).toMatchObject({ errorCode: '', status: '' });
  return answer.reply.result as T;
}

/** The refusal of a command: code, status, headers, and an address exactly if it was recorded. */
export function expectRefused(answer: Answer, code: string): void {
  const recorded = statusOf(code) === 409 && !notRecorded.has(code);
  expectRefusal(answer, code, recorded);
}

/** The refusal of a query, or of a batch as a whole: never recorded. */
export const expectUnanswered = (answer: Answer, code: string): void =>
  expectRefusal(answer, code, false);

function expectRefusal(answer: Answer, code: string, recorded: boolean): void {
  expect(answer.reply).toEqual({
    ok: false,
    ...(recorded && { at: expect.stringMatching(address) }),
    error: {
      code,
      message: expect.stringMatching(/\S/),
      retryable: /^(429|503)$/.test(answer.status),
    },
  });
  expect(answer).toMatchObject({ errorCode: code, status: String(statusOf(code)) });
}

function statusOf(code: string): number {
  if (/^(request|money)\//.test(code)) return 400;
  if (code.startsWith('runtime/unknown-')) return 404;
  if (code === 'runtime/busy') return 429;
  if (code === 'runtime/pending' || code === 'runtime/no-owner') return 503;
  return code === 'runtime/quarantined' || code === 'runtime/halted' ? 500 : 409;
}

/** The partition that an address names. */
export const partitionOf = (answer: Answer): number => Number(answer.reply.at?.split(':')[0]);

/** The replies of a batch, one per command. */
export function repliesOf(answer: Answer): readonly Reply[] {
  expect(answer.reply).toEqual({ ok: true, replies: expect.any(Array) });
  expect(answer.status).toBe('');
  return answer.reply.replies ?? [];
}

/** What each reply of a batch came to: `ok` or the code of its refusal. */
export const outcomesOf = (answer: Answer): readonly string[] =>
  repliesOf(answer).map((reply) => (reply.ok ? 'ok' : (reply.error?.code ?? '')));
