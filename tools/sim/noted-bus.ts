/** A bus that notes what goes over it to actors: single requests, and each command of a batch. */
import type { BatchCommand } from '../../contracts/batch.ts';
import { parseActorKey, type ActorKey } from '../../contracts/ids.ts';
import type { Json } from '../../contracts/json.ts';
import { subjectsUnder, type Verb } from '../../contracts/subjects.ts';
import type { Bus, BusMessage } from '../../runtime/bus.ts';
import type { Clock } from '../../runtime/clock.ts';
import { readJson } from '../../runtime/command.ts';

/** One request as it went over the wire, alone or in a batch, and what came back. */
export interface Exchange {
  readonly verb: Verb;
  readonly actor: ActorKey;
  readonly name: string;
  readonly body: Json;
  readonly id: string | undefined;
  readonly askedAt: number;
  readonly answer: { readonly at: number; readonly text: string } | undefined;
}

export interface Notes {
  readonly clock: Clock;
  readonly prefix: string;
  readonly exchanges: Exchange[];
  readonly complaints: string[];
}

type Asked = Pick<Exchange, 'verb' | 'actor' | 'name' | 'body' | 'id'>;

/** The same bus; each request to actors over it is noted, with what came back. */
export function noting(bus: Bus, { clock, prefix, exchanges, complaints }: Notes): Bus {
  const request: Bus['request'] = async (subject, payload, options) => {
    const id = options.headers?.['Nats-Msg-Id'];
    const { asked, batched } = askedIn(prefix, subject, { payload, id });
    const askedAt = clock.monotonic();
    const first = exchanges.length;
    for (const one of asked) exchanges.push({ ...one, askedAt, answer: undefined });
    const message = await bus.request(subject, payload, options);
    const text = textOf(message);
    const texts = batched ? repliesIn(text, asked.length) : [text];
    if (texts === undefined) complaints.push(`${asked.length} commands were answered ${text}`);
    const at = clock.monotonic();
    asked.forEach((one, index) => {
      const told = texts?.[index];
      if (told !== undefined)
        exchanges[first + index] = { ...one, askedAt, answer: { at, text: told } };
    });
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

/** A message as text. */
export const textOf = ({ payload }: BusMessage): string => Buffer.from(payload).toString();

interface Sent {
  readonly payload: string | Uint8Array;
  readonly id: string | undefined;
}

/** What a request asks of actors; nothing if it is for nobody of them. */
function askedIn(
  prefix: string,
  subject: string,
  { payload, id }: Sent,
): { readonly asked: readonly Asked[]; readonly batched: boolean } {
  const subjects = subjectsUnder(prefix);
  const target = subjects.parse(subject);
  const one = target?.verb === 'cmd' && target.name === 'batch' ? target.actor : undefined;
  if (one !== undefined || subjects.batchedPartition(subject) !== undefined) {
    const { commands } = JSON.parse(stringOf(payload)) as { commands: readonly BatchCommand[] };
    return { asked: commands.map((command) => elementOf(command, one)), batched: true };
  }
  if (target === undefined) return { asked: [], batched: false };
  const { verb, actor, name } = target;
  const body = readJson(Buffer.from(payload)) ?? {};
  return {
    asked: [{ verb, actor, name, body, id: verb === 'cmd' ? id : undefined }],
    batched: false,
  };
}

function elementOf({ id, actor = '', name, body = {} }: BatchCommand, one?: ActorKey): Asked {
  const key = one ?? parseActorKey(actor);
  if (key === undefined) throw new Error(`"${actor}" is no actor`);
  return { verb: 'cmd', actor: key, name, body: body as Json, id };
}

/** The text of each reply to a batch, a refusal of the whole being one of each; undefined if they are not so many. */
function repliesIn(text: string, count: number): readonly string[] | undefined {
  const { ok, replies = [] } = JSON.parse(text) as { ok: boolean; replies?: readonly Json[] };
  if (!ok) return Array.from({ length: count }, () => text);
  const texts = replies.map((reply) => JSON.stringify(reply));
  const same = `{"ok":true,"replies":[${texts.join(',')}]}` === text;
  return same && texts.length === count ? texts : undefined;
}

const stringOf = (payload: string | Uint8Array): string =>
  typeof payload === 'string' ? payload : Buffer.from(payload).toString();
