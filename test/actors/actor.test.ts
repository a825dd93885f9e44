import { setup } from 'xstate';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { accept, defineActor } from '../../actors/actor.ts';

const Lamp = z.discriminatedUnion('type', [
  z.object({ type: z.literal('plugged') }),
  z.object({ type: z.literal('lit') }),
]);

const lamp = defineActor({
  type: 'lamp',
  command: z.discriminatedUnion('name', [z.strictObject({ name: z.literal('light') })]),
  event: Lamp,
  machine: setup({ types: { events: {} as z.infer<typeof Lamp> } }).createMachine({
    initial: 'idle',
    states: {
      idle: { on: { plugged: 'ready' } },
      ready: { initial: 'dark', states: { dark: { on: { lit: 'bright' } }, bright: {} } },
    },
  }),
  decide: () => accept({ type: 'lit' }),
});

describe('a statechart', () => {
  test('refuses an event that its state does not take, instead of ignoring it', () => {
    const instance = lamp.start();
    expect(() => instance.evolve({ type: 'lit' })).toThrow('cannot take the event "lit"');
    instance.evolve({ type: 'plugged' });
    instance.evolve({ type: 'lit' });
    expect(instance.value).toEqual({ ready: 'bright' });
  });

  test('tells nested states apart, also when it was asked before', () => {
    const bright = lamp.start();
    bright.evolve({ type: 'plugged' });
    bright.evolve({ type: 'lit' });
    expect(() => bright.evolve({ type: 'lit' })).toThrow('cannot take');
  });

  test('comes back in the state in which it was saved', () => {
    const first = lamp.start();
    first.evolve({ type: 'plugged' });
    first.evolve({ type: 'lit' });
    const again = lamp.start(first.save());
    expect(again.value).toEqual({ ready: 'bright' });
    expect(() => again.evolve({ type: 'lit' })).toThrow('cannot take');
  });

  test('moves the same whether its instance moved lately or thousands of others did since', () => {
    const first = lamp.start();
    first.evolve({ type: 'plugged' });
    const others = Array.from({ length: 5_000 }, () => lamp.start());
    for (const other of others) other.evolve({ type: 'plugged' });
    for (const one of [first, ...others]) one.evolve({ type: 'lit' });
    const values = new Set([first, ...others].map(({ value }) => JSON.stringify(value)));
    expect([...values]).toEqual(['{"ready":"bright"}']);
  });
});
