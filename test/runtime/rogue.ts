import { setup } from 'xstate';
import { z } from 'zod';
import { accept, defer, defineActor, reject, type Decision } from '../../actors/actor.ts';
import { actorKey, type ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { success } from '../../contracts/reply.ts';

const RogueCommand = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('note'), text: z.string() }),
  z.strictObject({ name: z.literal('whisper'), text: z.string() }),
  z.strictObject({ name: z.literal('shout-badly') }),
  z.strictObject({ name: z.literal('tamper'), text: z.string() }),
  /** Is deferred, and answered by its own record. */
  z.strictObject({ name: z.literal('answer-itself'), text: z.string() }),
  z.strictObject({ name: z.literal('misbehave'), how: z.string() }),
]);

const RogueEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('noted'), text: z.string() }),
  z.object({ type: z.literal('whispered'), text: z.string() }),
  z.object({ type: z.literal('garbled') }),
  z.object({ type: z.literal('impossible') }),
]);
type RogueEvent = z.infer<typeof RogueEvent>;

const noted = (text: string): RogueEvent => ({ type: 'noted', text });
const other = actorKey('rogue', 'other');
const sending = (to: ActorKey, body: Json): Decision<RogueEvent> =>
  accept(noted('sent'), {}, { send: [{ to, name: 'hello', body }] });

/** Decisions that cannot become a record, by name. */
const misdeeds: { readonly [how: string]: () => Decision<RogueEvent> } = {
  'a message that is not JSON': () => sending(other, { amount: 1n as never }),
  'a message to nobody': () => sending('not a key' as ActorKey, {}),
  'an unrecorded refusal with events': () => reject('request/malformed', 'no', [noted('yes')]),
  'a record that is too long': () => accept([noted('x'.repeat(900)), noted('x'.repeat(900))]),
  'a message that is too large': () => sending(other, { text: 'x'.repeat(1_200) }),
  'an event that is too large': () => accept(noted('x'.repeat(1_200))),
  'an event that no state takes': () => accept({ type: 'impossible' }),
  'an event that no state takes, after one that it does': () =>
    accept([noted('first'), { type: 'impossible' }]),
};

/** Limits at which the misdeeds are too large. */
export const rogueLimits = { recordLengthMax: 1_500, messageBytesMax: 1_000 };

export const waysToMisbehave = Object.keys(misdeeds);

/** An actor whose author has made every mistake: what the runtime must contain. */
export const rogue = defineActor({
  type: 'rogue',
  command: RogueCommand,
  event: RogueEvent,
  machine: setup({
    types: { context: {} as { notes: string[] }, events: {} as RogueEvent },
  }).createMachine({
    context: () => ({ notes: [] }),
    on: {
      noted: { actions: ({ context, event }) => void context.notes.push(event.text) },
      whispered: { actions: ({ context, event }) => void context.notes.push(event.text) },
      garbled: { actions: ({ context }) => void context.notes.push('garbled') },
    },
  }),
  decide: ({ context }, command, { id }) => {
    switch (command.name) {
      case 'note':
        return accept(noted(command.text));
      case 'whisper':
        return accept({ type: 'whispered', text: command.text });
      case 'tamper':
        context.notes.push(command.text);
        return accept(noted('nothing'));
      case 'answer-itself':
        return defer(noted(command.text), { answers: [{ id, reply: success({}) }] });
      case 'shout-badly':
        return accept([noted('before'), { type: 'garbled' }, noted('after')]);
      case 'misbehave': {
        const misdeed = misdeeds[command.how];
        if (misdeed === undefined) throw new Error(`no misdeed is called "${command.how}"`);
        return misdeed();
      }
    }
  },
  internal: ['whispered'],
  publish: (event) => {
    if (event.type === 'garbled') throw new Error('this event cannot be told');
    const { type: _, ...body } = event;
    if ('text' in event && event.text === 'not JSON') return { text: 1n as never };
    const forged = 'text' in event && event.text === 'forged';
    return forged ? { time: 'never', ...body, at: 'nowhere', version: 0 } : body;
  },
  query: { notes: ({ context }) => [...context.notes] },
});
