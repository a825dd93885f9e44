/**
 * Plays scripts to a bus and tells what each subscription heard and what each request came to.
 *
 * What a server chooses freely does not count: which member of a queue group gets a message (one
 * must), in which order the messages of different clients come (those of one stay in order), which of
 * a client's own subscriptions hears that nobody heard what it said.
 */
import {
  NoResponders,
  RequestTimeout,
  type Bus,
  type BusMessage,
  type Subscription,
} from '../../../runtime/bus.ts';
import { clients, largest, type Act, type Step } from './bus-scripts.ts';

/** Servers, as they are compared. */
export interface Network {
  connect(): Promise<Bus>;
  /** How often a client has told its operator of something. */
  reported(): number;
  /** How long a request waits, of which it is known whether it is answered. */
  patienceMs(isAnswered: boolean): number;
}

/** What comes of a script; `isAnswered` says what is known of its requests, in their order. */
export async function playBus(
  network: Network,
  steps: readonly Step[],
  isAnswered: (request: number) => boolean,
): Promise<Outcome> {
  const script = new Script(network, isAnswered);
  await script.open();
  for (const each of steps) await script.play(each);
  return script.end();
}

export interface Outcome {
  readonly requests: readonly string[];
  readonly heard: unknown;
}

interface Subscribed {
  readonly name: string;
  readonly client: number;
  readonly queue: string | undefined;
  /** Replies to requests, too. */
  readonly hearsAll: boolean;
  readonly subscription: Subscription;
  readonly heard: string[];
  isOpen: boolean;
}

interface Client {
  readonly bus: Bus;
  /** The latest round of which each client's marker has come. */
  readonly rounds: number[];
  isOpen: boolean;
  onMarker: () => void;
}

class Script {
  readonly #network: Network;
  readonly #isAnswered: (request: number) => boolean;
  readonly #clients: Client[] = [];
  readonly #subscribed: Subscribed[] = [];
  readonly #requests: string[] = [];
  /** By client: on which subjects it heard that nobody heard it. */
  readonly #unheard: string[] = [];
  #said = 0;
  #round = 0;

  constructor(network: Network, isAnswered: (request: number) => boolean) {
    this.#network = network;
    this.#isAnswered = isAnswered;
  }

  async open(): Promise<void> {
    for (let index = 0; index < clients; index++) {
      const bus = await this.#network.connect();
      const opened: Client = { bus, rounds: [], isOpen: true, onMarker: () => {} };
      bus.subscribe('marker.*.*', ({ subject: marker }) => {
        const [, from, round] = marker.split('.');
        opened.rounds[Number(from)] = Number(round);
        opened.onMarker();
      });
      await bus.flush();
      this.#clients.push(opened);
    }
  }

