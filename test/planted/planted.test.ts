/** That the tests find bugs: see docs/reliability.md for all of them, `npm run planted` to repeat it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { plantedFaults } from './faults.ts';
import { changedText } from './plant.ts';

const seek = async (name: string): Promise<unknown> => {
  const script = join(import.meta.dirname, 'seek.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, name, '4']);
  return JSON.parse(stdout);
};

test('each planted fault can be planted: its text is in the sources, once', () => {
  const texts = plantedFaults.map((fault) =>
    fault.edits.map(({ file }) => changedText(file, fault)),
  );
  expect(texts.length).toBeGreaterThan(25);
});

test('docs/reliability.md tells of each planted fault, and how many there are', () => {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'reliability.md');
  const told = readFileSync(path, 'utf8');
  const table = told.slice(told.indexOf('| planted fault | found after seeds |'));
  const names = Array.from(table.matchAll(/^\| ([^|]+) \| \d[^|]* \|/gm), ([, name]) => name);
  expect(names).toEqual(plantedFaults.map(({ name }) => name));
  expect(told).toContain(`All ${names.length} were found.`);
});

describe('the simulator finds, within four seeds,', () => {
  test.each([
    'ids are not remembered',
    'messages leave before their record is durable',
    'a settlement makes money',
  ])('that %s', async (name) => {
    expect(await seek(name)).toMatchObject({ complaint: expect.any(String) });
  });
});
