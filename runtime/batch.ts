/** A batch: its envelope, and its replies put together in order. */
import { BatchRequest, wireLimits } from '../contracts/batch.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import { readJson, type Caller } from './command.ts';
import type { DeferredParts } from './deferred-parts.ts';

/** The commands of a batch, each still unchecked; or why there is no batch. */
export function parseBatch(payload: Uint8Array): readonly unknown[] | Reply {
  if (payload.length > wireLimits.batchBytesMax) return refusal('request/too-large');
  const json = readJson(payload);
  if (json === undefined) return refusal('request/malformed', 'The body is not JSON in UTF-8.');
  const envelope = BatchRequest.safeParse(json);
  if (envelope.success) return envelope.data.commands;
  const issue = envelope.error.issues[0];
  const field =
    issue?.code === 'unrecognized_keys' ? `"${issue.keys[0]}": no such field` : issue?.message;
  return refusal(
    'request/malformed',
    `A batch is {"commands":[…]} of 1 to 1,000 commands. ${field ?? ''}`,
  );
}

/** What a reply of unknown size is taken to need, and what the smallest refusal needs. */
const expectedReplyBytes = 512;
const refusalBytes = 256;

/** The replies of one batch, in order; answered when the slowest is there, and never too large. */
export class Batch {
  readonly #replies: (string | undefined)[];
  readonly #since: number;
  readonly #done: (text: string) => void;
  readonly #deferred: DeferredParts;
  /** Commands without a reply, and those of them that were begun. */
  #missing: number;
  #waiting = 0;
  #bytes = 0;

  constructor(size: number, { since, answer }: Caller, deferred: DeferredParts) {
    this.#deferred = deferred;
    this.#since = since;
    this.#replies = Array.from({ length: size });
    this.#missing = size;
    this.#done = answer;
  }

  /** The caller of the next command; undefined if its reply might not fit: it is answered busy. */
  begin(index: number): Caller | undefined {
    const unbegun = this.#missing - this.#waiting;
    const expected = this.#waiting * expectedReplyBytes + unbegun * refusalBytes;
    if (this.#bytes + expected > wireLimits.batchReplyBytesMax) {
      this.#settle(index, encodeReply(refusal('runtime/busy')));
      return undefined;
    }
    this.#waiting++;
    return new Part(this, index, this.#deferred, this.#since);
  }

  /** The reply to a command that was begun; false if it has one. */
  answer(index: number, text: string): boolean {
    if (this.#replies[index] !== undefined) return false;
    this.#waiting--;
    const rest = (this.#missing - 1) * refusalBytes;
    const fits = this.#bytes + Buffer.byteLength(text) + rest <= wireLimits.batchReplyBytesMax;
    this.#settle(index, fits ? text : encodeReply(refusal('runtime/pending')));
    return true;
  }

  #settle(index: number, reply: string): void {
    this.#replies[index] = reply;
    this.#bytes += Buffer.byteLength(reply) + 1;
    if (--this.#missing === 0) this.#done(`{"ok":true,"replies":[${this.#replies.join(',')}]}`);
  }
}

/** Whoever waits for one command of a batch. A class, for an accessor of each one's own is dearer. */
class Part implements Caller {
  readonly since: number;
  readonly #batch: Batch;
  readonly #index: number;
  readonly #deferred: DeferredParts;
  #subject: string | undefined;

  constructor(batch: Batch, index: number, deferred: DeferredParts, since: number) {
    this.since = since;
    this.#batch = batch;
    this.#index = index;
    this.#deferred = deferred;
  }

  /** Made when a record needs it: most commands are answered by the record of their own. */
  get subject(): string {
    return (this.#subject ??= this.#deferred.reserve(this));
  }

  answer(text: string): void {
    const answered = this.#batch.answer(this.#index, text);
    if (answered && this.#subject !== undefined) this.#deferred.release(this.#subject);
  }
}
