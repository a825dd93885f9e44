/** The rules of the code that no compiler knows. Each message says what to do instead. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

interface Source {
  /** Relative to the repository: `actors/account.ts`. */
  readonly path: string;
  /** Without comments; line numbers are kept. */
  readonly code: string;
  /** Packages as written; our own files relative to the repository. */
  readonly imports: readonly string[];
}

const sources = globSync('{contracts,actors,runtime,tools}/**/*.ts', { cwd: root }).map(readSource);
const inside = (...folders: string[]): Source[] =>
  sources.filter(({ path }) => folders.some((folder) => path.startsWith(`${folder}/`)));

/** `file imports thing` for each import of some files that a rule forbids. */
const imports = (
  files: readonly Source[],
  forbidden: (imported: string, path: string) => boolean,
): string[] =>
  files.flatMap(({ path, imports: all }) =>
    all
      .filter((imported) => forbidden(imported, path))
      .map((imported) => `${path} imports ${imported}`),
  );

const ofPackage = (imported: string, name: string): boolean =>
  imported === name || imported.startsWith(`${name}/`);

describe('folders depend on each other in one direction: contracts, actors, runtime, tools', () => {
  test.each([
    ['contracts', ['actors', 'runtime', 'tools', 'test']],
    ['actors', ['runtime', 'tools', 'test']],
    ['runtime', ['tools', 'test']],
    ['tools', ['test']],
  ])('%s imports from none of %j', (folder, above) => {
    const found = imports(inside(folder), (imported) =>
      above.some((name) => ofPackage(imported, name)),
    );
    expect(found, `Move what is shared into ${folder}/, or pass it in as an argument.`).toEqual([]);
  });

  test('the runtime knows no concrete actor', () => {
    const found = imports(
      inside('runtime'),
      (imported) => imported.startsWith('actors/') && imported !== 'actors/actor.ts',
    );
    expect(
      found,
      'Import only actors/actor.ts; tools/compose-host.ts hands in the actor types.',
    ).toEqual([]);
  });
});

describe('a package is known in one place', () => {
  const elsewhere = (name: string, allowed: (path: string) => boolean): string[] =>
    imports(
      inside('contracts', 'actors', 'runtime'),
      (imported, path) => ofPackage(imported, name) && !allowed(path),
    );

  test('contracts need nothing but zod', () => {
    const packages = imports(
      inside('contracts'),
      (imported) =>
        !imported.startsWith('contracts/') && imported !== 'node:crypto' && imported !== 'zod',
    );
    expect(packages, 'The public language must load anywhere: move this code to runtime/.').toEqual(
      [],
    );
  });

  test('ioredis is used in runtime/redis/ only', () => {
    const found = elsewhere('ioredis', (path) => path.startsWith('runtime/redis/'));
    expect(found, 'Use the ports in runtime/log.ts and runtime/leases.ts.').toEqual([]);
  });

  test('nats is used in runtime/nats/ only', () => {
    const found = elsewhere('nats', (path) => path.startsWith('runtime/nats/'));
    expect(found, 'Use the port in runtime/bus.ts.').toEqual([]);
  });

  test('xstate is used in actors/ only', () => {
    const found = elsewhere('xstate', (path) => path.startsWith('actors/'));
    expect(found, 'Use the Instance of actors/actor.ts.').toEqual([]);
  });

  test('OpenTelemetry is used in one file', () => {
    const files = new Set(
      sources
        .filter(({ imports: all }) => all.some((name) => name.startsWith('@opentelemetry')))
        .map(({ path }) => path),
    );
    expect([...files].slice(1), `Use what ${[...files][0]} exports.`).toEqual([]);
  });
});

describe('judgement is pure: the same log gives the same state everywhere', () => {
  test.each([
    [
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\./g,
      'Time comes with the command: use context.now.',
    ],
    [/\bMath\.random\b|\brandomUUID\b/g, 'Derive it from context.at or context.id.'],
    [/\bset(Timeout|Interval|Immediate)\b/g, 'A deadline is a timer effect of the decision.'],
    [
      /\bparseFloat\b|\.toFixed\b|\.toPrecision\b/g,
      'Money is bigint minor units: see contracts/money.ts.',
    ],
    [/(?<![\w.])\d+\.\d+(?![\w.])/g, 'No floats on a money path: see contracts/money.ts.'],
    [
      /\bawait\b|\bPromise\b/g,
      'An actor does no I/O: return effects, the runtime carries them out.',
    ],
  ])('actors and contracts have no %s', (banned, fix) => {
    const found = inside('actors', 'contracts').flatMap(({ path, code }) =>
      [...withoutStrings(code).matchAll(banned)].map(
        ({ 0: text, index }) => `${path}:${code.slice(0, index).split('\n').length} has ${text}`,
      ),
    );
    expect(found, fix).toEqual([]);
  });
});

describe('files read well', () => {
  test('names are kebab-case and say what is inside', () => {
    const poor = sources
      .map(({ path }) => path)
      .filter((path) => {
        const name = path.slice(path.lastIndexOf('/') + 1);
        return (
          !/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/.test(name) ||
          /util|helper|manager|common|misc/.test(name)
        );
      });
    expect(poor, 'Name the file for the one thing that it is about.').toEqual([]);
  });

  test('a file fits in a head: 320 lines of code at most', () => {
    const long = sources
      .map(({ path, code }) => ({
        path,
        lines: code.split('\n').filter((line) => line.trim() !== '').length,
      }))
      .filter(({ lines }) => lines > 320);
    expect(long, 'Split it where it changes subject.').toEqual([]);
  });

  test('relative imports name the file, with its ending', () => {
    const found = imports(
      sources,
      (imported) =>
        /^(contracts|actors|runtime|tools)\b/.test(imported) && !/\.(ts|mjs)$/.test(imported),
    );
    expect(found, 'Node runs the sources as they are: add .ts.').toEqual([]);
  });
});

function readSource(path: string): Source {
  const code = withoutComments(readFileSync(join(root, path), 'utf8'));
  const names = [...code.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    ([, name]) => name ?? '',
  );
  return { path, code, imports: names.map((name) => resolved(path, name)) };
}

function resolved(path: string, imported: string): string {
  return imported.startsWith('.') ? relative(root, join(root, dirname(path), imported)) : imported;
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, blank);
}

function withoutStrings(code: string): string {
  return code.replace(/'[^'\n]*'/g, blank);
}

/** What is taken out leaves blanks, so that everything else stays where it was. */
function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
