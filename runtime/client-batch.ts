/**
 * Batches: commands are grouped by partition, packed into requests within the sizes of the wire
 * contract, and those that found no final answer are asked again, with the same ids.
 *
 * Partitions are asked at the same time; the requests of one partition follow one another.
 */
import { z } from 'zod';
import { wireLimits } from '../contracts/batch.ts';
import type { ActorKey } from '../contracts/ids.ts';
import { partitionOf } from '../contracts/partition.ts';
import type { Subjects } from '../contracts/subjects.ts';
import { OutcomeUnknown, Unavailable, UnreadableReply, type LastTry } from './client-failures.ts';
import type { Line, Tried, Until } from './client-line.ts';
import { readAnswer, readJson } from './client-replies.ts';
import type { Answer } from './client-types.ts';

/** A command that is ready to be sent. */
export interface Prepared {
  readonly actor: ActorKey;
  readonly name: string;
  readonly id: string;
  /** The body as JSON. */
  readonly body: string;
}

export type Outcome = Answer | OutcomeUnknown | Unavailable;

export interface Batches {
  readonly line: Line;
  readonly subjects: Subjects;
  readonly partitions: number;
}

/**
 * Sends commands to their partitions; settles with one outcome for each, in the order given. A
 * command that was refused before it could be sent keeps its refusal.
 */
export async function sendBatch(
  batches: Batches,
  commands: readonly (Prepared | Extract<Answer, { ok: false }>)[],
  until: Until,
): Promise<Outcome[]> {
  const all = commands.map((command) => ('ok' in command ? command : entryOf(command)));
  const entries = all.filter((one): one is Entry => 'command' in one);
  const byPartition = Map.groupBy(entries, (entry) =>
    partitionOf(entry.command.actor, batches.partitions),
  );
  await Promise.all(
    [...byPartition].map(async ([partition, ofPartition]) => {
      const subject = batches.subjects.partitionBatch(partition);
      for (const piece of pack(ofPartition)) await sendPiece(batches.line, subject, piece, until);
    }),
  );
  return all.map((one) => ('ok' in one ? one : (one.outcome ?? missing(one))));
}

/** One command under way: what it came to, or what its last attempt met. */
interface Entry {
  readonly command: Prepared;
  readonly text: string;
  outcome?: Answer;
  unknown: boolean;
  why?: LastTry;
}

const entryOf = (command: Prepared): Entry => ({ command, text: encode(command), unknown: false });

const encode = ({ id, actor, name, body }: Prepared): string =>
  `{"id":${JSON.stringify(id)},"actor":"${actor}","name":"${name}","body":${body}}`;

const envelope = (entries: readonly Entry[]): string =>
  `{"commands":[${entries.map(({ text }) => text).join(',')}]}`;

const envelopeBytes = Buffer.byteLength(envelope([]));

/** Cuts a partition's commands into requests of at most 1,000 commands and 1 MiB. */
function pack(entries: readonly Entry[]): Entry[][] {
  const pieces: Entry[][] = [];
  let piece: Entry[] = [];
  let bytes = envelopeBytes;
  for (const entry of entries) {
    const more = Buffer.byteLength(entry.text) + 1;
    const full = piece.length === wireLimits.batchCommandsMax;
    if (piece.length > 0 && (full || bytes + more > wireLimits.batchBytesMax)) {
      pieces.push(piece);
      piece = [];
      bytes = envelopeBytes;
    }
    piece.push(entry);
    bytes += more;
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

/** Asks until every command of the piece has its answer; each attempt carries those that do not. */
async function sendPiece(line: Line, subject: string, piece: Entry[], until: Until): Promise<void> {
  await line.retry(until, async (timeoutMs): Promise<Tried<undefined>> => {
    const open = piece.filter((entry) => entry.outcome === undefined);
    const tried = await line.request(subject, envelope(open), { timeoutMs, signal: until.signal });
    if (tried.kind === 'again') {
      for (const entry of open) putOff(entry, tried.why, tried.unknown);
      return tried;
    }
    const replies = readReplies(tried.value.payload, open.length);
    for (const [index, entry] of open.entries()) settle(line, entry, replies[index]);
    const rest = open.find((entry) => entry.outcome === undefined);
    if (rest?.why === undefined) return { kind: 'done', value: undefined };
    return { kind: 'again', unknown: rest.unknown, why: rest.why };
  });
}

function settle(line: Line, entry: Entry, answer: Answer | undefined): void {
  if (answer === undefined) return;
  if (answer.ok || !line.isRetried(answer.error, entry.unknown)) entry.outcome = answer;
  else putOff(entry, answer.error, answer.error.code === 'runtime/pending');
}

function putOff(entry: Entry, why: LastTry, unknown: boolean): void {
  entry.why = why;
  entry.unknown ||= unknown;
}

const missing = ({ command, unknown, why }: Entry): OutcomeUnknown | Unavailable =>
  unknown ? new OutcomeUnknown(command, why) : new Unavailable(command, why);

const Replies = z.object({ ok: z.literal(true), replies: z.array(z.unknown()) });

/** One answer per command; a batch that was refused as a whole is refused for each. */
function readReplies(payload: Uint8Array, count: number): Answer[] {
  const json = readJson(payload);
  const batch = Replies.safeParse(json);
  if (!batch.success) return Array<Answer>(count).fill(readAnswer(json));
  if (batch.data.replies.length !== count) {
    const found = batch.data.replies.length;
    throw new UnreadableReply(`a batch of ${count} commands was answered with ${found} replies`);
  }
  return batch.data.replies.map((reply) => readAnswer(reply));
}
