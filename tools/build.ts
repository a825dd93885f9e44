/**
 * What `npm run build` runs, and `npm pack` first: makes the published package's `dist/` anew, plain
 * JavaScript with declarations in the folders of the sources. What is not TypeScript goes along as
 * it is, at its place beside the code that reads it.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
/** They make a clone ready to run; an installed package is ready. */
const forClonesOnly = ['tools/setup.mjs', 'tools/apt-install.sh'];

rmSync(join(root, 'dist'), { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
});
if (status === 0) for (const file of filesBesideTheCode()) copy(file);
process.exitCode = status ?? 1;

/** Redis scripts, the recorded market, what runs on any Node or in a shell. */
function filesBesideTheCode(): string[] {
  return globSync('{contracts,actors,runtime,tools}/**/*.*', { cwd: root }).filter(
    (file) => extname(file) !== '.ts' && !forClonesOnly.includes(file),
  );
}

function copy(file: string): void {
  cpSync(join(root, file), join(root, 'dist', file));
}
