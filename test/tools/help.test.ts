import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultLimits, describeLimits } from '../../runtime/limits.ts';
import { UsageError, type Command } from '../../tools/command-line.ts';
import { run as runBench } from '../../tools/commands/bench.ts';
import { usage as hostUsage } from '../../tools/commands/host.ts';
import { usage as upUsage } from '../../tools/commands/up.ts';

const source = (path: string): string =>
  readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

test('up --help tells every variable that a cluster reads, host --help where they are told', () => {
  const read = source('tools/environment.ts').matchAll(/^ {2}(MILLRACE_\w+):/gm);
  const names = Array.from(read, ([, name]) => name);
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !upUsage.includes(`${name}`))).toEqual([]);
  expect(hostUsage).toContain('MILLRACE_ variables as for `up`');
});

const commands = globSync('tools/commands/*.ts', { cwd: join(import.meta.dirname, '../..') });

test.each(commands)('%s has a help that names all of its options', async (path) => {
  const name = basename(path, '.ts');
  expect(source('tools/cli.ts')).toContain(`['${name}', () => import('./commands/${name}.ts')]`);
  expect(source('tools/cli.ts')).toContain(`\n  ${name} `);
  const { usage }: Command = await import(`../../tools/commands/${name}.ts`);
  expect(usage).toMatch(new RegExp(`^millrace ${name}\\b`));
  const read = source(path).matchAll(/^ +'?([a-z-]+)'?: \{ type: '/gm);
  // Those of a single request are read elsewhere.
  const [, own] = /requestCommand\(\[(.*)\]/.exec(source(path)) ?? [];
  const shared = own === undefined ? [] : ['data', ...(own.match(/\w+/g) ?? [])];
  const options = [...Array.from(read, ([, option]) => option), ...shared].map((o) => `--${o}`);
  expect(options.filter((option) => !usage.includes(option))).toEqual([]);
  expect(usage.split('\n').filter((line) => line.length > 106)).toEqual([]);
});

test('docs/configuration.md is the table of all variables that anything here reads', () => {
  const table = source('docs/configuration.md');
  const inside = (pattern: string): string[] =>
    globSync(pattern, { cwd: join(import.meta.dirname, '../..') });
  const readers = [...inside('{contracts,actors,runtime,tools}/**/*.{ts,mjs,sh}'), 'compose.yaml'];
  // What one process of the benchmark tells another is nobody's to set.
  const own = ['MILLRACE_BENCH_PROBES'];
  const named = [...readers, 'README.md', ...inside('docs/**/*.md')].flatMap(variablesIn);
  const names = [...new Set(named)].filter((name) => !own.includes(name));
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
  const tests = ['test/black-box/cluster.ts', 'test/conformance/agreement/agreement.ts'];
  const read = [...readers, ...tests].flatMap(variablesIn);
  const unread = variablesIn('docs/configuration.md').filter((name) => !read.includes(name));
  expect(unread.filter((name) => !name.startsWith('OTEL_'))).toEqual([]);
});

test('README shows the line of limits that a host prints by default', () => {
  const residentBytes = 2 ** 31;
  const line = describeLimits(defaultLimits(64, { residentBytes }), 64);
  expect(source('README.md')).toContain(`host-1: ${line}\n`);
});

test.each([
  [['match', '--hosts', '2'], 'bench match takes no --hosts'],
  [['--minutes', '5'], 'bench takes no --minutes'],
  [['memory', '--share', '70'], 'bench memory takes no --share'],
])(
  'bench %j is used wrongly: an option is never passed over in silence',
  async (argv, complaint) => {
    await expect(runBench(argv)).rejects.toThrow(new UsageError(`${complaint}.`));
  },
);

/** The names of variables in a file; those that stand for many are followed by a star or a quote. */
function variablesIn(path: string): string[] {
  const names = source(path).matchAll(/\b(?:MILLRACE|OTEL)_[A-Z_]*[A-Z](?![A-Z_$])/g);
  return Array.from(names, ([name]) => name);
}
