/**
 * The client: commands and queries over the wire contract, typed from the contracts, asked again
 * with the same id until there is an answer. Any NATS client can do the same by hand; this one
 * knows what may be repeated and when to stop.
 *
 * A refusal is a value (`ok: false`). What is thrown says that there is no answer: `OutcomeUnknown`
 * (ask again with the id it names), `Unavailable` (nothing was done), `BatchIncomplete`,
 * `ClientClosed`, or the reason of the caller's signal.
 *
 * Commands to one actor keep their order only if each is awaited before the next is sent. That goes
 * for the commands of one batch too: those put off are asked again after the others.
 */
import { wireLimits } from '../contracts/batch.ts';
import { isActorId, isCommandId, parseActorKey } from '../contracts/ids.ts';
import { refusal, type Reply } from '../contracts/reply.ts';
import { subjectsUnder, type Verb } from '../contracts/subjects.ts';
import type { Bus } from './bus.ts';
import { sendBatch, type Outcome, type Prepared } from './client-batch.ts';
import { discoverPartitions } from './client-discovery.ts';
import { BatchIncomplete, OutcomeUnknown, Unavailable } from './client-failures.ts';
import { askHealth, type Health } from './client-health.ts';
import { Line, type Tried, type Until } from './client-line.ts';
import { retryPolicy, type RetryPolicy } from './client-retry.ts';
import { readAnswer, readJson } from './client-replies.ts';
import type {
  Answer,
  BatchItem,
  Body,
  CommandBody,
  CommandName,
  CommandResult,
  QueryBody,
  QueryName,
  QueryResult,
} from './client-types.ts';
import type { Clock, Random } from './clock.ts';
import { natsBus } from './nats/bus.ts';
import { systemClock, systemRandom } from './system-clock.ts';

export * from './client-failures.ts';
export type { Health } from './client-health.ts';
export type { RetryableCode, RetryPolicy } from './client-retry.ts';
export type * from './client-types.ts';

export interface Client {
  /** Sends a command, and the same command again until there is an answer or the time is over. */
  ask<Actor extends string, Name extends CommandName<Actor>>(
    actor: Actor,
    name: Name,
    body: CommandBody<Actor, Name>,
    options?: AskOptions,
  ): Promise<Answer<CommandResult<Actor, Name>>>;

  /** Asks a query; the answer reflects every command that was answered before. */
  get<Actor extends string, Name extends QueryName<Actor>>(
    actor: Actor,
    name: Name,
    body: QueryBody<Actor, Name>,
    options?: WaitOptions,
  ): Promise<Answer<QueryResult<Actor, Name>>>;

  /** Sends many commands in few requests; answers come in the order asked. */
  batch(commands: readonly BatchItem[], options?: WaitOptions): Promise<Answer[]>;

  /** Looks whether NATS answers, which hosts do, and what they own; takes a second at most. */
  health(options?: WaitOptions): Promise<Health>;

  /** Ends what still waits with `ClientClosed`, and the connection if `connect` made it. */
  close(): Promise<void>;
}

export interface WaitOptions {
  /** How long to try; default that of the client. */
  readonly timeoutMs?: number;
  /** Stops waiting; whether a command was carried out is then not known. */
  readonly signal?: AbortSignal;
  /** The caller's own step (W3C trace context): the trace of a request goes on from it. */
  readonly traceparent?: string;
}

export interface AskOptions extends WaitOptions {
  /** The command's id; default a fresh UUIDv7. */
  readonly id?: string;
}

export interface ClientOptions {
  /** What every subject begins with; default `millrace`. */
  readonly prefix?: string;
  /** How long a command or query is tried; default 30 s. */
  readonly timeoutMs?: number;
  /** How it is tried again; each part has a default of its own. */
  readonly retry?: Partial<RetryPolicy>;
  /** How many partitions the cluster has; default: the hosts are asked at the first batch. */
  readonly partitions?: number;
}

/**
 * Connects to NATS, and stays connected: two pings without an answer, one a second, end a connection
 * that is dead, a new one is tried for ever, and what was lost is asked again at once. Only a NATS that
 * refuses the credentials ends the client: whatever is asked is then refused with `ClientClosed`.
 */
export async function connect(
  options: ClientOptions & { readonly url: string; readonly name?: string },
): Promise<Client> {
  const policy = retryPolicy(options.retry);
  let gaveUp = (_why: string): void => {};
  const bus = await natsBus({
    url: options.url,
    name: options.name ?? 'millrace-client',
    onClosed: (why) => gaveUp(why),
  });
  const ports = { bus, clock: systemClock, random: systemRandom() };
  const line = new Line({ ...ports, policy });
  gaveUp = (why) => line.close(why);
  const close = async (): Promise<void> => {
    line.close();
    await bus.close();
  };
  return { ...clientOver({ ...ports, line }, options), close };
}

