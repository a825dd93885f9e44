import { setup } from 'xstate';
import { z } from 'zod';
import { accept, defer, defineActor, react, reject } from '../../actors/actor.ts';
import { actorKey, IdText } from '../../contracts/ids.ts';
import { success } from '../../contracts/reply.ts';

const Whole = z.number().int().positive();

const PurseCommand = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('put'), coins: Whole }),
  /** Answered at once; the coins arrive later. */
  z.strictObject({ name: z.literal('send'), to: IdText, coins: Whole }),
  /** Answered when the receiver has confirmed. */
  z.strictObject({ name: z.literal('give'), to: IdText, coins: Whole }),
  /** Promises coins to somebody: they are sent when so many ms have passed, unless it was withdrawn. */
  z.strictObject({
    name: z.literal('promise'),
    to: IdText,
    coins: Whole,
    inMs: z.number().int(),
  }),
  z.strictObject({ name: z.literal('withdraw-promise'), to: IdText }),
  /** Replicates a note to every partition; answered when all have it. */
  z.strictObject({ name: z.literal('announce'), note: z.string() }),
  z.strictObject({ name: z.literal('crash-judgement') }),
  z.strictObject({ name: z.literal('crash-machine') }),
]);

const PurseEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('put'), coins: z.number() }),
  z.object({ type: z.literal('sent'), to: z.string(), coins: z.number() }),
  z.object({ type: z.literal('received'), from: z.string(), coins: z.number() }),
  z.object({ type: z.literal('promised'), to: z.string(), coins: z.number() }),
  z.object({ type: z.literal('promise-ended'), to: z.string() }),
  z.object({ type: z.literal('announced'), id: z.string() }),
  z.object({ type: z.literal('confirmed') }),
  z.object({ type: z.literal('broken') }),
]);
type PurseEvent = z.infer<typeof PurseEvent>;

interface Purse {
  coins: number;
  received: string[];
  promises: { [to: string]: number };
  announcement: string;
  confirmations: number;
}

const GiveBody = z.object({ from: z.string(), coins: z.number(), request: z.string() });
const ThanksBody = z.object({ request: z.string(), coins: z.number() });

/** A wallet of whole coins that gives to others: every kind of effect that an actor can have. */
export const purse = defineActor({
  type: 'purse',
  command: PurseCommand,
  event: PurseEvent,
  machine: setup({ types: { context: {} as Purse, events: {} as PurseEvent } }).createMachine({
    context: () => ({ coins: 0, received: [], promises: {}, announcement: '', confirmations: 0 }),
    on: {
      put: { actions: ({ context, event }) => (context.coins += event.coins) },
      sent: { actions: ({ context, event }) => (context.coins -= event.coins) },
      received: {
        actions: ({ context, event }) => {
          context.coins += event.coins;
          context.received.push(event.from);
        },
      },
      promised: {
        actions: ({ context, event }) => void (context.promises[event.to] = event.coins),
      },
      'promise-ended': { actions: ({ context, event }) => void delete context.promises[event.to] },
      announced: {
        actions: ({ context, event }) => {
          context.announcement = event.id;
          context.confirmations = 0;
        },
      },
      confirmed: { actions: ({ context }) => (context.confirmations += 1) },
      broken: {
        actions: ({ context }) => {
          context.coins = -1;
          throw new Error('this machine always fails here');
        },
      },
    },
  }),
  decide: ({ context: { coins, promises } }, command, { id, self, now }) => {
    switch (command.name) {
      case 'put':
        return accept(
          { type: 'put', coins: command.coins },
          { coins: coins + command.coins },
          { external: { COIN: `${command.coins}` } },
        );
      case 'send':
      case 'give': {
        if (command.coins > coins) return reject('purse/too-poor');
        const to = actorKey('purse', command.to);
        const request = command.name === 'give' ? id : '';
        const body = { from: self, coins: command.coins, request };
        const effects = { send: [{ to, name: 'take', body, value: { COIN: `${command.coins}` } }] };
        const event = { type: 'sent', to, coins: command.coins } as const;
        return command.name === 'give' ? defer(event, effects) : accept(event, {}, effects);
      }
      case 'promise': {
        const { to, coins: some, inMs } = command;
        const timers = [{ name: to, at: now + inMs }];
        return accept({ type: 'promised', to, coins: some }, {}, { timers });
      }
      case 'withdraw-promise': {
        const { to } = command;
        if (promises[to] === undefined) return reject('purse/no-promise');
        return accept({ type: 'promise-ended', to }, {}, { timers: [{ name: to, at: null }] });
      }
      case 'announce':
        return defer({ type: 'announced', id }, { replicate: command.note });
      case 'crash-judgement':
        throw new Error('this judgement always fails');
      case 'crash-machine':
        return accept({ type: 'broken' });
    }
  },
  receive: ({ context }, message, { partitions }) => {
    switch (message.name) {
      case 'take': {
        const { from, coins, request } = GiveBody.parse(message.body);
        const thanks = { to: from as never, name: 'thanks', body: { request, coins } };
        return react({ type: 'received', from, coins }, request === '' ? {} : { send: [thanks] });
      }
      case 'thanks': {
        const { request, coins } = ThanksBody.parse(message.body);
        return react([], { answers: [{ id: request, reply: success({ given: coins }) }] });
      }
      case 'replicated': {
        const last = context.confirmations + 1 === partitions;
        const answers = [{ id: context.announcement, reply: success({}) }];
        return react({ type: 'confirmed' }, last ? { answers } : {});
      }
      default:
        throw new Error(`no message "${message.name}"`);
    }
  },
  timer: ({ context }, { name }, { self }) => {
    const coins = context.promises[name];
    if (coins === undefined) throw new Error(`nothing was promised to ${name}`);
    const ended = { type: 'promise-ended', to: name } as const;
    if (coins > context.coins) return react(ended);
    const to = actorKey('purse', name);
    const body = { from: self, coins, request: '' };
    const message = { to, name: 'take', body, value: { COIN: `${coins}` } };
    return react([ended, { type: 'sent', to, coins }], { send: [message] });
  },
  holdings: ({ context }) => ({ COIN: `${context.coins}` }),
  query: {
    coins: ({ context }) => ({ coins: context.coins }),
    promises: ({ context }) => ({ ...context.promises }),
    received: ({ context }) => [...context.received],
  },
});
