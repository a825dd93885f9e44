/** The clients of a simulation: the product's own client, and a note of all that it says and hears. */
import { statusOf } from '../../contracts/codes.ts';
import type { Bus } from '../../runtime/bus.ts';
import {
  clientOn,
  OutcomeUnknown,
  Unavailable,
  type Answer,
  type Client,
} from '../../runtime/client.ts';
import { pause } from '../../runtime/clock.ts';
import { Batches, type Named } from './batches.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import { noting, textOf, type Exchange } from './noted-bus.ts';
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

/** The fields of any reply, to a batch too, that tell whether it was done. */
interface PlainReply {
  readonly error?: { readonly code: string };
  readonly replies?: readonly PlainReply[];
}

/** Requests that a client has under way at once. */
const lanes = 2;
/** Longer than a host lets anybody wait. */
const plainMs = 8_000;
const repeatedAtOnce = 20;
const timeoutMs = 30_000;
/** The pause between two batches, and how many commands are in one. */
const batchEveryMs = 400;
const batchCommands = { least: 1, most: 6 };
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
  readonly #batches: Batches;
  /** Whether one of its lanes sends batches. */
  readonly #batching: boolean;
  readonly #done: Named[] = [];
  #stopping = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { life, dice, prefix } = options;
    const { clock } = life;
    const { exchanges, complaints } = this;
    this.#bus = noting(options.bus, { clock, prefix, exchanges, complaints });
    this.#client = clientOn({ bus: this.#bus, clock, random: dice.random }, { prefix, timeoutMs });
    this.#batches = new Batches({
      name: life.name,
      client: this.#client,
      clock,
      trace: options.trace,
      timeoutMs,
      complaints,
      onTold: (act, answer) => options.workload.told?.(act, answer),
    });
    this.#batching = dice.fork('batches').chance(0.5);
  }

  /** What the client said of each command of its batches, which is not always what came last. */
  get heard(): readonly Exchange[] {
    return this.#batches.heard;
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
    const own = Array.from({ length: lanes }, (_, lane) =>
      lane === 0 && this.#batching ? this.#batchLane() : this.#lane(),
    );
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

  async #batchLane(): Promise<void> {
    const { life } = this.#options;
    const dice = this.#options.dice.fork('batch lane');
    while (!this.#stopping) {
      await pause(life.clock, dice.pause(batchEveryMs));
      const commands = this.#someCommands(dice);
      if (commands.length > 0) await this.#batches.send(commands);
    }
  }

  /** New ones, old ones again, the same one twice: each has its id. */
  #someCommands(dice: Dice): Named[] {
    const { workload } = this.#options;
    const commands: Named[] = [];
    for (let left = dice.whole(batchCommands.least, batchCommands.most); left > 0; left--) {
      if (this.#done.length > 0 && dice.chance(0.2)) {
        commands.push(dice.pick(this.#done.slice(-repeatedAtOnce)));
        continue;
      }
      const act = workload.act(dice);
      if (act.verb !== 'cmd') continue;
      const command = { ...act, id: this.#newId(dice) };
      commands.push(command);
      this.#done.push(command);
    }
    return commands;
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Asks once more for everything that it has asked for: each must have been decided. */
  async repeatAll(): Promise<void> {
    for (let from = 0; from < this.#done.length; from += repeatedAtOnce) {
      const some = this.#done.slice(from, from + repeatedAtOnce);
      const undecided = this.#batching
        ? await this.#batches.send(some)
        : (await Promise.all(some.map((done) => this.#repeat(done)))).flat();
      for (const { name, actor, id } of undecided)
        this.complaints.push(`${name} of ${actor} with id ${id} is never decided`);
    }
  }

  /** The command, if there was no answer. */
  async #repeat(done: Named): Promise<Named[]> {
    return (await this.#do(done, done.id)) === undefined ? [done] : [];
  }

  /** As any NATS client may: no id, no retry. */
  async #plainLane(everyMs: number): Promise<void> {
    const { life, dice, workload, prefix } = this.#options;
    while (!this.#stopping) {
      await pause(life.clock, dice.pause(everyMs));
      const { verb, actor, name, body } = workload.act(dice);
      const twice = verb === 'cmd' && dice.chance(0.1);
      const payload = twice
        ? {
            commands: [
              { name, body },
              { name, body },
            ],
          }
        : body;
      const subject = `${prefix}.${verb}.${actor.replace('/', '.')}.${twice ? 'batch' : name}`;
      await this.#bus
        .request(subject, JSON.stringify(payload), { timeoutMs: plainMs })
        .then((answer) => this.#plainly(subject, JSON.parse(textOf(answer))))
        .catch((error: unknown) => this.failures.push(`${subject}: ${String(error)}`));
    }
  }

  #plainly(subject: string, { error, replies = [] }: PlainReply): void {
    if (error && statusOf(error.code) >= 500) this.failures.push(`${subject}: ${error.code}`);
    for (const reply of replies) this.#plainly(subject, reply);
  }

  async #next(dice: Dice, workload: Workload): Promise<void> {
    const old = dice.chance(0.15) && this.#done.length > 0 ? dice.pick(this.#done) : undefined;
    if (old && dice.chance(0.2)) await this.#conflict(old, workload.act(dice));
    else if (old) await this.#do(old, old.id);
    else {
      const done = { ...workload.act(dice), id: this.#newId(dice) };
      if (done.verb === 'cmd') this.#done.push(done);
      const look = dice.chance(0.3) ? workload.look?.(done.actor) : undefined;
      const [answer] = await Promise.all([
        this.#do(done, done.id),
        look && this.#do(look, done.id),
      ]);
      if (answer) workload.told?.(done, answer);
    }
  }

  /** The id of one command with the payload of another, if that is for the same actor. */
  async #conflict({ id, actor }: Named, other: Act): Promise<void> {
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
