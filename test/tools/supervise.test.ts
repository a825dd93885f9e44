import { expect, test } from 'vitest';
import { supervise, type Running } from '../../tools/supervise.ts';
import { until } from './until.ts';

interface Life extends Running {
  end(status: number): void;
}

function life(): Life {
  const { promise, resolve } = Promise.withResolvers<number>();
  return { exited: promise, end: resolve, stop: async () => resolve(0) };
}

test('what ends is started again, and what was stopped is not', async () => {
  const lives: Life[] = [];
  const told: string[] = [];
  const start = async (): Promise<Life> => {
    lives.push(life());
    return lives.at(-1) ?? life();
  };
  const supervised = await supervise('the mill', start, {
    tell: (line) => told.push(line),
  });
  lives[0]?.end(137);
  await until(() => lives.length === 2);
  expect(told).toEqual(['the mill ended with status 137 and is started again']);
  await supervised.stop();
  expect(lives).toHaveLength(2);
});

test('what ends when the end is near stays so, and nothing is told', async () => {
  const told: string[] = [];
  const first = life();
  let starts = 0;
  const start = async (): Promise<Life> => {
    starts++;
    return first;
  };
  const ending = new AbortController();
  const supervised = await supervise('the mill', start, {
    tell: (line) => told.push(line),
    ending: ending.signal,
  });
  // As of Ctrl-C: the child hears it first.
  first.end(0);
  await first.exited;
  ending.abort();
  await supervised.stop();
  expect({ starts, told }).toEqual({ starts: 1, told: [] });
});

test('a failed restart is told and tried again', async () => {
  const told: string[] = [];
  const first = life();
  let starts = 0;
  const start = async (): Promise<Life> => {
    starts++;
    if (starts === 2) throw new Error('no such file');
    return starts === 1 ? first : life();
  };
  const supervised = await supervise('the mill', start, {
    tell: (line) => told.push(line),
  });
  first.end(1);
  await until(() => starts === 3);
  expect(told[1]).toBe('the mill could not be started: Error: no such file');
  await supervised.stop();
});

test('a first start that fails is the caller’s to handle', async () => {
  const start = async (): Promise<Life> => {
    throw new Error('no such file');
  };
  await expect(supervise('the mill', start, { tell: () => {} })).rejects.toThrow('no such file');
});
