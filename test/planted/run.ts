/**
 * Seeks all planted faults: `node test/planted/run.ts [SEEDS] [TEXT]`, so many seeds each, those whose
 * names contain the text. Prints a table in Markdown; exit status 1 if one was not found.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { plantedFaults } from './faults.ts';

const [seeds = '200', text = ''] = process.argv.slice(2);
const cellMax = 110;

console.log('| planted fault | found after seeds | by |\n|---|---|---|');
for (const { name } of plantedFaults.filter((fault) => fault.name.includes(text))) {
  const child = spawnSync(process.execPath, [join(import.meta.dirname, 'seek.ts'), name, seeds], {
    encoding: 'utf8',
  });
  const found: { seeds: number; complaint: string } | null =
    child.status === 0 ? JSON.parse(child.stdout) : null;
  const by = found ? cell(found.complaint) : cell(child.stderr || 'nothing');
  console.log(`| ${name} | ${found?.seeds ?? `not in ${seeds}`} | ${by} |`);
  if (found === null) process.exitCode = 1;
}

function cell(complaint: string): string {
  const line = complaint.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
  return line.length > cellMax ? `${line.slice(0, cellMax)}…` : line;
}
