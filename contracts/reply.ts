import { z } from 'zod';
import { codes, isCode, isRetryable } from './codes.ts';
import type { Json } from './json.ts';

/** A reply as the log keeps it: `at` is the record's own address and is added when it is sent. */
export type Reply =
  | { readonly ok: true; readonly result: Json }
  | { readonly ok: false; readonly error: Refusal };

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/**
 * What a client reads: a reply with the address `partition:epoch-position` of its record, if there
 * is one. Fields of a later version pass, and the result is not looked into: the wire contract
 * changes by addition, so a client that checked strictly would refuse a newer host.
 */
export const WireReply = z.discriminatedUnion('ok', [
  z.looseObject({
    ok: z.literal(true),
    at: z.string().exactOptional(),
    result: z.custom<Json>((result) => result !== undefined),
  }),
  z.looseObject({
    ok: z.literal(false),
    at: z.string().exactOptional(),
    error: z.looseObject({ code: z.string(), message: z.string(), retryable: z.boolean() }),
  }),
]);

export const success = (result: Json): Reply => ({ ok: true, result });

/** A refusal; without a message of its own it carries the one of the table of codes. */
export function refusal(code: string, message?: string): Extract<Reply, { ok: false }> {
  const text = message ?? (isCode(code) ? codes[code].message : 'The actor refused the command.');
  return { ok: false, error: { code, message: text, retryable: isRetryable(code) } };
}

/** The bytes of a reply on the wire; the same record always gives the same bytes. */
export function encodeReply(reply: Reply, at?: string): string {
  const address = at === undefined ? '' : `,"at":"${at}"`;
  return reply.ok
    ? `{"ok":true${address},"result":${JSON.stringify(reply.result)}}`
    : `{"ok":false${address},"error":${JSON.stringify(reply.error)}}`;
}
