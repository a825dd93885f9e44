/**
 * Reads what Redis answers. A reply of another shape than the command promises is a bug (another
 * program wrote to our keys, or a script and its caller disagree), never something to work around.
 */
import { parseEntryId } from '../../contracts/record.ts';
import type { Entry } from '../log.ts';

export function text(reply: unknown): string {
  if (typeof reply === 'string') return reply;
  throw unexpected('text', reply);
}

export function bytes(reply: unknown): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw unexpected('bytes', reply);
}

export function list(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unexpected('a list', reply);
}

/** A decimal integer below 2^53, as text or as Redis's integer. */
export function integer(reply: unknown): number {
  const value = typeof reply === 'string' && reply !== '' ? Number(reply) : reply;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw unexpected('an integer', reply);
}

/** One of the words that a script may answer. */
export function oneOf<const Word extends string>(words: readonly Word[], reply: unknown): Word {
  const word = words.find((candidate) => candidate === reply);
  if (word !== undefined) return word;
  throw unexpected(words.join(' or '), reply);
}

/** What HGETALL gives: the client makes an object of it. */
export function hash(reply: unknown): readonly (readonly [string, unknown])[] {
  if (typeof reply === 'object' && reply !== null && !Array.isArray(reply))
    return Object.entries(reply);
  throw unexpected('a hash', reply);
}

/** The entries of XRANGE or XREVRANGE on a partition's log. */
export const entries = (reply: unknown): readonly Entry[] => list(reply).map(entry);

/** An entry without fields is one that a consumer group still knows and the log no longer has. */
function entry(reply: unknown): Entry {
  const [id, body] = list(reply);
  const { epoch, position } = parseEntryId(text(id));
  if (body === null) return { epoch, position, n: 0, records: '' };
  const content = new Map<unknown, unknown>(pairs(body));
  return { epoch, position, n: integer(content.get('n')), records: text(content.get('records')) };
}

/** A reply of `name, value, name, value …`. */
export function pairs(reply: unknown): (readonly [unknown, unknown])[] {
  const flat = list(reply);
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]] as const] : []));
}

function unexpected(wanted: string, reply: unknown): Error {
  return new Error(
    `Redis answered ${JSON.stringify(reply)?.slice(0, 200)} where ${wanted} was expected`,
  );
}
