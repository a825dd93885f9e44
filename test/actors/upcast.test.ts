/** An actor whose event has changed shape: the log keeps what was written, the machine sees today's. */
import { expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { accept, defineActor } from '../../actors/actor.ts';
import { actorKey } from '../../contracts/ids.ts';
import { encodeGroup, type EventBody } from '../../contracts/record.ts';
import { startResident } from '../../runtime/resident.ts';
import { replay } from '../../tools/checkers/replay.ts';

const Command = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('pour'), litres: z.number() }),
]);
const Poured = z.object({ type: z.literal('poured'), millilitres: z.number() });
const Event = z.discriminatedUnion('type', [Poured]);

/** The first release wrote litres. */
const inLitres = z.object({ litres: z.number() });

const jug = defineActor({
  type: 'jug',
  command: Command,
  event: Event,
  machine: setup({
    types: { context: {} as { millilitres: number }, events: {} as z.infer<typeof Event> },
  }).createMachine({
    context: { millilitres: 0 },
    on: {
      poured: {
        actions: assign({
          millilitres: ({ context, event }) => context.millilitres + event.millilitres,
        }),
      },
    },
  }),
  decide: (_, { litres }) => accept({ type: 'poured', millilitres: 1_000 * litres }),
  upcast: {
    poured: (recorded) => {
      const old = inLitres.safeParse(recorded);
      if (!old.success) return Poured.parse(recorded);
      return { type: 'poured', millilitres: 1_000 * old.data.litres };
    },
  },
  persist: {
    save: ({ millilitres }) => ({ millilitres }),
    load: (saved) => {
      const old = inLitres.safeParse(saved);
      if (old.success) return { millilitres: 1_000 * old.data.litres };
      return z.object({ millilitres: z.number() }).parse(saved);
    },
  },
});

const types = new Map([['jug', jug]]);
const blue = actorKey('jug', 'blue');
const old: EventBody = { type: 'poured', litres: 2 };
const present: EventBody = { type: 'poured', millilitres: 500 };

test('recovery takes old and present events, and a snapshot of the old shape', () => {
  const tail = [
    { version: 1, events: [old] },
    { version: 2, events: [present] },
  ];
  const built = startResident(types, { key: blue, snapshot: undefined, tail });
  expect(built.instance.context).toEqual({ millilitres: 2_500 });
  const restored = jug.start({ value: built.instance.value, context: { litres: 2 } });
  restored.evolve(present);
  expect(restored.save()).toEqual(built.instance.save());
});

test('an old event is published in the present shape', () => {
  expect(jug.publish(old)).toEqual({ millilitres: 2_000 });
  expect(jug.publish(present)).toEqual({ millilitres: 500 });
});

test('an old record is what the actor would decide now, in the present shape', () => {
  const record = (litres: number) => ({
    time: 1,
    actor: blue,
    version: 1,
    id: 'first',
    command: { name: 'pour', body: { litres: 2 } },
    events: [{ type: 'poured', litres }],
    reply: { ok: true, result: {} },
  });
  const judged = (litres: number) => {
    const records = encodeGroup([JSON.stringify(record(litres))]);
    const log = { partition: 0, entries: [{ epoch: 1, position: 1, n: 1, records }] };
    return replay({ types, logs: [log], commands: [] }).violations;
  };
  expect(judged(2)).toEqual([]);
  expect(judged(3)).toEqual([expect.stringContaining('"millilitres":2000')]);
});
