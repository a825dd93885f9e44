import { WireReply } from '../contracts/reply.ts';
import { UnreadableReply } from './client-failures.ts';
import type { Answer } from './client-types.ts';

/** Reads a reply, or throws `UnreadableReply`. */
export function readAnswer(json: unknown): Answer {
  const reply = WireReply.safeParse(json);
  if (!reply.success) throw new UnreadableReply(`unreadable reply: ${reply.error.message}`);
  return reply.data;
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
