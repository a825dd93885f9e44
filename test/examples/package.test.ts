/** The package as its users have it: packed, installed in an empty project, used as the README says. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startNats, startRedis } from '../../tools/servers.ts';
import { temporaryDirectory } from '../tools/temporary-directory.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let directory: string;
let project: string;
/** What the compiler says of the examples in the project; it leaves plain JavaScript in `plain/`. */
let complaints: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-package-'));
  project = join(directory, 'project');
  await mkdir(project);
  await install(await pack());
  for (const name of ['counter.ts', 'counter-host.ts', 'counter-client.ts'])
    await cp(join(import.meta.dirname, name), join(project, name));
  await writeFile(join(project, 'client.ts'), await clientOfReadme());
  complaints = await compile();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("the README's TypeScript passes a strict compiler that checks our declarations too", () => {
  expect(complaints).toBe('');
});

test.each(['counter-host.ts', 'plain/counter-host.js'])(
  'the own actor runs as %s',
  async (file) => {
    const dir = await temporaryDirectory();
    const redis = await startRedis({ dir: join(dir, 'redis') });
    onTestFinished(() => redis.stop());
    const nats = await startNats({ dir: join(dir, 'nats'), partitions: 8, prefix: 'millrace' });
    onTestFinished(() => nats.stop());
    start([file], { MILLRACE_REDIS_URL: redis.url, MILLRACE_NATS_URL: nats.url });
    const client = ['plain/counter-client.js', nats.url];
    const { stdout } = await run(process.execPath, client, { cwd: project });
    expect(stdout).toBe('true counter/below-zero {"count":3}\n');
  },
);

test('the command line starts a cluster and talks to it', async () => {
  const data = await temporaryDirectory();
  const millrace = 'node_modules/.bin/millrace';
  const up = start([millrace, 'up', '--hosts', '1', '--partitions', '4', '--data', data]);
  for await (const line of createInterface(up.stdout)) if (line.includes('"ready"')) break;
  const deposit = ['ask', 'account/you', 'deposit', '{"asset":"CHF","amount":"5"}'];
  const { stdout } = await run(process.execPath, [millrace, ...deposit, '--data', data], {
    cwd: project,
  });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, result: { available: '5.00000000' } });
});

/** The path of the package's archive. */
async function pack(): Promise<string> {
  await run('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: root });
  const [archive = ''] = (await readdir(directory)).filter((name) => name.endsWith('.tgz'));
  return join(directory, archive);
}

/** What we depend on comes as our lock file has it, which npm still keeps from the clone's set-up. */
async function install(archive: string): Promise<void> {
  const manifest = { name: 'project', private: true, type: 'module' };
  const packages = { ...(await lockedForUse()), '': manifest };
  const lock = { name: 'project', lockfileVersion: 3, requires: true, packages };
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(project, 'package-lock.json'), JSON.stringify(lock));
  const quickly = ['--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...quickly, archive], { cwd: project });
}

async function lockedForUse(): Promise<object> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: true }>;
  };
  return Object.fromEntries(Object.entries(lock.packages).filter(([, { dev }]) => !dev));
}

async function clientOfReadme(): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
  return blocks.find((code) => code.includes("from 'millrace/client'")) ?? '';
}

async function compile(): Promise<string> {
  const configuration = {
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      rewriteRelativeImportExtensions: true,
      outDir: 'plain',
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: ['*.ts'],
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify(configuration));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  return run(process.execPath, [compiler, '-p', '.'], { cwd: project }).then(
    ({ stdout }) => stdout,
    (failure: { stdout: string }) => failure.stdout,
  );
}

/** A program of the project; it is asked to leave when the test ends. */
function start(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, args, {
    cwd: project,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  });
  return child;
}
