import { setup } from 'xstate';
import { z } from 'zod';
import { accept, defineActor, react } from '../../actors/actor.ts';
import { actorKey, IdText } from '../../contracts/ids.ts';

const PatientCommand = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('note'), text: z.string() }),
  /** Notes the text when so many ms have passed. */
  z.strictObject({ name: z.literal('note-later'), text: z.string(), inMs: z.number() }),
  /** Sends the text to another, with a coin. */
  z.strictObject({ name: z.literal('tell'), to: IdText, text: z.string() }),
]);

const PatientEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('noted'), text: z.string() }),
  z.object({ type: z.literal('told') }),
  z.object({ type: z.literal('heard'), text: z.string() }),
]);
type PatientEvent = z.infer<typeof PatientEvent>;

const Say = z.object({ text: z.string() });

/** The texts on which every patient fails, in judgement or in the machine, until there is a cure. */
export const illness = { judgement: new Set<string>(), machine: new Set<string>() };

/** What a new build of the actor would be. */
export function cure(): void {
  illness.judgement.clear();
  illness.machine.clear();
}

const judge = (text: string): void => {
  if (illness.judgement.has(text)) throw new Error(`cannot judge "${text}"`);
};

/** Half of what the event does is done when it fails. */
const take = (context: { texts: string[]; coins: number }, text: string, coins: number): void => {
  context.coins += coins;
  if (illness.machine.has(text)) throw new Error(`cannot take "${text}"`);
  context.texts.push(text);
};

/** A user's actor with mistakes in it that show on certain texts. */
export const patient = defineActor({
  type: 'patient',
  command: PatientCommand,
  event: PatientEvent,
  machine: setup({
    types: { context: {} as { texts: string[]; coins: number }, events: {} as PatientEvent },
  }).createMachine({
    context: () => ({ texts: [], coins: 0 }),
    on: {
      noted: { actions: ({ context, event }) => take(context, event.text, 0) },
      told: { actions: ({ context }) => (context.coins -= 1) },
      heard: { actions: ({ context, event }) => take(context, event.text, 1) },
    },
  }),
  decide: (_, command, { now }) => {
    if (command.name === 'note') {
      judge(command.text);
      return accept({ type: 'noted', text: command.text }, { noted: command.text });
    }
    if (command.name === 'note-later') {
      const { text, inMs } = command;
      return accept([], {}, { timers: [{ name: text, at: now + inMs }] });
    }
    const { to, text } = command;
    const message = { to: actorKey('patient', to), name: 'say', body: { text } };
    return accept({ type: 'told' }, {}, { send: [{ ...message, value: { COIN: '1' } }] });
  },
  receive: (_, message) => {
    const { text } = Say.parse(message.body);
    judge(text);
    return react({ type: 'heard', text });
  },
  holdings: ({ context }) => ({ COIN: `${context.coins}` }),
  timer: (_, { name: text }) => {
    judge(text);
    return react({ type: 'noted', text });
  },
  query: {
    texts: ({ context }) => [...context.texts],
    coins: ({ context }) => ({ coins: context.coins }),
  },
});
