/**
 * Messages between partitions on their way: within one host at once, to another over NATS, signed,
 * so that nobody but a host can bring money into a partition.
 */
import type { Subjects } from '../contracts/subjects.ts';
import type { Bus, BusMessage } from './bus.ts';
import { readJson } from './command.ts';
import { NotServing } from './intake.ts';
import type { Delivery, Received } from './outbox.ts';
import type { Service } from './ownership.ts';
import type { Partition } from './partition.ts';
import { isSigned, sign, signatureHeader } from './signature.ts';

export interface DeliveriesOptions {
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** What only the hosts of the cluster know. */
  readonly secret: string;
  /** Whether the lease of a partition is this host's, as far as it can know. */
  readonly holds: (partition: number) => boolean;
  /** What answers for a partition here. */
  readonly service: (partition: number) => Service | undefined;
}

const deliveryMs = 2_000;

export class Deliveries {
  readonly #options: DeliveriesOptions;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Resolves when the receiver has it in its log; those of this host skip NATS, not the log. */
  async post(to: number, delivery: Delivery): Promise<Received> {
    const { bus, subjects, secret, holds, service } = this.#options;
    // Whoever owns the sending partition now delivers what this host has not.
    if (!holds(delivery.from)) throw new NotServing('the lease has run out');
    const here = service(to);
    if (here?.kind === 'serving') return here.partition.receive(delivery);
    const subject = subjects.channel(to);
    const payload = JSON.stringify(delivery);
    const headers = { [signatureHeader]: sign(secret, subject, payload) };
    const answer = await bus.request(subject, payload, { timeoutMs: deliveryMs, headers });
    return JSON.parse(Buffer.from(answer.payload).toString()) as Received;
  }

  /** A delivery that is not from a host, or cannot be taken, is not answered: a sender tries again. */
  async receive(message: BusMessage, partition: Partition): Promise<void> {
    const { subject, payload, reply } = message;
    const signature = message.header(signatureHeader);
    const { bus, secret } = this.#options;
    if (reply === undefined || !isSigned(secret, { subject, payload, signature })) return;
    const delivery = readJson(payload) as unknown as Delivery;
    const received = await partition.receive(delivery).catch(() => undefined);
    if (received) bus.publish(reply, JSON.stringify(received));
  }
}
