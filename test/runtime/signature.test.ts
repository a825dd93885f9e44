import { expect, test } from 'vitest';
import { isSigned, sign } from '../../runtime/signature.ts';

const [key, subject, text] = ['a-cluster', 'millrace.part.3.channel', '{"from":1}'];
const payload = Buffer.from(text);
const signature = sign(key, subject, text);

test('what a host has signed is accepted, as text or as bytes', () => {
  expect(isSigned(key, { subject, payload, signature })).toBe(true);
  expect(sign(key, subject, payload)).toBe(signature);
});

test.each([
  ['no signature', { subject, payload, signature: undefined }],
  ['an empty one', { subject, payload, signature: '' }],
  ['a shorter one', { subject, payload, signature: signature.slice(0, -1) }],
  ['that of another payload', { subject, payload: Buffer.from('{"from":2}'), signature }],
  ['that of another subject', { subject: 'millrace.part.4.channel', payload, signature }],
  ['that of another cluster', { subject, payload, signature: sign('b', subject, text) }],
])('what comes with %s is not', (_, signed) => {
  expect(isSigned(key, signed)).toBe(false);
});

test('a part of the subject cannot pass for a part of the payload', () => {
  expect(sign(key, `${subject}x`, text)).not.toBe(sign(key, subject, `x${text}`));
});
