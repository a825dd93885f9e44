import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Schedule } from '../../tools/sim/schedule.ts';

const root = join(import.meta.dirname, '..', '..');

test('a seed that never lets go ends the run, which says which it was', async () => {
  const command = [
    'tools/cli.ts',
    'sim',
    '42',
    '--actors',
    'test/sim/endless.ts',
    '--patience',
    '2',
  ];
  const ended = await new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root }, (error, _, stderr) =>
      resolve({ signal: error?.signal, stderr }),
    );
  });
  expect(ended).toEqual({
    signal: 'SIGKILL',
    stderr: expect.stringContaining('seed 42 has not ended after 2 s'),
  });
});

test('what calls for itself again and again at the same time has an end, too', async () => {
  const schedule = new Schedule();
  const again = (): void => void schedule.after(0, again);
  again();
  await expect(schedule.until(() => false, 1)).rejects.toThrow('no end after');
});
