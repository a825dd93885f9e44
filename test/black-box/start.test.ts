import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const cli = fileURLToPath(new URL('../../tools/cli.ts', import.meta.url));

interface Start {
  readonly lines: readonly string[];
  /** Resolves at the first line, past or future, that the pattern fits. */
  line(pattern: RegExp): Promise<string>;
  /** SIGKILL to the process group: `start`, hosts, Redis, NATS. */
  killAll(): Promise<void>;
  readonly status: Promise<number | null>;
}

function start(data: string, ...options: string[]): Start {
  const child = spawn(process.execPath, [cli, 'start', '--data', data, ...options], {
    detached: true,
    env: { ...process.env, MILLRACE_REDIS_URL: '', MILLRACE_NATS_URL: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const heard = new EventTarget();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    heard.dispatchEvent(new Event('line'));
  });
  const status = once(child, 'close').then(() => child.exitCode);
  const killAll = async (): Promise<void> => {
    killGroup(child);
    await status;
  };
  onTestFinished(killAll);
  return {
    lines,
    line: async (pattern) => {
      for (;;) {
        const line = lines.find((one) => pattern.test(one));
        if (line !== undefined) return line;
        await once(heard, 'line');
      }
    },
    killAll,
    status,
  };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended already.
  }
}

test('the recorded market goes on where kill -9 cut it off, and every checksum matches', async () => {
  const data = await mkdtemp(join(tmpdir(), 'millrace-start-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));

  const first = start(data);
  await first.line(/checksums [1-9]\d* matched/);
  await first.killAll();

  const second = start(data, '--once');
  expect(await second.status, second.lines.join('\n')).toBe(0);
  const told = second.lines.join('\n');
  expect(told).toContain('Restored from disk');
  expect(told).toContain('40 answered from the log, byte for byte');
  expect(told).toMatch(/All [\d,]+ checksums of the recorded exchange match our books/);
  expect(told).toContain('Money is conserved');
  expect(told).not.toContain('Refused');

  const third = start(data);
  await third.line(/millrace -- get account\/you balance/);
  expect(third.lines.join('\n')).toContain('played to its end before');
}, 120_000);
