/** The clients of a simulation: the product's own client, and a note of all that it says and hears. */
import type { ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { statusOf } from '../../contracts/codes.ts';
import { subjectsUnder, type Verb } from '../../contracts/subjects.ts';
import type { Bus, BusMessage } from '../../runtime/bus.ts';
import {
  clientOn,
  OutcomeUnknown,
  Unavailable,
  type Answer,
  type Client,
} from '../../runtime/client.ts';
import { pause, type Clock } from '../../runtime/clock.ts';
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
const lanes = 2;
/** Longer than a host lets anybody wait. */
const plainMs = 8_000;
const repeatedAtOnce = 20;
const watchEveryMs = 150;
const watchMs = 1_000;

/** One client, a few requests at a time. */
export class SimulatedClient {
  /** What was asked, in order; the answer is there once it has come. */
  readonly exchanges: Exchange[] = [];
  readonly complaints: string[] = [];
  /** What became of plain requests that the system failed; only planned changes must cause none. */
  readonly failures: string[] = [];
  readonly #bus: Bus;
  readonly #options: ClientOptions;
  readonly #client: Client;
  readonly #done: Done[] = [];
  #stopping = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { life, dice, prefix } = options;
    this.#bus = noting(options.bus, { clock: life.clock, prefix, exchanges: this.exchanges });
    const ports = { bus: this.#bus, clock: life.clock, random: dice.random };
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
  async run({ plainEveryMs }: { readonly plainEveryMs: number }): Promise<void> {
    const own = Array.from({ length: lanes }, () => this.#lane());
    const plain = Array.from({ length: lanes }, () => this.#plainLane(plainEveryMs));
    await Promise.all([...own, ...plain, this.#watch()]);
  }

  /** Queries that wait for nothing: also while all else is stuck somebody sees what is answered. */
  async #watch(): Promise<void> {
    const { life, workload, prefix } = this.#options;
    const dice = this.#options.dice.fork('watch');
    while (!this.#stopping) {
      await pause(life.clock, dice.pause(watchEveryMs));
      const act = workload.act(dice);
      const query = act.verb === 'get' ? act : workload.look?.(act.actor);
      if (query === undefined) continue;
      const { verb, actor, name } = query;
      const subject = `${prefix}.${verb}.${actor.replace('/', '.')}.${name}`;
      const asked = this.#bus.request(subject, JSON.stringify(query.body), { timeoutMs: watchMs });
      asked.catch(() => undefined);
    }
  }

  async #lane(): Promise<void> {
    const { life, dice, workload } = this.#options;
    while (!this.#stopping) {
      await pause(life.clock, dice.pause(110));
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

  /** As any NATS client may: no id, no retry. */
  async #plainLane(everyMs: number): Promise<void> {
    const { life, dice, workload, prefix } = this.#options;
    while (!this.#stopping) {
      await pause(life.clock, dice.pause(everyMs));
      const { verb, actor, name, body } = workload.act(dice);
      const subject = `${prefix}.${verb}.${actor.replace('/', '.')}.${name}`;
      await this.#bus
        .request(subject, JSON.stringify(body), { timeoutMs: plainMs })
        .then((answer) => this.#plainly(subject, JSON.parse(textOf(answer))))
        .catch((error: unknown) => this.failures.push(`${subject}: ${String(error)}`));
    }
  }

  #plainly(subject: string, { error }: { readonly error?: { readonly code: string } }): void {
    if (error && statusOf(error.code) >= 500) this.failures.push(`${subject}: ${error.code}`);
  }

  async #next(dice: Dice, workload: Workload): Promise<void> {
    const old = dice.chance(0.15) && this.#done.length > 0 ? dice.pick(this.#done) : undefined;
    if (old && dice.chance(0.2)) await this.#conflict(old, workload.act(dice));
    else if (old) await this.#do(old, old.id);
    else {
      const done = { ...workload.act(dice), id: this.#newId(dice) };
      if (done.verb === 'cmd') this.#done.push(done);
      const look = dice.chance(0.3) ? workload.look?.(done.actor) : undefined;
      await Promise.all([this.#do(done, done.id), look && this.#do(look, done.id)]);
    }
  }

  /** The id of one command with the payload of another, if that is for the same actor. */
  async #conflict({ id, actor }: Done, other: Act): Promise<void> {
    if (other.verb === 'cmd' && other.actor === actor) await this.#do(other, id);
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
