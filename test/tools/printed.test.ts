import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const printed = fileURLToPath(new URL('../../tools/printed.ts', import.meta.url));
const program = `
  import { printed } from ${JSON.stringify(printed)};
  while (await printed('line\\n'.repeat(10_000)));
`;

test('what prints ends in good order once nobody reads any more', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [status] = await once(child, 'close');
  expect({ status, complaints }).toEqual({ status: 0, complaints: '' });
});
