/** What clients were told, beside what the logs say. */
import { payloadHash } from '../../contracts/json.ts';
import { encodeReply, WireReply } from '../../contracts/reply.ts';
import { isRecorded } from '../../contracts/codes.ts';
import type { Placed } from '../../runtime/whole-log.ts';
import { scoped, type SentCommand } from './evidence.ts';

/**
 * Each acknowledged command stands in the log, and every reply that was ever given to its id is,
 * byte for byte, the one that stands there. `runtime/already-applied` names that record instead. The
 * same id with another payload never gets that reply.
 */
export function wrongReplies(
  records: readonly Placed[],
  commands: readonly SentCommand[],
): string[] {
  const recorded = new Map<string, Recorded>();
  for (const { record, at } of records) {
    const { actor, id, hash, reply, answers = [] } = record;
    if (id !== undefined && reply)
      recorded.set(scoped(actor, id), { at, hash, text: encodeReply(reply, at) });
    for (const answer of answers) {
      const text = encodeReply(answer.reply, at);
      recorded.set(scoped(actor, answer.id), { at, hash: answer.hash, text });
    }
  }
  return commands.flatMap(({ actor, id, name, body, replies }) => {
    const key = scoped(actor, id);
    const hash = payloadHash(name, body);
    const inLog = recorded.get(key);
    return [...new Set(replies)].flatMap((text) => {
      const told = outcome(text);
      if (told === undefined) return [];
      if (inLog === undefined) return [`${key} was told ${text}, and no record answers it`];
      if (told.kind === 'reply' && inLog.hash !== undefined && inLog.hash !== hash)
        return [`${key} was told ${text}, which answers another payload of that id`];
      const right = told.kind === 'reply' ? text === inLog.text : told.at === inLog.at;
      return right ? [] : [`${key} was told ${text}, the log has ${inLog.text}`];
    });
  });
}

interface Recorded {
  readonly at: string;
  /** Of the payload that it answers, if the id was a client's. */
  readonly hash: string | undefined;
  readonly text: string;
}

type Outcome = { readonly kind: 'reply' } | { readonly kind: 'applied-at'; readonly at?: string };

/** Undefined for a reply that tells nothing of the command's fate: busy, pending, malformed. */
function outcome(text: string): Outcome | undefined {
  const reply = WireReply.parse(JSON.parse(text));
  if (reply.ok) return { kind: 'reply' };
  if (reply.error.code === 'runtime/already-applied')
    return { kind: 'applied-at', ...(reply.at !== undefined && { at: reply.at }) };
  return isRecorded(reply.error.code) ? { kind: 'reply' } : undefined;
}
