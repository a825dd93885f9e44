import { z } from 'zod';

declare const brand: unique symbol;
/** A string that was checked to be what its name says; only the functions here make one. */
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** `<type>/<id>`, for example `account/alice`: the address of an actor. */
export type ActorKey = Branded<string, 'ActorKey'>;

/** 1–128 printable ASCII characters; its scope is one actor. */
export type CommandId = Branded<string, 'CommandId'>;

const typeGrammar = /^[a-z][a-z0-9-]{0,63}$/;
const idGrammar = /^[A-Za-z0-9_-]{1,64}$/;
const commandIdGrammar = /^[\x20-\x7e]{1,128}$/;
const assetGrammar = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

/** The grammar of `<id>` in docs/wire.md, also that of clOrdId, orderId and holdId. */
export const IdText = z.string().regex(idGrammar, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

/** An asset's code, such as `USD`: 1 to 32 of `A-Z a-z 0-9 _ -`, beginning with a letter or digit. */
export const Asset = z
  .string()
  .regex(assetGrammar, 'must be 1 to 32 of A-Z a-z 0-9 _ -, beginning with a letter or a digit');

export const isActorType = (text: string): boolean => typeGrammar.test(text);
export const isActorId = (text: string): boolean => idGrammar.test(text);
export const isCommandId = (text: string): text is CommandId => commandIdGrammar.test(text);

/**
 * The id of the command that retries a dead letter, by its address: none that a client can send, for a
 * client that used it first would keep the retry from running.
 */
export const retryId = (address: string): string => `retry→${address}`;

/** The same as earlier versions made it, and clients can, too. */
export const formerRetryId = (address: string): string => `retry ${address}`;

/** The key of an actor whose type and id are known to follow the grammar. */
export const actorKey = (type: string, id: string): ActorKey => `${type}/${id}` as ActorKey;

/** Reads `account/alice`; undefined if it is not a well-formed key. */
export function parseActorKey(text: string): ActorKey | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const wellFormed = isActorType(text.slice(0, slash)) && isActorId(text.slice(slash + 1));
  return wellFormed ? (text as ActorKey) : undefined;
}

/** The type of the actor with this key. */
export const typeOf = (key: ActorKey): string => key.slice(0, key.indexOf('/'));

/** The two halves of a key: `account/alice` → `account`, `alice`. */
export function splitActorKey(key: ActorKey): { type: string; id: string } {
  const slash = key.indexOf('/');
  return { type: key.slice(0, slash), id: key.slice(slash + 1) };
}
