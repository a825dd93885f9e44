/** An operator's connection to the owners of the partitions: asked again until there is an answer. */
import type { DeadLetterVerb } from '../contracts/dead-letter.ts';
import type { JsonObject } from '../contracts/json.ts';
import { States } from '../contracts/operator.ts';
import type { Reply } from '../contracts/reply.ts';
import { subjectsUnder } from '../contracts/subjects.ts';
import type { Bus } from '../runtime/bus.ts';
import { discoverPartitions } from '../runtime/client-discovery.ts';
import { Line } from '../runtime/client-line.ts';
import { retryPolicy } from '../runtime/client-retry.ts';
import { readAnswer, readJson } from '../runtime/client-replies.ts';
import type { Clock, Random } from '../runtime/clock.ts';
import { natsBus } from '../runtime/nats/bus.ts';
import { systemClock, systemRandom } from '../runtime/system-clock.ts';

export interface Operator {
  /** How many partitions the cluster has. */
  readonly partitions: number;
  /** Asks the owner of a partition; a refusal is an answer, silence for too long an error. */
  ask(partition: number, verb: DeadLetterVerb, body: JsonObject): Promise<Reply>;
  /** The states that these actors of a partition have in memory. */
  states(partition: number, actors: readonly string[]): Promise<States>;
  close(): Promise<void>;
}

const patienceMs = 15_000;
const policy = retryPolicy({ backoffMs: 50 });

/** Connects to the cluster at a NATS address. */
export async function connectOperator({
  url,
  prefix,
}: {
  readonly url: string;
  readonly prefix: string;
}): Promise<Operator> {
  const bus = await natsBus({ url, name: 'millrace-operator' });
  try {
    return await operatorOn({ bus, clock: systemClock, random: systemRandom() }, prefix);
  } catch (error) {
    await bus.close();
    throw error;
  }
}

interface Ports {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
}

/** An operator on ports of your own: a simulated bus and clock. Closing it closes the bus. */
export async function operatorOn(ports: Ports, prefix: string): Promise<Operator> {
  const { bus, clock } = ports;
  const line = new Line({ ...ports, policy });
  const until = () => ({ deadline: clock.monotonic() + patienceMs });
  const subjects = subjectsUnder(prefix);
  const partitions = await discoverPartitions({ ...ports, line, prefix, until: until() });
  const request = async (partition: number, subject: string, body: object): Promise<Reply> => {
    const retried = await line.retry(until(), async (timeoutMs) => {
      const tried = await line.request(subject, JSON.stringify(body), {
        timeoutMs,
        signal: undefined,
      });
      if (tried.kind === 'again') return tried;
      const reply = readAnswer(readJson(tried.value.payload)) as Reply;
      if (reply.ok || !line.isRetried(reply.error)) return { kind: 'done', value: reply };
      return { kind: 'again', unknown: true, why: reply.error };
    });
    if (retried.kind === 'done') return retried.value;
    throw new Error(`partition ${partition} does not answer; ask again when it is served`);
  };
  return {
    partitions,
    ask: (partition, verb, body) => request(partition, subjects.deadLetters(partition, verb), body),
    states: async (partition, actors) => {
      const reply = await request(partition, subjects.states(partition), { actors });
      if (reply.ok) return States.parse(reply.result);
      throw new Error(`partition ${partition}: ${reply.error.message}`);
    },
    close: async () => {
      line.close();
      await bus.close();
    },
  };
}
