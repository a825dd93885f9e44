/**
 * From messages of the bus to commands and queries of a partition, and from replies to the bus.
 */
import { BatchCommand } from '../contracts/batch.ts';
import { statusOf } from '../contracts/codes.ts';
import type { OperatorVerb } from '../contracts/operator.ts';
import { parseActorKey, typeOf, type ActorKey } from '../contracts/ids.ts';
import type { Json } from '../contracts/json.ts';
import { partitionOf } from '../contracts/partition.ts';
import { encodeReply, refusal, type Reply } from '../contracts/reply.ts';
import type { Subjects, Target } from '../contracts/subjects.ts';
import type { Bus, BusMessage, Headers } from './bus.ts';
import { Batch, parseBatch } from './batch.ts';
import type { Clock } from './clock.ts';
import {
  answer,
  parseCommand,
  parseHistory,
  parseOperatorRequest,
  parseRead,
  type ActorTypes,
  type Caller,
} from './command.ts';
import type { DeferredParts } from './deferred-parts.ts';
import type { Histories } from './history/histories.ts';
import type { Limits } from './limits.ts';
import type { Partition } from './partition.ts';
import { partitionType } from './reference-data.ts';
import type { Meter, RequestStep, Span, Tracer } from './telemetry.ts';
import { traceOf } from './traceparent.ts';
import { Usage } from './usage.ts';

/** A request that can be handled here or sent on as it is. */
export interface Request {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly reply: string;
  readonly id: string | undefined;
  readonly trace: string | undefined;
}

export const requestOf = (message: BusMessage): Request => ({
  subject: message.subject,
  payload: message.payload,
  reply: message.reply ?? '',
  id: message.header('Nats-Msg-Id'),
  trace: traceOf(message.header('traceparent')),
});

export interface GatewayOptions {
  readonly partitions: number;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly types: ActorTypes;
  readonly subjects: Subjects;
  readonly deferred: DeferredParts;
  readonly histories: Histories;
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
}

/** To whom a request goes. */
export interface Addressed {
  readonly target: Target;
  readonly partition: number;
}

