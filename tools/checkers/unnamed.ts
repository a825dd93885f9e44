/** Commands that were sent once and without an id: each may be carried out once, or not at all. */
import type { ActorKey } from '../../contracts/ids.ts';
import { encodeReply, WireReply } from '../../contracts/reply.ts';
import { isRecorded } from '../../contracts/codes.ts';
import type { Placed } from '../../runtime/whole-log.ts';

export interface Unnamed {
  readonly actor: ActorKey;
  /** Absent if none came. */
  readonly reply: string | undefined;
}

/** A sentence for each that was carried out twice, or was told what no record says. */
export function wrongUnnamed(records: readonly Placed[], sent: readonly Unnamed[]): string[] {
  const wrong: string[] = [];
  const carriedOut = new Map<ActorKey, number>();
  const replies = new Map<string, string>();
  const ids = new Map<string, string>();
  for (const { record, at } of records) {
    const { actor, id, hash, reply, answers = [] } = record;
    if (id !== undefined && hash === undefined) {
      carriedOut.set(actor, (carriedOut.get(actor) ?? 0) + 1);
      ids.set(`${actor} ${id}`, at);
      if (reply) replies.set(at, encodeReply(reply, at));
    }
    for (const answer of answers)
      if (ids.has(`${actor} ${answer.id}`)) replies.set(at, encodeReply(answer.reply, at));
  }
  const asked = new Map<ActorKey, number>();
  const told = new Set<string>();
  for (const { actor, reply } of sent) {
    asked.set(actor, (asked.get(actor) ?? 0) + 1);
    const at = reply === undefined ? undefined : recordOf(reply);
    if (at === undefined || reply === undefined) continue;
    if (replies.get(at) !== reply)
      wrong.push(`${actor} answered ${reply}, and ${at} is no record that says so`);
    if (told.has(at)) wrong.push(`${actor} answered two commands with ${at}`);
    told.add(at);
  }
  for (const [actor, times] of carriedOut) {
    const most = asked.get(actor) ?? 0;
    if (times > most)
      wrong.push(`${actor} was sent ${most} commands without an id and carried out ${times}`);
  }
  return wrong;
}

/** The address of the record that a reply tells of, if it tells of one. */
function recordOf(reply: string): string | undefined {
  const told = WireReply.parse(JSON.parse(reply));
  return told.ok || isRecorded(told.error.code) ? told.at : undefined;
}
