/**
 * What `npm test` runs: types, lint, format, unused code, then the tests. Exit status 1 if anything
 * fails; the last line counts the tests and, as one each, the other checks.
 *
 * `npm test -- test/actors test/tidy` runs, of the tests, only the files whose paths contain one of
 * these; the other checks always look at everything.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';

interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly ms: number;
}

const root = join(import.meta.dirname, '..');
const filters = process.argv.slice(2);
const report = join(root, '.millrace', 'tests.json');

const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  success: z.boolean(),
});

// Each uses more than one core by itself, but not from beginning to end: together they take half.
const outcomes = await Promise.all([
  check('types', 'typescript/bin/tsc', ['-p', '.']),
  check('lint', 'oxlint/bin/oxlint', []),
  check('format', 'oxfmt/bin/oxfmt', ['--check']),
  check('unused code', 'knip/bin/knip.js', ['--treat-config-hints-as-errors']),
]);
outcomes.push(await tests());

for (const { name, passed, failed, ms } of outcomes) {
  const verdict = failed === 0 ? 'ok' : 'FAILED';
  const count = passed + failed > 1 ? `${passed} of ${passed + failed}` : '';
  console.log(
    `${name.padEnd(12)} ${verdict.padEnd(7)} ${(ms / 1_000).toFixed(1).padStart(6)} s  ${count}`,
  );
}
const total = (of: 'passed' | 'failed'): number =>
  outcomes.reduce((sum, outcome) => sum + outcome[of], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exitCode = total('failed') === 0 ? 0 : 1;

/** Runs a tool of node_modules; what it says is shown, in one piece, only if it is unhappy. */
async function check(name: string, program: string, args: readonly string[]): Promise<Outcome> {
  const start = performance.now();
  const child = spawn(process.execPath, [join(root, 'node_modules', program), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [printed, complained, ok] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    endsWell(child),
  ]);
  if (!ok) process.stdout.write(`\n${name}:\n${printed.toString()}${complained.toString()}\n`);
  return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, ms: performance.now() - start };
}

/** The tests show their progress; their number is read from the report that they leave. */
async function tests(): Promise<Outcome> {
  const start = performance.now();
  await mkdir(join(root, '.millrace'), { recursive: true });
  await rm(report, { force: true });
  // What earlier runs compiled (vitest.config.ts), some of it of folders that are gone.
  await rm(join(root, '.millrace', 'compiled'), { recursive: true, force: true });
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ok = await endsWell(
    spawn(process.execPath, [vitest, 'run', ...reporters, ...filters], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    }),
  );
  const { passed, failed } = await counts();
  // Something outside any test failed: a file that does not load, an unhandled error.
  const beside = ok || failed > 0 ? 0 : 1;
  return { name: 'tests', passed, failed: failed + beside, ms: performance.now() - start };
}

async function counts(): Promise<{ passed: number; failed: number }> {
  try {
    const { numPassedTests, numFailedTests } = Report.parse(
      JSON.parse(await readFile(report, 'utf8')),
    );
    return { passed: numPassedTests, failed: numFailedTests };
  } catch (error) {
    console.error(`the tests left no report: ${String(error)}`);
    return { passed: 0, failed: 1 };
  }
}

function endsWell(child: ReturnType<typeof spawn>): Promise<boolean> {
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('exit', (status) => resolve(status === 0));
  });
}
