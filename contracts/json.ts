import { hash } from 'node:crypto';

/** Any value that JSON can carry. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Whether a parsed JSON value is an object (neither an array nor null). */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * JSON with the keys of every object in code-unit order and no white space: two texts that differ
 * only in key order or white space have one canonical form (the part of RFC 8785 that we need).
 */
export function canonicalJson(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = value as JsonObject;
  let text = '';
  for (const key of sortedKeys(members)) {
    text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${canonicalJson(members[key] as Json)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

/** In code-unit order; by insertion where there are few, for sorting allocates more than it sorts. */
function sortedKeys(members: JsonObject): string[] {
  const keys = Object.keys(members);
  if (keys.length > 16) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}

/** 128 bits of SHA-256 as 22 characters: names a payload or a state in records and snapshots. */
export const digest = (text: string): string => hash('sha256', text, 'base64url').slice(0, 22);

/** The hash that tells whether a repeated command id carries the same payload. */
export const payloadHash = (name: string, body: Json): string =>
  digest(`${name}\n${canonicalJson(body)}`);
