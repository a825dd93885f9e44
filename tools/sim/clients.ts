/** The clients of a simulation: the product's own client, and a note of all that it says and hears. */
import type { ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { subjectsUnder, type Verb } from '../../contracts/subjects.ts';
import type { Bus, BusMessage } from '../../runtime/bus.ts';
import {
  clientOn,
  OutcomeUnknown,
  Unavailable,
  type Answer,
  type Client,
} from '../../runtime/client.ts';
import type { Clock } from '../../runtime/clock.ts';
import { readJson } from '../../runtime/command.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import type { Trace } from './trace.ts';
import type { Act, Workload } from './workload.ts';

export interface ClientOptions {
  readonly life: Life;
  readonly bus: Bus;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly prefix: string;
  readonly workload: Workload;
}

interface Done extends Act {
  readonly id: string;
}

/** Requests that a client has under way at once. */
const lanes = 3;
const repeatedAtOnce = 20;

/** One client, a few requests at a time. */
export class SimulatedClient {
  /** What was asked, in order; the answer is there once it has come. */
  readonly exchanges: Exchange[] = [];
  readonly complaints: string[] = [];
  readonly #options: ClientOptions;
  readonly #client: Client;
  readonly #done: Done[] = [];
  #stopping = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { life, dice, prefix } = options;
    const noted = noting(options.bus, { clock: life.clock, prefix, exchanges: this.exchanges });
    const ports = { bus: noted, clock: life.clock, random: dice.random };
    this.#client = clientOn(ports, { prefix, timeoutMs: 30_000 });
  }

  /** Does these, one after the other; each answer must come and, if told so, must please. */
  async perform(acts: readonly Act[], judge?: Workload['judge']): Promise<void> {
    for (const act of acts) {
      const answer = await this.#do(act, this.#newId(this.#options.dice));
      const complaint = answer?.ok ? judge?.(act, answer.result) : undefined;
      if (answer === undefined) this.complaints.push(`${act.name} of ${act.actor} got no answer`);
      if (complaint !== undefined) this.complaints.push(complaint);
    }
  }

  /** Asks this and that until it is told to stop, sometimes again what it has asked before. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: lanes }, () => this.#lane()));
  }

  async #lane(): Promise<void> {
    const { life, dice, workload } = this.#options;
    while (!this.#stopping) {
      const pause = dice.pause(80);
      await new Promise<void>((resolve) => void life.clock.after(pause, resolve));
      await this.#next(dice, workload);
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Asks once more for everything that it has asked for: each must have been decided. */
  async repeatAll(): Promise<void> {
    for (let from = 0; from < this.#done.length; from += repeatedAtOnce)
      await Promise.all(
        this.#done.slice(from, from + repeatedAtOnce).map((done) => this.#repeat(done)),
      );
  }

  async #repeat(done: Done): Promise<void> {
    if ((await this.#do(done, done.id)) === undefined)
      this.complaints.push(`${done.name} of ${done.actor} with id ${done.id} is never decided`);
  }

  async #next(dice: Dice, workload: Workload): Promise<void> {
    const old = dice.chance(0.12) && this.#done.length > 0 ? dice.pick(this.#done) : undefined;
    const act = old ?? workload.act(dice);
    const id = old?.id ?? this.#newId(dice);
    if (act.verb === 'cmd' && old === undefined) this.#done.push({ ...act, id });
    await this.#do(act, id);
  }

  #newId(dice: Dice): string {
    return dice.random.id(this.#options.life.clock.now());
  }

  /** Undefined if there is no answer in time. */
  async #do({ verb, actor, name, body }: Act, id: string): Promise<Answer | undefined> {
    const { trace, life } = this.#options;
    try {
      const answer: Answer =
        verb === 'get'
          ? await this.#client.get<string, string>(actor, name, body)
          : await this.#client.ask<string, string>(actor, name, body, { id });
      trace.add(
        `client ${life.name} ${name} of ${actor} (${id}) is told ${JSON.stringify(answer)}`,
      );
      return answer;
    } catch (error) {
      trace.add(`client ${life.name} ${name} of ${actor} (${id}): ${String(error)}`);
      if (error instanceof OutcomeUnknown || error instanceof Unavailable) return undefined;
      throw error;
    }
  }
}

/** One request as it went over the wire, and what came back. */
export interface Exchange {
  readonly verb: Verb;
  readonly actor: ActorKey;
  readonly name: string;
  readonly body: Json;
  readonly id: string | undefined;
  readonly askedAt: number;
  readonly answer: { readonly at: number; readonly text: string } | undefined;
}

interface Notes {
  readonly clock: Clock;
  readonly prefix: string;
  readonly exchanges: Exchange[];
}

/** The same bus; each request to an actor over it is noted, with what came back. */
function noting(bus: Bus, { clock, prefix, exchanges }: Notes): Bus {
  const subjects = subjectsUnder(prefix);
  const request: Bus['request'] = async (subject, payload, options) => {
    const target = subjects.parse(subject);
    if (target === undefined) return bus.request(subject, payload, options);
    const askedAt = clock.monotonic();
    const { verb, actor, name } = target;
    const body = bodyOf(payload);
    const id = verb === 'cmd' ? options.headers?.['Nats-Msg-Id'] : undefined;
    const asked = { verb, actor, name, body, id, askedAt };
    const place = exchanges.push({ ...asked, answer: undefined }) - 1;
    const message = await bus.request(subject, payload, options);
    exchanges[place] = { ...asked, answer: { at: clock.monotonic(), text: textOf(message) } };
    return message;
  };
  return {
    request,
    publish: (...said) => bus.publish(...said),
    subscribe: (...asked) => bus.subscribe(...asked),
    flush: () => bus.flush(),
    onReconnect: (callback) => bus.onReconnect(callback),
    close: () => bus.close(),
  };
}

const bodyOf = (payload: string | Uint8Array): Json =>
  readJson(typeof payload === 'string' ? Buffer.from(payload) : payload) ?? {};

const textOf = ({ payload }: BusMessage): string => Buffer.from(payload).toString();
