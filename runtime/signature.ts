/**
 * Deliveries between partitions carry money, and travel on subjects that a client may be able to
 * publish to. Hosts therefore sign them with a key that only who reads the store knows: the
 * cluster's id. What is not signed is dropped unanswered.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const signatureHeader = 'Millrace-Signature';

/** HMAC-SHA256 of a payload that is addressed to a subject. */
export const sign = (key: string, subject: string, payload: string | Uint8Array): string =>
  createHmac('sha256', key).update(subject).update('\n').update(payload).digest('base64url');

export interface Signed {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly signature: string | undefined;
}

export function isSigned(key: string, { subject, payload, signature }: Signed): boolean {
  if (signature === undefined) return false;
  const expected = Buffer.from(sign(key, subject, payload));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
