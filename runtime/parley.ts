/**
 * What hosts say to each other when a partition changes hands in good order. Signed as deliveries
 * are: nobody else can make a host give anything away.
 */
import { z } from 'zod';
import type { Subjects } from '../contracts/subjects.ts';
import { NoResponders, type Bus, type BusMessage, type Subscription } from './bus.ts';
import { isSigned, sign, signatureHeader } from './signature.ts';

const Ask = z.object({
  /**
   * `join`: may I enter your queue group? `take`: I am in it, and have read your log; give me the
   * partition. `leave`: I have left it again.
   */
  step: z.enum(['join', 'take', 'leave']),
  partition: z.number(),
  /** That of the owner who is asked. */
  epoch: z.number(),
  heir: z.object({ host: z.string(), nonce: z.string(), leaseMs: z.number() }),
});
/** A successor's question to the owner of a partition. */
export type Ask = z.infer<typeof Ask>;

const Answer = z.discriminatedUnion('kind', [
  /** The group to enter; to be followed by `take` within a second. */
  z.object({ kind: z.literal('joined'), group: z.string() }),
  z.object({ kind: z.literal('given') }),
  z.object({ kind: z.literal('no') }),
]);
/** What the owner says to it. */
export type Answer = z.infer<typeof Answer>;

export interface ParleyOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** Known to the hosts of the cluster alone. */
  readonly secret: string;
}

const answerMs = 1_500;

export class Parley {
  readonly #options: ParleyOptions;

  constructor(options: ParleyOptions) {
    this.#options = options;
  }

  /** Asks a host; undefined if it does not answer, and then what it did is unknown. */
  async ask(host: string, ask: Ask): Promise<Answer | undefined> {
    const { bus, subjects, secret } = this.#options;
    const subject = subjects.handOver(host);
    const payload = JSON.stringify(ask);
    const headers = { [signatureHeader]: sign(secret, subject, payload) };
    try {
      const answer = await bus.request(subject, payload, { headers, timeoutMs: answerMs });
      return Answer.parse(JSON.parse(Buffer.from(answer.payload).toString()));
    } catch (error) {
      return error instanceof NoResponders ? { kind: 'no' } : undefined;
    }
  }

  /** Answers what is asked of this host. */
  listen(host: string, answer: (ask: Ask) => Promise<Answer>): Subscription {
    const { bus, subjects } = this.#options;
    return bus.subscribe(subjects.handOver(host), (message) => void this.#hear(message, answer));
  }

  async #hear(message: BusMessage, answer: (ask: Ask) => Promise<Answer>): Promise<void> {
    const { subject, payload, reply } = message;
    const signature = message.header(signatureHeader);
    if (reply === undefined) return;
    if (!isSigned(this.#options.secret, { subject, payload, signature })) return;
    const ask = Ask.parse(JSON.parse(Buffer.from(payload).toString()));
    const said = await answer(ask).catch((): Answer => ({ kind: 'no' }));
    this.#options.bus.publish(reply, JSON.stringify(said));
  }
}
