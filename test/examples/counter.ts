import { assign, setup } from 'xstate';
import { z } from 'zod';
import { accept, defineActor, reject } from 'millrace';
const CounterCommand = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('increase'), by: z.number().int().positive() }),
  z.strictObject({ name: z.literal('decrease'), by: z.number().int().positive() }),
]);
const CounterEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('increased'), by: z.number() }),
  z.object({ type: z.literal('decreased'), by: z.number() }),
]);
type CounterEvent = z.infer<typeof CounterEvent>;
/** A counter that never goes below zero. */
export const counter = defineActor({
  type: 'counter',
  command: CounterCommand,
  event: CounterEvent,
  machine: setup({
    types: { context: {} as { count: number }, events: {} as CounterEvent },
  }).createMachine({
    context: { count: 0 },
    on: {
      increased: { actions: assign({ count: ({ context, event }) => context.count + event.by }) },
      decreased: { actions: assign({ count: ({ context, event }) => context.count - event.by }) },
    },
  }),
  decide: (state, command) => {
    switch (command.name) {
      case 'increase':
        return accept({ type: 'increased', by: command.by });
      case 'decrease':
        if (state.context.count < command.by) return reject('counter/below-zero');
        return accept({ type: 'decreased', by: command.by });
    }
  },
  query: { value: (state) => ({ count: state.context.count }) },
});
