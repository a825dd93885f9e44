/** Scripts of clients of one bus: who subscribes to what, says what and asks for what. */
import fc from 'fast-check';
import { scriptOf } from './agreement.ts';

export const clients = 3;
/** The bytes of the largest message. */
export const largest = 1024 * 1024;

const client = fc.nat(clients - 1);
const subject = fc.constantFrom<string[]>(
  'a',
  'a.a',
  'a.b',
  'a.b.a',
  'b',
  'b.a',
  'x.cmd.account.alice.deposit',
  'x.get.account.bob.balance',
  'x.cmd.account.alice',
);
const pattern = fc.oneof(
  subject,
  fc.constantFrom<string[]>(
    '*',
    'a.*',
    '*.b',
    '*.*',
    'a.*.a',
    'a.>',
    '>',
    '*.>',
    'box.*',
    'box.1',
    'x.cmd.>',
    'x.part.>',
    'x.part.*.cmd.account.alice.*',
  ),
);
const header = fc.constantFrom<(string | undefined)[]>(
  undefined,
  undefined,
  'y',
  '',
  '  blanks  ',
  'a: b',
  'ünïcødé',
);

const act = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('publish' as const),
      subject,
      reply: fc.constantFrom<(string | undefined)[]>(
        undefined,
        undefined,
        undefined,
        'box.1',
        'box.2',
        'b',
      ),
      header,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('subscribe' as const),
      pattern,
      queue: fc.constantFrom<(string | undefined)[]>(undefined, undefined, 'answering', 'silent'),
      answers: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('drain' as const), which: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('unsubscribe' as const), which: fc.nat(4) }),
  },
);

const step = fc.oneof(
  /** In one turn, before anything of it can have reached the server. */
  {
    weight: 10,
    arbitrary: fc.record({
      does: fc.constant('turn' as const),
      client,
      acts: fc.array(act, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('request' as const), client, subject, header }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('large' as const),
      client,
      subject,
      header,
      /** Bytes above what is the most, of the payload alone. */
      above: fc.constantFrom(-200, -1, 0, 1),
      asks: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('close' as const), client, subject }) },
);

export type Act = typeof act extends fc.Arbitrary<infer Value> ? Value : never;
export type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const everywhere: Step[] = [0, 1, 2].map((each) => ({
  does: 'turn',
  client: each,
  acts: [
    {
      does: 'subscribe',
      pattern: ['a.a', 'a.*', '*.b'][each] ?? '>',
      queue: each === 0 ? undefined : 'answering',
      answers: false,
    },
  ],
}));

/** What one client does in one turn reaches the server in its order, whatever it is. */
const inOneTurn: Step[] = [
  {
    does: 'turn',
    client: 0,
    acts: [
      { does: 'publish', subject: 'a', reply: undefined, header: undefined },
      { does: 'subscribe', pattern: 'a', queue: undefined, answers: false },
      { does: 'publish', subject: 'a', reply: undefined, header: undefined },
      { does: 'drain', which: 0 },
      { does: 'publish', subject: 'a', reply: undefined, header: undefined },
    ],
  },
];

/** What is on its way to who has unsubscribed is not heard. */
const tooLate: Step[] = [
  {
    does: 'turn',
    client: 0,
    acts: [{ does: 'subscribe', pattern: 'b', queue: undefined, answers: false }],
  },
  {
    does: 'turn',
    client: 0,
    acts: [
      { does: 'publish', subject: 'b', reply: undefined, header: undefined },
      { does: 'publish', subject: 'b', reply: undefined, header: undefined },
      { does: 'publish', subject: 'b', reply: undefined, header: undefined },
      { does: 'publish', subject: 'b', reply: undefined, header: undefined },
      { does: 'unsubscribe', which: 0 },
    ],
  },
];

/** Who listens for replies is told that nobody heard what they would be replies to. */
const unheard: Step[] = [
  {
    does: 'turn',
    client: 0,
    acts: [
      { does: 'subscribe', pattern: 'box.1', queue: undefined, answers: false },
      { does: 'publish', subject: 'a', reply: 'box.1', header: undefined },
    ],
  },
];

/** Headers come without the blanks around them, and as Latin-1. */
const headed: Step[] = [
  {
    does: 'turn',
    client: 0,
    acts: [
      { does: 'subscribe', pattern: 'a', queue: undefined, answers: false },
      { does: 'publish', subject: 'a', reply: undefined, header: '  blanks  ' },
      { does: 'publish', subject: 'a', reply: undefined, header: 'ünïcødé' },
    ],
  },
];

/** Headers count. */
const asLarge: Step[] = [
  ...everywhere,
  { does: 'large', client: 0, subject: 'a.a', header: undefined, above: 0, asks: false },
  { does: 'large', client: 0, subject: 'a.a', header: 'y', above: -1, asks: false },
];

/** What is too large to be asked is refused at once, not after the time for it. */
const asksTooMuch: Step[] = [
  { does: 'large', client: 0, subject: 'a', header: undefined, above: 1, asks: true },
];

/** The client asks for replies under three tokens. */
const sharedInbox: Step[] = [
  {
    does: 'turn',
    client: 0,
    acts: [
      { does: 'subscribe', pattern: '*.*', queue: undefined, answers: false },
      { does: 'subscribe', pattern: 'b', queue: undefined, answers: true },
    ],
  },
  { does: 'request', client: 0, subject: 'b', header: undefined },
];

/** What was said just before it closed is heard. */
const lastWords: Step[] = [...everywhere, { does: 'close', client: 1, subject: 'a.a' }];

export const busScripts: { script: fc.Arbitrary<Step[]>; kept: Step[][] } = {
  script: scriptOf(step, 14, everywhere),
  kept: [inOneTurn, tooLate, unheard, headed, asLarge, asksTooMuch, sharedInbox, lastWords],
};
