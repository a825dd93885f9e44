import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { young } from '../../tools/host-process.ts';
import { hostHeapMiB, residentBytesDefault } from '../../tools/host-memory.ts';

test('hosts of one machine share its memory', () => {
  const alone = hostHeapMiB(1, undefined);
  expect(alone).toBeGreaterThanOrEqual(512);
  expect(hostHeapMiB(64, undefined)).toBeLessThanOrEqual(alone);
});

test('the heap has room for the actors that are asked for, and as much again', () => {
  expect(hostHeapMiB(4, 10 * 2 ** 30)).toBe(20 * 1024);
  expect(hostHeapMiB(1, 1_000)).toBe(512);
});

test('actors have at most half of the heap of this process', () => {
  expect(residentBytesDefault()).toBeGreaterThan(0);
  expect(residentBytesDefault()).toBeLessThanOrEqual(2 * 2 ** 30);
});

test('hosts in compose collect their garbage as others do', () => {
  const text = readFileSync('tools/compose/Dockerfile', 'utf8');
  const entry: unknown = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(text)?.[1] ?? '');
  expect(entry).toEqual(['node', ...young, '/app/dist/tools/cli.js']);
});
