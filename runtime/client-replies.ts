import { z } from 'zod';
import { UnreadableReply } from './client-failures.ts';
import type { Answer } from './client-types.ts';

/**
 * Checks the envelope of a reply. A result is passed on as it is: the wire contract changes by
 * addition, so a client that checked it strictly would refuse a newer host.
 */
export function readAnswer(json: unknown): Answer {
  const envelope = Envelope.safeParse(json);
  if (!envelope.success) throw new UnreadableReply(`unreadable reply: ${envelope.error.message}`);
  return json as Answer; // A type witness: it has just been checked.
}

/** Parses a payload as JSON. */
export function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(payload));
  } catch (cause) {
    throw new UnreadableReply('the reply is not JSON', { cause });
  }
}

const decoder = new TextDecoder();

const Envelope = z.union([
  z.object({ ok: z.literal(true), at: z.string().optional(), result: z.unknown() }),
  z.object({
    ok: z.literal(false),
    at: z.string().optional(),
    error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }),
  }),
]);