/** A client on ports of your own: a simulated bus and clock, or a connection shared with others. */
export const clientOn = (ports: Ports, options: ClientOptions = {}): Client =>
  clientOver(
    { ...ports, line: new Line({ ...ports, policy: retryPolicy(options.retry) }) },
    options,
  );

interface Ports {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
}

function clientOver(ports: Ports & { readonly line: Line }, options: ClientOptions): Client {
  const { clock, random, line } = ports;
  const prefix = options.prefix ?? 'millrace';
  const subjects = subjectsUnder(prefix);
  let partitions = options.partitions;

  const untilOf = ({ timeoutMs, signal }: WaitOptions): Until => ({
    deadline: clock.monotonic() + (timeoutMs ?? options.timeoutMs ?? defaultTimeoutMs),
    signal,
  });

  /** Checks here what a bus could not carry; the rest is the host's to judge. */
  function prepare(item: BatchItem): Prepared | Refused {
    const { actor, name, body = {}, id = random.id(clock.now()) } = item;
    const key = parseActorKey(actor);
    if (key === undefined)
      return refusal('request/malformed', `"${actor}" is no actor: write type/id`);
    if (!isActorId(name))
      return refusal('request/malformed', `"${name}" is no name of a command or query`);
    if (!isCommandId(id))
      return refusal('request/malformed', 'a command id has 1 to 128 printable ASCII characters');
    const text = JSON.stringify(body);
    if (Buffer.byteLength(text) > wireLimits.bodyBytesMax) return refusal('request/too-large');
    return { actor: key, name, id, body: text };
  }

  async function send(verb: Verb, request: BatchItem, wait: WaitOptions): Promise<Answer> {
    const prepared = prepare(request);
    if ('ok' in prepared) return prepared;
    const { actor, name, id, body } = prepared;
    const subject = subjects.request(verb, actor, name);
    const headers = {
      ...(verb === 'cmd' && { 'Nats-Msg-Id': id }),
      ...(wait.traceparent !== undefined && { traceparent: wait.traceparent }),
    };
    const until = untilOf(wait);
    const retried = await line.retry(until, async (timeoutMs, unknown): Promise<Tried<Answer>> => {
      const tried = await line.request(subject, body, {
        timeoutMs,
        signal: wait.signal,
        headers,
      });
      if (tried.kind === 'again') return tried;
      const answer = readAnswer(readJson(tried.value.payload));
      if (answer.ok || !line.isRetried(answer.error, verb === 'cmd' && unknown))
        return { kind: 'done', value: answer };
      return { kind: 'again', unknown: answer.error.code === 'runtime/pending', why: answer.error };
    });
    if (retried.kind === 'done') return retried.value;
    if (verb === 'get') throw new Unavailable({ actor, name }, retried.why);
    if (retried.unknown) throw new OutcomeUnknown({ actor, name, id }, retried.why);
    throw new Unavailable({ actor, name, id }, retried.why);
  }

  async function batch(commands: readonly BatchItem[], wait: WaitOptions = {}): Promise<Answer[]> {
    const until = untilOf(wait);
    partitions ??= await discoverPartitions({ ...ports, prefix, until });
    return complete(await sendBatch({ line, subjects, partitions }, commands.map(prepare), until));
  }

  return {
    ask: (actor, name, body, { id, ...wait } = {}) =>
      typed(
        send('cmd', { actor, name, body: body as Body, ...(id !== undefined && { id }) }, wait),
      ),
    get: (actor, name, body, wait = {}) =>
      typed(send('get', { actor, name, body: body as Body }, wait)),
    batch,
    health: (wait = {}) =>
      askHealth({
        ...ports,
        prefix,
        until: untilOf({ timeoutMs: healthTimeoutMs, ...wait }),
      }),
    close: async () => line.close(),
  };
}

type Refused = Extract<Reply, { ok: false }>;

const defaultTimeoutMs = 30_000;
const healthTimeoutMs = 1_000;

/** A type witness: hosts answer as the contracts say, and the envelope has been checked. */
const typed = <Result>(answer: Promise<Answer>): Promise<Answer<Result>> =>
  answer as Promise<Answer<Result>>;

function complete(outcomes: readonly Outcome[]): Answer[] {
  const answers = outcomes.filter((outcome): outcome is Answer => !(outcome instanceof Error));
  if (answers.length < outcomes.length) throw new BatchIncomplete(outcomes);
  return answers;
}
