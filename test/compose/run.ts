/**
 * What `npm run test:compose` runs: the tests of compose.yaml on a Docker engine. Without one it
 * takes the engine that the program named by COMPOSE_LAB brings with it (default: the one beside a
 * clone, if there is any), which needs root. Exit status 1 if a test fails or there is no engine;
 * with --if-possible no engine is no failure, and the reason is printed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { 'if-possible': { type: 'boolean', default: false } } });
const repository = join(import.meta.dirname, '../..');
const lab = process.env['COMPOSE_LAB'] ?? join(repository, '../shared/tools/compose-lab');

process.exitCode = run();

function run(): number {
  if (answers(process.env)) return tests(process.env);
  if (!existsSync(lab)) return untested('there is none to bring up');
  if (process.getuid?.() !== 0) return untested('only root can bring one up');
  try {
    const started = ['up', 'images', 'jaeger-stub'].every((step) => bash(lab, step).status === 0);
    if (!started) return untested('none could be brought up');
    return tests({ ...environmentOf(bash(lab, 'env').stdout), COMPOSE_LAB: lab });
  } finally {
    bash(lab, 'down');
  }
}

function untested(why: string): number {
  console.log(`compose.yaml was not tested: no Docker engine answers, and ${why}.`);
  return values['if-possible'] ? 0 : 1;
}

function answers(env: NodeJS.ProcessEnv): boolean {
  const version = ['compose', 'version'];
  const asked = [['info'], version].map((args) => spawnSync('docker', args, { env }).status);
  return asked.every((status) => status === 0);
}

/** Engine and client of the lab stand in a folder of their own. */
function environmentOf(exports: string): NodeJS.ProcessEnv {
  const named = exports.matchAll(/(DOCKER_\w+)=(\S+)/g);
  const settings = Object.fromEntries([...named].map(([, name, value]) => [name, value]));
  const folder = join(settings['DOCKER_CONFIG'] ?? '', '../x/usr');
  return {
    ...process.env,
    ...settings,
    PATH: `${folder}/sbin:${folder}/bin:${process.env['PATH']}`,
  };
}

function bash(...args: readonly string[]): { status: number | null; stdout: string } {
  // What a daemon inherits stays open for as long as it lives: nothing here waits for its end.
  const piped = args[1] === 'env' ? 'pipe' : 'inherit';
  const { status, stdout } = spawnSync('bash', args, {
    stdio: ['ignore', piped, 'inherit'],
    encoding: 'utf8',
  });
  return { status, stdout };
}

function tests(env: NodeJS.ProcessEnv): number {
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', join(import.meta.dirname, 'vitest.config.ts')];
  return spawnSync(process.execPath, args, { cwd: repository, env, stdio: 'inherit' }).status ?? 1;
}
