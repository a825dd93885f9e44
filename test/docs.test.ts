/** What the documents say of the repository is so: files that they name are there, links lead somewhere. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { hostGauges } from '../tools/telemetry/host-gauges.ts';
import { watchProcess } from '../tools/telemetry/process-gauges.ts';
import { recorder } from '../tools/telemetry/recorder.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  ...globSync('{docs,examples}/**/*.md', { cwd: root }),
];
const files = globSync('{contracts,actors,runtime,tools,test}/**/*.{ts,mjs,lua}', { cwd: root });

test.each(documents)('%s links to what is there', (path) => {
  const links = Array.from(read(path).matchAll(/\]\(([^)#]+)[^)]*\)/g), ([, to = '']) => to);
  const local = links.filter((to) => !/^https?:/.test(to));
  expect(local.filter((to) => !existsSync(join(root, dirname(path), to)))).toEqual([]);
});

test.each(documents)('%s links to headings that are there', (path) => {
  const links = read(path).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g);
  const missing = Array.from(links, ([, to = '', heading = '']) => ({ to, heading })).filter(
    ({ to, heading }) => {
      const target = to === '' ? path : join(dirname(path), to);
      const headings = Array.from(read(target).matchAll(/^#+ (.*)$/gm), ([, text = '']) =>
        slug(text),
      );
      return !headings.includes(heading);
    },
  );
  expect(missing).toEqual([]);
});

test.each(documents)('%s names files that are there', (path) => {
  const named = Array.from(
    read(path).matchAll(/`([\w/.-]+\.(?:ts|mjs|lua))`/g),
    ([, to = '']) => to,
  );
  const isThere = (name: string): boolean =>
    files.some((file) => file === name || file.endsWith(`/${name}`));
  expect(named.filter((name) => !isThere(name) && name !== 'file.ts')).toEqual([]);
});

test('ARCHITECTURE.md says who owns which state: every file of the engine that owns some', () => {
  const told = read('ARCHITECTURE.md');
  const owners = globSync('runtime/*.ts', { cwd: root }).filter((path) =>
    /^\/\*\*(?:(?!\*\/)[\s\S])*\bOwns\b/.test(read(path)),
  );
  expect(owners.length).toBeGreaterThan(20);
  expect(owners.filter((path) => !told.includes(`\`${basename(path)}\``))).toEqual([]);
});

test('ARCHITECTURE.md says what every folder of the sources holds', () => {
  const told = read('ARCHITECTURE.md');
  const tree = '{contracts,actors,runtime,tools,examples}/**/*.*';
  const folders = new Set(globSync(tree, { cwd: root }).map((path) => basename(dirname(path))));
  expect(folders.size).toBeGreaterThan(20);
  expect([...folders].filter((name) => !told.includes(`${name}/\``))).toEqual([]);
});

test('alarms and runbooks name metrics that hosts have', () => {
  const watch = watchProcess();
  const timing = { requests: 0, slowest: [] };
  const status = { host: 'a', machine: 'm', partitions: [], halted: [], timing };
  const families = [...watch.gauges(), ...hostGauges(status, true), ...recorder().families()];
  watch.end();
  const made = families.map(({ name }) => name);
  const named = ['docs/operations.md', 'docs/observability.md'].flatMap((path) =>
    Array.from(read(path).matchAll(/\bmillrace_[a-z_]+/g), ([name]) => name),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !made.includes(name))).toEqual([]);
});

test('no two decisions have the same number', () => {
  const numbers = globSync('docs/decisions/*.md', { cwd: root }).map((path) =>
    basename(path).slice(0, 4),
  );
  expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([]);
});

/** As GitHub makes the anchor of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}
