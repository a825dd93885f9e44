import { expect, test } from 'vitest';
import { codes, isRecorded, isRetryable, statusOf, type Code } from '../../contracts/codes.ts';

test('docs/codes.md is the table of codes', async () => {
  const rows = Object.entries(codes).map(
    ([code, { status, message }]) =>
      `| \`${code}\` | ${status} | ${isRecorded(code) ? 'yes' : 'no'} | ${isRetryable(code) ? 'yes' : 'no'} | ${message} |`,
  );
  const text = [
    '# Codes of refusals',
    '',
    'Generated from `contracts/codes.ts` (`npx vitest run test/contracts -u`). *Recorded*: the refusal is an',
    'outcome in the log and uses up the command id. *Again*: send it again with the same id.',
    '',
    '| code | status | recorded | again | what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
  await expect(text).toMatchFileSnapshot('../../docs/codes.md');
});

test('only 429 and 503 say "again"; no refusal says it that is recorded', () => {
  for (const code of Object.keys(codes) as Code[]) {
    expect(isRetryable(code)).toBe([429, 503].includes(statusOf(code)));
    expect(isRetryable(code) && isRecorded(code)).toBe(false);
  }
});

test("a code of a user's own actor is a recorded refusal", () => {
  expect(statusOf('counter/below-zero')).toBe(409);
  expect(isRecorded('counter/below-zero')).toBe(true);
});
