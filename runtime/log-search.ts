/** What a partition looks up in its own log, away from the hot path. */
import type { ActorKey } from '../contracts/ids.ts';
import { decodeGroup, recordAddress, type LogRecord } from '../contracts/record.ts';
import { encodeReply, refusal } from '../contracts/reply.ts';
import type { Command } from './command.ts';
import type { Log } from './log.ts';
import { replyIn, type Known } from './recall.ts';
import { entriesFrom } from './recovery.ts';

export interface SearchedLog {
  readonly partition: number;
  readonly log: Log;
  readonly epochOf: (position: number) => Promise<number | undefined>;
}

/** What the records at these positions say of a command's id, which may be another's. */
export async function knownAt(
  { partition, log, epochOf }: SearchedLog,
  { actor, id, hash }: Command,
  positions: readonly number[],
): Promise<Known> {
  for (const position of positions) {
    const entry = await log.entryAt(partition, position);
    if (entry === undefined) {
      const at = recordAddress(partition, (await epochOf(position)) ?? 0, position);
      const code = 'runtime/already-applied';
      return { kind: 'answered', hash, text: encodeReply(refusal(code), at), code };
    }
    const record = decodeGroup(entry.records)[position - entry.position];
    const answer = record && replyIn(record, actor, id);
    if (answer === undefined) continue;
    const text = encodeReply(answer.reply, recordAddress(partition, entry.epoch, position));
    const code = answer.reply.ok ? undefined : answer.reply.error.code;
    return { kind: 'answered', hash: answer.hash ?? '', text, ...(code !== undefined && { code }) };
  }
  return { kind: 'new' };
}

/** The records with events of one actor, from a position on. */
export async function recordsOf(
  { partition, log }: Pick<SearchedLog, 'partition' | 'log'>,
  actor: ActorKey,
  position: number,
): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const entry of entriesFrom(log, partition, position)) {
    for (const record of decodeGroup(entry.records)) {
      if (record.actor === actor && record.events) records.push(record);
    }
  }
  return records;
}
