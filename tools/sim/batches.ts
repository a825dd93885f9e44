/** Batches by the product's client, and a note of what it says of each of their commands. */
import { parseActorKey } from '../../contracts/ids.ts';
import { encodeReply } from '../../contracts/reply.ts';
import { BatchIncomplete, Unavailable, type Answer, type Client } from '../../runtime/client.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Exchange } from './noted-bus.ts';
import type { Trace } from './trace.ts';
import type { Act, Workload } from './workload.ts';

export interface BatchOptions {
  readonly name: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly trace: Trace;
  /** How long the client tries. */
  readonly timeoutMs: number;
  readonly complaints: string[];
  readonly onTold: Workload['told'];
}

/** An act under its id: sent as often as you like, it is carried out once. */
export interface Named extends Act {
  readonly id: string;
}

type Outcome = BatchIncomplete['outcomes'][number];

export class Batches {
  /** Each command with the answer that the client gave for it: not always what came last over the wire. */
  readonly heard: Exchange[] = [];
  readonly #options: BatchOptions;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** Sends these until all are answered, or the client gives up; returns those without an answer. */
  async send(commands: readonly Named[]): Promise<readonly Named[]> {
    const { clock, trace, name, timeoutMs, complaints } = this.#options;
    const askedAt = clock.monotonic();
    const outcomes = await this.#outcomes(commands);
    const waitedMs = clock.monotonic() - askedAt;
    trace.add(`client ${name} a batch of ${commands.length} is told ${JSON.stringify(outcomes)}`);
    const unanswered: Named[] = [];
    for (const [index, command] of commands.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome instanceof Error) unanswered.push(command);
      else this.#note(command, outcome, askedAt);
    }
    if (unanswered.length > 0 && waitedMs < timeoutMs - 1)
      complaints.push(
        `a batch gave up on ${unanswered.length} commands after ${waitedMs} of ${timeoutMs} ms`,
      );
    return unanswered;
  }

  async #outcomes(commands: readonly Named[]): Promise<readonly Outcome[]> {
    try {
      return await this.#options.client.batch(
        commands.map(({ actor, name, body, id }) => ({ actor, name, body, id })),
      );
    } catch (error) {
      if (error instanceof BatchIncomplete) return error.outcomes;
      // Nobody said how many partitions there are: nothing was sent.
      if (error instanceof Unavailable) return [];
      throw error;
    }
  }

  #note({ verb, actor, name, body, id }: Named, outcome: Answer, askedAt: number): void {
    const key = parseActorKey(actor);
    if (key === undefined) throw new Error(`"${actor}" is no actor`);
    this.#options.onTold?.({ verb, actor, name, body }, outcome);
    const answer = { at: this.#options.clock.monotonic(), text: encodeReply(outcome, outcome.at) };
    this.heard.push({ verb, actor: key, name, body, id, askedAt, answer });
  }
}
