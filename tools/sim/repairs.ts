/**
 * The operator of a simulation: looks at what actors failed on and has it retried, by the product's
 * own way. Once the actors are mended nothing may be left.
 */
import { LetterList } from '../../contracts/dead-letter.ts';
import { parseActorKey, retryId, type ActorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { parseRecordAddress } from '../../contracts/record.ts';
import { encodeReply, type Reply } from '../../contracts/reply.ts';
import type { Bus } from '../../runtime/bus.ts';
import { pause } from '../../runtime/clock.ts';
import type { Placed } from '../../runtime/whole-log.ts';
import type { SentCommand } from '../checkers/evidence.ts';
import { operatorOn, type Operator } from '../operator.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import type { Trace } from './trace.ts';

export interface RepairsOptions {
  readonly life: Life;
  readonly bus: Bus;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly prefix: string;
}

type Target = { readonly at: string } | { readonly actor: ActorKey };

const everyMs = 1_000;
/** What failed for as many rounds as this although the actors are mended will always fail. */
const roundsMax = 20;

export class Repairs {
  readonly complaints: string[] = [];
  /** What was answered to the retry of a command, by the address at which it was set aside. */
  readonly #told = new Map<string, string[]>();
  readonly #options: RepairsOptions;
  #operator: Operator | undefined;
  #stopping = false;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** Retries this and that, some twice at once, until it is told to stop. */
  async run(): Promise<void> {
    const { life, dice } = this.#options;
    while (!this.#stopping) {
      await pause(life.clock, dice.pause(everyMs));
      const operator = await this.#connected();
      const targets = await this.#targets(operator, dice.whole(0, operator.partitions - 1));
      if (targets.length === 0) continue;
      const target = dice.pick(targets);
      const times = dice.chance(0.3) ? [1, 2] : [1];
      await Promise.all(times.map(() => this.#retry(operator, target)));
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Retries everything until nothing is left. */
  async retryAll(): Promise<void> {
    const operator = await this.#connected();
    const partitions = Array.from({ length: operator.partitions }, (_, partition) => partition);
    await Promise.all(partitions.map((partition) => this.#retryAllOf(operator, partition)));
  }

  /** The retries of commands as commands, which they are, under ids of their own. */
  retriesIn(records: readonly Placed[]): SentCommand[] {
    return records.flatMap(({ at, record: { actor, id, aside } }) => {
      const replies = this.#told.get(at);
      if (replies === undefined || aside === undefined || id === undefined) return [];
      return [{ actor, name: aside.name, body: aside.body, id: retryId(at), replies }];
    });
  }

  async #retryAllOf(operator: Operator, partition: number): Promise<void> {
    for (let rounds = 0; rounds < roundsMax; rounds++) {
      const targets = await this.#targets(operator, partition);
      if (targets.length === 0) return;
      for (const target of targets) await this.#retry(operator, target);
    }
    this.complaints.push(`partition ${partition}: what was set aside fails again and again`);
  }

  /** Halted actors first: what waits for them waits for that. */
  async #targets(operator: Operator, partition: number): Promise<Target[]> {
    const reply = await this.#ask(operator, partition, 'list', {});
    if (reply?.ok !== true) return [];
    const { halted, letters } = LetterList.parse(reply.result);
    const actors = halted.flatMap(({ actor }) => parseActorKey(actor) ?? []);
    return [...actors.map((actor) => ({ actor })), ...letters.map(({ at }) => ({ at }))];
  }

  async #retry(operator: Operator, target: Target): Promise<void> {
    const partition =
      'at' in target
        ? parseRecordAddress(target.at).partition
        : partitionOf(target.actor, operator.partitions);
    const reply = await this.#ask(operator, partition, 'retry', target);
    if (reply === undefined || !('at' in target)) return;
    const { at } = reply as { readonly at?: string };
    const told = this.#told.get(target.at) ?? [];
    this.#told.set(target.at, [...told, encodeReply(reply, at)]);
  }

  /** Undefined if nobody answers. */
  async #ask(
    operator: Operator,
    partition: number,
    verb: 'list' | 'retry',
    body: Target | Record<string, never>,
  ): Promise<Reply | undefined> {
    const { trace } = this.#options;
    const what = `${verb} ${JSON.stringify(body)} of partition ${partition}`;
    try {
      const reply = await operator.ask(partition, verb, body);
      trace.add(`operator ${what} is told ${JSON.stringify(reply)}`);
      return reply;
    } catch (error) {
      trace.add(`operator ${what}: ${String(error)}`);
      return undefined;
    }
  }

  /** Tried again for as long as no host says how many partitions there are. */
  async #connected(): Promise<Operator> {
    const { bus, life, dice, prefix, trace } = this.#options;
    const ports = { bus, clock: life.clock, random: dice.random };
    while (this.#operator === undefined) {
      this.#operator = await operatorOn(ports, prefix).catch((error: unknown) => {
        trace.add(`operator finds no host: ${String(error)}`);
        return undefined;
      });
    }
    return this.#operator;
  }
}