  async play(each: Step): Promise<void> {
    const { bus, isOpen } = this.#client(each.client);
    switch (each.does) {
      case 'turn':
        await Promise.all(answeredLast(each.acts).map((one) => this.#act(each.client, one)));
        break;
      case 'request':
        if (this.#mayAsk(each.client)) await this.#ask(each, `${each.client}#${++this.#said}`);
        break;
      case 'large': {
        const payload = new Uint8Array(largest + each.above).fill(0x20);
        if (!each.asks) bus.publish(each.subject, payload, headersOf(each.header));
        else if (this.#mayAsk(each.client)) await this.#ask(each, payload);
        break;
      }
      case 'close':
        if (!isOpen) break;
        // Else what others say meanwhile may be sent to a client that has gone.
        await Promise.all(this.#open(each.client).map((one) => this.#leave(one, 'drain')));
        this.#client(each.client).isOpen = false;
        bus.publish(each.subject, `${each.client}#${++this.#said}`);
        await bus.close();
        break;
    }
    await this.#settled();
  }

  async end(): Promise<Outcome> {
    // Else the server might still know of them when the next script begins.
    for (const one of this.#subscribed) if (one.isOpen) one.subscription.unsubscribe();
    await Promise.all(this.#clients.map(({ bus }) => bus.close()));
    const queues = Map.groupBy(this.#subscribed, ({ queue }) => queue);
    const heard = Array.from(queues, ([queue, members]) =>
      queue === undefined
        ? members.map((one) => [one.name, Object.fromEntries(bySpeaker(one.heard))])
        : [queue, members.flatMap((one) => one.heard).toSorted(), members.every(inOrder)],
    );
    return {
      requests: this.#requests,
      heard: [heard, this.#unheard.toSorted(), this.#network.reported()],
    };
  }

  #client(index: number): Client {
    const found = this.#clients[index];
    if (found === undefined) throw new Error(`there is no client ${index}`);
    return found;
  }

  /**
   * A server tells one of a client's own subscriptions, whichever, that nobody heard it: where one of
   * them hears everything it may be that, and the request waits in vain.
   */
  #mayAsk(index: number): boolean {
    return !this.#open(index).some(({ hearsAll, queue }) => hearsAll && queue === undefined);
  }

  #open(index: number): Subscribed[] {
    return this.#subscribed.filter((one) => one.client === index && one.isOpen);
  }

  async #act(index: number, each: Act): Promise<void> {
    const { bus, isOpen } = this.#client(index);
    switch (each.does) {
      case 'publish': {
        const { reply } = each;
        const options = { ...(reply !== undefined && { reply }), ...headersOf(each.header) };
        bus.publish(each.subject, `${index}#${++this.#said}`, options);
        return;
      }
      case 'subscribe':
        if (isOpen) this.#subscribe(index, each);
        return;
      case 'drain':
      case 'unsubscribe': {
        const open = this.#open(index);
        const chosen = open[each.which % open.length];
        // What a member has been given and does not hear would be nobody's.
        const how = chosen?.queue === undefined ? each.does : 'drain';
        if (chosen) await this.#leave(chosen, how);
        return;
      }
    }
  }

  async #leave(one: Subscribed, how: 'drain' | 'unsubscribe'): Promise<void> {
    one.isOpen = false;
    if (how === 'drain') await one.subscription.drain();
    else one.subscription.unsubscribe();
  }

  #subscribe(
    index: number,
    { pattern: to, queue, answers }: Extract<Act, { does: 'subscribe' }>,
  ): void {
    const { bus } = this.#client(index);
    const heard: string[] = [];
    const hear = (message: BusMessage): void => {
      if (message.subject.startsWith('marker.')) return;
      const text = toText(message);
      if (text === '') this.#unheard.push(`${index} ${message.subject}`);
      else heard.push(describe(message));
      const isAnswering = queue === undefined ? answers : queue === 'answering';
      if (isAnswering && message.reply)
        bus.publish(message.reply, `!${text}`, { headers: { x: 'z' } });
    };
    const name = `${this.#subscribed.length} of ${index} to ${to}`;
    const subscription = bus.subscribe(to, hear, queue);
    const known = { name, client: index, queue, hearsAll: to === '>' || to === '*.>' };
    this.#subscribed.push({ ...known, subscription, heard, isOpen: true });
  }

  async #ask(
    { client, subject, header }: Extract<Step, { does: 'request' | 'large' }>,
    payload: string | Uint8Array,
  ): Promise<void> {
    const { bus } = this.#client(client);
    const timeoutMs = this.#network.patienceMs(this.#isAnswered(this.#requests.length));
    const options = { timeoutMs, ...headersOf(header) };
    const outcome = await bus.request(subject, payload, options).then(
      (reply) => `${toText(reply)} ${reply.header('x')}`,
      (error: unknown) =>
        error instanceof NoResponders || error instanceof RequestTimeout ? error.name : 'refused',
    );
    this.#requests.push(outcome);
  }

  /** Returns once all that was said has been heard, and what was answered to that, too. */
  async #settled(): Promise<void> {
    const open = this.#clients.filter(({ isOpen }) => isOpen);
    for (let time = 0; time < 2; time++) {
      const round = ++this.#round;
      for (const [index, { bus }] of this.#clients.entries())
        bus.publish(`marker.${index}.${round}`, '');
      await Promise.all(open.map((one) => this.#heardAll(one, round)));
    }
  }

  #heardAll(one: Client, round: number): Promise<void> {
    return new Promise((resolve) => {
      one.onMarker = () => {
        if (this.#clients.every(({ isOpen }, index) => !isOpen || one.rounds[index] === round))
          resolve();
      };
      one.onMarker();
    });
  }
}

/** The answers of others would race with what the client does after it has said such a thing. */
const answeredLast = (acts: readonly Act[]): Act[] =>
  acts.toSorted((one, other) => Number(isAnswerable(one)) - Number(isAnswerable(other)));

const isAnswerable = (one: Act): boolean => one.does === 'publish' && one.reply !== undefined;

/** What is said by one client in its order; answers of others and their order are chance. */
function bySpeaker(heard: readonly string[]): [string, string[]][] {
  const all = Map.groupBy(heard, (text) =>
    text.startsWith('!') ? 'answers' : (text.split('#')[0] ?? ''),
  );
  return Array.from(all, ([speaker, texts]): [string, string[]] => [
    speaker,
    speaker === 'answers' ? texts.toSorted() : texts,
  ]);
}

const inOrder = ({ heard }: Subscribed): boolean =>
  bySpeaker(heard).every(([speaker, texts]) => {
    const numbers = texts.map((text) => Number.parseInt(text.split('#')[1] ?? '', 10));
    const isNumbered = speaker !== 'answers' && speaker !== 'large';
    return !isNumbered || numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0));
  });

const headersOf = (x: string | undefined): { headers?: { x: string; also: string } } =>
  x === undefined ? {} : { headers: { x, also: 'w' } };

/** Of a large message what it is, not all that is in it. */
function toText({ payload }: BusMessage): string {
  const text = new TextDecoder().decode(payload);
  return text.length > 100 ? `large#${text.length}` : text;
}

const describe = (message: BusMessage): string => {
  const { subject, reply } = message;
  return `${toText(message)} ${boxOf(subject)} ${reply && boxOf(reply)} ${message.header('x')}`;
};

/** Each bus names its own inboxes. */
const boxOf = (subject: string): string => (subject.startsWith('_INBOX.') ? '_INBOX' : subject);
