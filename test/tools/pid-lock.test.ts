import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { takePidLock } from '../../tools/pid-lock.mjs';
import { temporaryDirectory } from './temporary-directory.ts';

test('a lock is held by one living process at a time', async () => {
  const path = join(await temporaryDirectory(), 'lock');
  const first = takePidLock(path);
  expect(takePidLock(path)).toEqual({ kind: 'held', pid: process.pid });
  if (first.kind === 'taken') first.release();
  expect(takePidLock(path).kind).toBe('taken');
});

test('the lock of a dead process is free, and nothing but the lock is left behind', async () => {
  const directory = await temporaryDirectory();
  const path = join(directory, 'lock');
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  expect(takePidLock(path, child.pid).kind).toBe('taken');
  await once(child, 'exit');
  expect(takePidLock(path).kind).toBe('taken');
  expect(await readdir(directory)).toEqual(['lock']);
});

test.skipIf(process.platform !== 'linux')(
  'a process that got the number of a dead one holds nothing',
  async () => {
    const path = join(await temporaryDirectory(), 'lock');
    await writeFile(path, `${process.pid} another-boot 1\n`);
    expect(takePidLock(path).kind).toBe('taken');
  },
);