export class Gateway {
  readonly usage: Usage;
  readonly #options: GatewayOptions;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.usage = new Usage(options);
  }

  /** Whoever waits at a reply subject. */
  callerAt(
    subject: string,
    { trace, since }: { trace?: string | undefined; since?: number } = {},
  ): Caller {
    return {
      subject,
      since: since ?? this.#options.clock.now(),
      answer: (text, code) => {
        if (subject === '' || !this.#options.subjects.takesReplies(subject)) return;
        const fits = Buffer.byteLength(text) <= this.#options.limits.messageBytesMax;
        const sent = fits ? text : encodeReply(tooLarge);
        const headers = headersOf(fits ? code : tooLarge.error.code, trace);
        this.#options.bus.publish(subject, sent, { headers });
      },
    };
  }

  /** Answers a request with a refusal that needs no state. */
  refuse(request: Request, code: string, message?: string): void {
    answer(this.callerAt(request.reply, request), refusal(code, message));
  }

  /** The partition that a request belongs to; undefined for a subject that is not well formed. */
  targetOf(request: Request): Addressed | undefined {
    const target = this.#options.subjects.parse(request.subject);
    return target && { target, partition: partitionOf(target.actor, this.#options.partitions) };
  }

  /** Handles a command, batch or query to one actor, which lives in this partition. */
  handle(request: Request, { target, partition: number }: Addressed, partition: Partition): void {
    const { types } = this.#options;
    const { payload, id } = request;
    const span = types.has(target.type) ? this.#begun(request, target, number) : undefined;
    const trace = span?.traceparent ?? request.trace;
    const caller = this.usage.counted(target, this.#callerOf(request, span));
    if (target.verb === 'get' && this.#asksHistory(target)) {
      if (partition.busy) answer(caller, refusal('runtime/busy'));
      else void this.#tellHistory(request, target, caller);
    } else if (target.verb === 'get') {
      const read = parseRead({ types, ...target, payload, caller });
      if (read.ok) partition.read(read.value);
      else answer(caller, read.refused);
    } else if (target.name === 'batch') {
      const heard = { ...request, trace };
      if (types.has(target.type)) this.#batch(heard, caller, partition, target.actor);
      else answer(caller, refusal('runtime/unknown-type'));
    } else {
      const asked = { types, ...target, body: payload, id, trace, caller, span };
      const command = parseCommand(asked);
      if (command.ok) partition.submit(command.value);
      else answer(caller, command.refused);
    }
  }

  /** Handles a batch of commands to actors of this partition. */
  handleBatch(request: Request, number: number, partition: Partition): void {
    const several = { verb: 'cmd', type: partitionType, name: 'batch' } as const;
    const span = this.#begun(request, several, number);
    const heard = { ...request, trace: span?.traceparent ?? request.trace };
    const timed = this.usage.timedBatch(number, this.#callerOf(request, span));
    this.#batch(heard, timed, partition, number);
  }

  /** Handles an operator's request. */
  attend(request: Request, verb: OperatorVerb, partition: Partition): void {
    const caller = this.callerAt(request.reply, request);
    const parsed = parseOperatorRequest(verb, request.payload);
    if (parsed.ok) partition.attend(parsed.value, caller);
    else answer(caller, parsed.refused);
  }

  /** Every actor has a history, unless its type has a query of that name. */
  #asksHistory({ type, name }: Target): boolean {
    return name === 'history' && this.#options.types.get(type)?.queries.has(name) === false;
  }

  async #tellHistory({ payload }: Request, { actor, type }: Target, caller: Caller): Promise<void> {
    const { types, partitions, histories } = this.#options;
    const found = types.get(type);
    if (found === undefined) return;
    const query = parseHistory(payload);
    const of = { actor, type: found, partition: partitionOf(actor, partitions) };
    answer(caller, query.ok ? await histories.page(of, query.value) : query.refused);
  }

  #begun(
    { id, trace }: Request,
    step: Pick<RequestStep, 'verb' | 'type' | 'actor' | 'name'>,
    partition: number,
  ): Span | undefined {
    return this.#options.tracer?.request({ ...step, id, trace, partition });
  }

  /** Told of its trace if it has one; the step ends with the answer, if its record has not ended it. */
  #callerOf({ reply, trace }: Request, span: Span | undefined): Caller {
    if (span === undefined) return this.callerAt(reply, { trace });
    const caller = this.callerAt(reply, { trace: trace && span.traceparent });
    return {
      ...caller,
      answer: (text, code) => {
        caller.answer(text, code);
        span.end(code);
      },
    };
  }

  /** `scope` is the one actor that the batch is for, or the partition. */
  #batch(request: Request, caller: Caller, partition: Partition, scope: ActorKey | number): void {
    const commands = parseBatch(request.payload);
    if ('ok' in commands) {
      answer(caller, commands);
      return;
    }
    const batch = new Batch(commands.length, caller, this.#options.deferred);
    commands.forEach((command, index) => {
      const waiting = batch.begin(index);
      if (waiting)
        this.#element({ command, caller: waiting, scope, trace: request.trace }, partition);
    });
  }

  #element(element: Element, partition: Partition): void {
    const { caller: waiting, scope, trace } = element;
    const parsed = BatchCommand.safeParse(element.command);
    if (!parsed.success) {
      const { path = [], message = '' } = parsed.error.issues[0] ?? {};
      answer(
        waiting,
        refusal('request/malformed', `${path.map(String).join('.') || 'The command'}: ${message}.`),
      );
      return;
    }
    const { id, name, body = {} } = parsed.data;
    const actor = this.#actorOf(parsed.data, scope);
    if (typeof actor !== 'string') {
      answer(waiting, actor);
      return;
    }
    const { types } = this.#options;
    const type = typeOf(actor);
    const json = { json: body as Json };
    const caller = this.usage.metered({ type, name }, waiting);
    const command = parseCommand({ types, type, actor, name, body: json, id, trace, caller });
    if (command.ok) partition.submit(command.value);
    else answer(caller, command.refused);
  }

  #actorOf({ actor }: BatchCommand, scope: ActorKey | number): ActorKey | Reply {
    if (typeof scope === 'string') {
      return actor === undefined
        ? scope
        : refusal('request/malformed', 'There is no field "actor"; remove it.');
    }
    const key = actor === undefined ? undefined : parseActorKey(actor);
    if (key === undefined)
      return refusal('request/malformed', '"actor": must be like "account/alice".');
    if (partitionOf(key, this.#options.partitions) === scope) return key;
    return refusal('runtime/wrong-partition');
  }
}

interface Element {
  readonly command: unknown;
  readonly caller: Caller;
  readonly scope: ActorKey | number;
  readonly trace: string | undefined;
}

const tooLarge = refusal('request/too-large', 'The reply is larger than NATS carries.');

function headersOf(code: string | undefined, trace: string | undefined): Headers {
  return {
    ...(code !== undefined && {
      'Nats-Service-Error': code,
      'Nats-Service-Error-Code': `${statusOf(code)}`,
    }),
    ...(trace !== undefined && { traceparent: trace }),
  };
}
