// Makes a fresh clone ready to run; `npm start`, `npm test` and `npm run millrace` begin with it.
// It runs on any Node from 20 on, before anything is installed, so it uses nothing but Node.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findProgram } from './find-program.mjs';
import { takePidLock } from './pid-lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const nodeMajorMin = 24;

/** What has to be there: whether it is, and how to get it. In this order. */
const steps = [
  { done: packagesAreInstalled, get: installPackages },
  { done: nodeIsInstalled, get: installNode },
  { done: () => missingServers().length === 0, get: installServers },
];

try {
  if (!steps.every((step) => step.done())) await setUp();
} catch (error) {
  console.error(`set-up failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function setUp() {
  const release = await untilAlone();
  try {
    for (const step of steps) if (!step.done()) step.get();
  } finally {
    release();
  }
}

/** Two set-ups at once would install into each other; the second finds everything done. */
async function untilAlone() {
  mkdirSync(at('.millrace'), { recursive: true });
  for (let told = false; ; told = true) {
    const lock = takePidLock(at('.millrace', 'setup.pid'));
    if (lock.kind === 'taken') return lock.release;
    if (!told) say(`waiting for the set-up of process ${lock.pid}`);
    await pause(200);
  }
}

/** npm writes down at the very end of an installation what it installed. */
function packagesAreInstalled() {
  const installed = at('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const there = packagesOf(installed);
  return Object.entries(packagesOf(at('package-lock.json'))).every(
    ([path, wanted]) =>
      path === '' || wanted.optional === true || there[path]?.version === wanted.version,
  );
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

function installPackages() {
  say('installing the npm packages of package-lock.json');
  if (npm('ci', '--include=dev', '--no-audit', '--no-fund')) return;
  throw new Error(
    'npm could not install the packages (see above). Check the network and run it again.',
  );
}

function nodeIsInstalled() {
  return existsSync(at('node_modules', '.bin', 'node'));
}

/** The package `node` fetches the program in an install script, which npm may have been told to skip. */
function installNode() {
  say(`fetching Node ${nodeMajorMin} (the npm package "node"), as npm skipped its install script`);
  npm('rebuild', 'node', '--ignore-scripts=false');
  const { stdout } = spawnSync(at('node_modules', '.bin', 'node'), ['--version'], {
    encoding: 'utf8',
  });
  const major = Number(/^v(\d+)/.exec(stdout ?? '')?.[1]);
  if (major >= nodeMajorMin) return;
  throw new Error(
    `node_modules/.bin/node is not Node ${nodeMajorMin}. ` +
      'Delete node_modules and run it again with npm scripts allowed.',
  );
}

/** Runs npm; what it prints goes to standard error, for standard output belongs to the next command. */
function npm(...args) {
  const script = process.env['npm_execpath'];
  const [program, ...before] = script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
  const run = spawnSync(program, [...before, ...args, '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  return run.status === 0;
}

function missingServers() {
  const servers = [
    { program: 'redis-server', brew: 'redis', instead: 'MILLRACE_REDIS_URL' },
    { program: 'nats-server', brew: 'nats-server', instead: 'MILLRACE_NATS_URL' },
  ];
  return servers.filter(({ program, instead }) => !process.env[instead] && !findProgram(program));
}

function installServers() {
  const missing = missingServers();
  const names = missing.map(({ program }) => program).join(' and ');
  const [command, ...args] = installer(missing) ?? [];
  if (command !== undefined) {
    say(`installing ${names} with ${findProgram('apt-get') ? 'apt-get' : 'brew'}`);
    const { stdout, stderr } = spawnSync(command, args, {
      encoding: 'utf8',
      stdio: ['inherit', 'pipe', 'pipe'],
      maxBuffer: 1 << 26,
    });
    if (missingServers().length === 0) return;
    console.error(`${stdout}${stderr}`.trimEnd());
  }
  const instead = missing.map((server) => server.instead).join(' and ');
  throw new Error(
    `${names} must be on the PATH. Install it by hand, or set ${instead} to a running one.`,
  );
}

/** The command that installs servers here, if there is one. */
function installer(servers) {
  const packages = servers.map(({ program }) => program);
  if (findProgram('apt-get')) {
    const install = ['/bin/sh', at('tools', 'apt-install.sh'), ...packages];
    if (process.getuid?.() === 0) return install;
    if (!findProgram('sudo')) return undefined;
    const silent = spawnSync('sudo', ['-n', 'true']).status === 0;
    if (silent) return ['sudo', '-n', ...install];
    return process.stdin.isTTY ? ['sudo', ...install] : undefined;
  }
  return findProgram('brew') ? ['brew', 'install', ...servers.map(({ brew }) => brew)] : undefined;
}

function say(line) {
  console.error(`set-up: ${line}`);
}
